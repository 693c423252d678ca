"""Diagnostics against fields, Gaussians and planes whose numbers are known."""

import math

import pytest
import torch
from drift_core.denoisers import DENOISERS, EnergyConfig, MlpConfig, TransformerConfig, make_denoiser
from drift_core.diagnostics.dimension import dimension_of, local_dimension
from drift_core.diagnostics.fields import DenoiserFields
from drift_core.diagnostics.gauge import score_error
from drift_core.diagnostics.jacobian import asymmetry, jacobian, products
from drift_core.diagnostics.mixture import Mixture, exact_output
from drift_core.samplers import make_sampler
from drift_core.samplers.noise_schedule import NoiseSchedule

SCHEDULE = NoiseSchedule(100)
DOUBLE = torch.float64
NETWORKS = {
    "energy": EnergyConfig(width=16, blocks=1, step_dim=8),
    "mlp": MlpConfig(width=16, blocks=1, step_dim=8),
    "transformer": TransformerConfig(width=16, heads=2, blocks=1, step_dim=8),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def turned(dimensions, seed=0):
    """Return random orthonormal axes."""
    return torch.linalg.qr(torch.randn(dimensions, dimensions, generator=generator(seed), dtype=DOUBLE))[0]


def mixture(dimensions=2, spread=0.5, components=3, flat=None, seed=0):
    """Return Gaussians; `flat`: with spread along that many axes only, and means in their plane."""
    g = generator(seed)
    means = torch.randn(components, dimensions, generator=g, dtype=DOUBLE)
    spreads = spread * (1.0 + torch.rand(components, dimensions, generator=g, dtype=DOUBLE)) / 1.5
    if flat is not None:
        means[:, flat:], spreads[:, flat:] = 0.0, 0.0
    weights = torch.rand(components, generator=g, dtype=DOUBLE) + 0.5
    return Mixture(weights / weights.sum(), means, spreads, turned(dimensions, seed))


def network(kind, horizon=8, action_dim=1):
    torch.manual_seed(0)
    net = make_denoiser(NETWORKS[kind], horizon, action_dim, 3)
    with torch.no_grad():  # adaLN and output layers start at zero: give them something to say
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return net.double().eval().requires_grad_(False)


def fields(kind, **sizes):
    condition = torch.randn(1, 3, generator=generator(1), dtype=DOUBLE)
    return DenoiserFields(network(kind, **sizes), condition, SCHEDULE, "epsilon")


def test_the_jacobian_of_a_linear_map_is_its_matrix():
    matrix = torch.randn(70, 5, generator=generator(), dtype=DOUBLE)
    found = jacobian(lambda x: x @ matrix.T, torch.zeros(5, dtype=DOUBLE))
    torch.testing.assert_close(found, matrix, rtol=0.0, atol=1e-12)


def test_the_asymmetry_of_known_matrices_is_exact():
    x = torch.randn(4, generator=generator(), dtype=DOUBLE)
    for matrix, expected in (
        (torch.eye(4, dtype=DOUBLE), 0.0),
        (torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=DOUBLE).kron(torch.eye(2, dtype=DOUBLE)), 2.0),
        # J = [[1, 1], [0, 1]] twice: |J - J^T|^2 = 2 * 2, |J|^2 = 2 * 3
        (
            torch.eye(2, dtype=DOUBLE).kron(torch.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=DOUBLE)),
            (4 / 6) ** 0.5,
        ),
    ):
        found = asymmetry(lambda x, m=matrix: x @ m.T, x, generator())
        assert found.value == pytest.approx(expected, abs=1e-12) and found.error == 0.0


@pytest.mark.parametrize("mixed", [0.0, 0.1, 1.0])
def test_with_many_dimensions_the_estimate_is_within_its_error(mixed):
    g, size = generator(2), 80
    random = torch.randn(size, size, generator=g, dtype=DOUBLE)
    matrix = (random + random.T) / 2.0 + mixed * (random - random.T) / 2.0
    exact = float((matrix - matrix.T).norm() / matrix.norm())
    found = asymmetry(lambda x: x @ matrix.T, torch.zeros(size, dtype=DOUBLE), g, probes=200)
    assert abs(found.value - exact) <= 3.5 * found.error + 1e-12
    assert found.error < 0.1 * max(exact, 1e-9) or exact < 1e-12


@pytest.mark.parametrize("kind", NETWORKS)
def test_products_with_a_networks_jacobian_are_those_of_the_whole_matrix(kind):
    field, x = fields(kind).noise(50), torch.randn(8, generator=generator(3), dtype=DOUBLE)
    whole, v = jacobian(field, x), torch.randn(4, 8, generator=generator(4), dtype=DOUBLE)
    forward, backward = products(field, x, v)
    torch.testing.assert_close(forward, v @ whole.T)
    torch.testing.assert_close(backward, v @ whole)


def test_an_energy_is_a_gradient_for_every_prediction_and_another_network_is_not():
    x = torch.randn(8, generator=generator(3), dtype=DOUBLE)
    for prediction in ("epsilon", "sample", "v"):
        condition = torch.randn(1, 3, generator=generator(1), dtype=DOUBLE)
        for kind in ("energy", "mlp"):
            found = DenoiserFields(network(kind), condition, SCHEDULE, prediction)
            value = asymmetry(found.noise(50), x, generator()).value
            assert value < 1e-10 if kind == "energy" else value > 1e-2
    many = fields("energy", horizon=16, action_dim=5)  # 80 dimensions: estimated
    x = torch.randn(80, generator=generator(3), dtype=DOUBLE)
    assert asymmetry(many.noise(50), x, generator()).value < 1e-10


@pytest.mark.parametrize("dimensions", [2, 5])
def test_the_score_of_a_mixture_is_the_gradient_of_its_log_density(dimensions):
    made = mixture(dimensions).noised(SCHEDULE.abar(30))
    x = torch.randn(6, dimensions, generator=generator(5), dtype=DOUBLE, requires_grad=True)
    parts = [
        torch.distributions.MultivariateNormal(
            mean @ made.axes, made.axes.T @ torch.diag(spread.square()) @ made.axes
        ).log_prob(x)
        for mean, spread in zip(made.means, made.spreads, strict=True)
    ]
    log_density = torch.logsumexp(torch.stack(parts, 1) + made.weights.log(), dim=1)
    expected = torch.autograd.grad(log_density.sum(), x)[0]
    torch.testing.assert_close(made.score(x.detach()), expected)


def test_a_rotation_of_the_score_is_gauge_though_it_is_no_gradient():
    made = mixture(2).noised(SCHEDULE.abar(20))
    x, turn = made.sample(500, generator()), torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=DOUBLE)
    # r = R grad log p: div(p r) = div(R grad p) = 0, and r . grad log p = 0 everywhere
    found = score_error(lambda at: made.score(at) + 0.7 * made.score(at) @ turn.T, made, x)
    assert found.error == pytest.approx(0.7) and found.gauge_residual < 1e-10
    skew = asymmetry(lambda at: made.score(at) @ (torch.eye(2, dtype=DOUBLE) + turn).T, x[0], generator())
    assert skew.value > 0.1


def test_a_radial_error_is_no_gauge_and_its_residual_is_the_known_one():
    size, spread = 8, 0.5
    plain = Mixture(
        torch.ones(1, dtype=DOUBLE),
        torch.zeros(1, size, dtype=DOUBLE),
        torch.full((1, size), spread, dtype=DOUBLE),
        torch.eye(size, dtype=DOUBLE),
    )
    x = plain.sample(20_000, generator())
    # r = a x: g = a (D - |x|^2 / s^2), whose variance is 2 D a^2; |r| = a s sqrt(D), |score| = sqrt(D) / s
    found = score_error(lambda at: plain.score(at) + 0.3 * at, plain, x)
    assert found.error == pytest.approx(0.3 * spread**2, rel=1e-6)
    assert found.gauge_residual == pytest.approx(math.sqrt(2.0 / size), rel=0.05)


def test_an_exact_score_has_no_error():
    made = mixture(3).noised(SCHEDULE.abar(20))
    found = score_error(made.score, made, made.sample(50, generator()))
    assert found.error == found.gauge_residual == 0.0


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v"])
@pytest.mark.parametrize(("flat", "size"), [(1, 8), (2, 8), (5, 8), (3, 16)])
def test_the_dimension_of_an_embedded_plane_is_exact_at_every_point(prediction, flat, size):
    made = mixture(size, 0.4, 1, flat=flat)
    sampler = make_sampler("ddim-16", SCHEDULE, prediction, clip=None)

    def flow(w):
        def exact(x, k):
            return exact_output(made, SCHEDULE, int(k[0]), prediction, x.flatten(1)).view_as(x)

        return sampler.sample(exact, (len(w), size, 1), generator(), w.view(-1, size, 1)).flatten(1)

    for w in torch.randn(5, size, generator=generator(7), dtype=DOUBLE):
        found = local_dimension(flow, w)
        assert found.dimension == flat and found.gap > 100.0


def test_a_circle_has_one_dimension_wherever_one_looks():
    size, angles = 8, torch.arange(64, dtype=DOUBLE) * math.tau / 64
    means = torch.zeros(64, size, dtype=DOUBLE)
    means[:, 0], means[:, 1] = angles.cos(), angles.sin()
    circle = Mixture(
        torch.full((64,), 1 / 64, dtype=DOUBLE), means, torch.full_like(means, 0.02), turned(size)
    )
    sampler = make_sampler("ddim-32", SCHEDULE, "epsilon", clip=None)

    def flow(w):
        def exact(x, k):
            return exact_output(circle, SCHEDULE, int(k[0]), "epsilon", x.flatten(1)).view_as(x)

        return sampler.sample(exact, (len(w), size, 1), generator(), w.view(-1, size, 1)).flatten(1)

    found = [
        local_dimension(flow, w).dimension
        for w in torch.randn(10, size, generator=generator(8), dtype=DOUBLE)
    ]
    assert found.count(1) >= 9


def test_without_a_gap_no_dimension_is_told():
    assert dimension_of([1.0, 0.9, 0.8, 0.5]).dimension is None
    assert dimension_of([3.0, 1.0, 0.9]).dimension == 1
    assert dimension_of([1.0, 1.0, 1e-9, 1e-13]).dimension == 2  # what is as good as zero has no gaps
    assert dimension_of([1.0]).dimension is None


def test_where_the_noise_hardly_matters_the_dimension_is_zero():
    assert dimension_of([0.0, 0.0]).dimension == dimension_of([0.02, 0.001]).dimension == 0
    assert dimension_of([1.0, 0.3, 0.02, 1e-6]).dimension == 2  # the gap below 0.05 says nothing


def test_the_flow_of_a_network_is_what_the_sampler_makes_of_a_latent():
    made = fields("mlp")
    w = torch.randn(3, 8, generator=generator(9), dtype=DOUBLE)
    net = network("mlp")
    denoise = net.hoist(torch.randn(1, 3, generator=generator(1), dtype=DOUBLE), 100)
    expected = make_sampler("ddim-4", SCHEDULE, "epsilon", None).sample(
        denoise, (3, 8, 1), generator(), initial=w.view(3, 8, 1)
    )
    torch.testing.assert_close(made.flow(4)(w), expected.flatten(1))


def test_every_kind_of_network_can_be_diagnosed():
    for config, make in DENOISERS.items():
        net = make(config(), 16, 1, 3).eval().requires_grad_(False)
        found = DenoiserFields(net, torch.zeros(1, 3), SCHEDULE, "epsilon")
        assert (
            0.0
            <= asymmetry(found.noise(50), torch.randn(16, generator=generator()), generator()).value
            <= 2.0
        )
