"""MoDE: experts chosen by the step alone, balanced, run as one network that is kept by the step's number."""

import onnx
import pytest
import torch
from drift_core.denoisers import ModeConfig, make_denoiser
from drift_core.denoisers.mode.experts import Experts
from drift_core.denoisers.mode.router import balance, choose
from drift_core.denoisers.windows import Noise, Windows
from drift_core.engines import make_engine
from drift_core.engines.onnx_graph import onnx_graph
from drift_core.engines.parts import TRUNK, parts_of
from drift_core.policy.checkpoint import load_checkpoint, save_checkpoint
from drift_core.policy.checkpoint_folder import CheckpointInfo
from drift_core.rank import modulate, modulated_layers
from drift_core.samplers.noise_schedule import NoiseSchedule
from drift_core.share import alone
from training_case import FALLING, LEFT, make_policy, make_trainer, next_batch

SMALL = ModeConfig(width=16, heads=2, blocks=2, step_dim=16)
STEPS = 100


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def network(config=SMALL, seed=0):
    """A network whose router changes its mind a few times between the first and the last step."""
    torch.manual_seed(seed)
    made = make_denoiser(config, horizon=8, action_dim=3, condition_dim=5).eval()
    last = made.router.second
    last.weight.normal_(std=20.0, generator=generator(seed))
    last.bias.copy_(-made.probabilities(torch.arange(STEPS)).log().mean(dim=0).flatten())
    return made


def inputs(batch):
    return torch.randn(batch, 8, 3, generator=generator(1)), torch.randn(batch, 5, generator=generator(2))


def uncached(net, x, k, condition):
    with torch.no_grad():
        return net(x, torch.full((len(x),), k), condition)


def routes(net):
    """Which experts run at each step in each block: (K, blocks, experts) bool."""
    return choose(net.probabilities(torch.arange(STEPS)), net.config.top_k) > 0.0


def test_the_likeliest_experts_are_weighted_by_what_is_left_of_their_probabilities():
    weights = choose(torch.tensor([[[0.4, 0.3, 0.2, 0.1]]]), 2)
    torch.testing.assert_close(weights, torch.tensor([[[4 / 7, 3 / 7, 0.0, 0.0]]]))


def test_in_training_experts_are_drawn_without_replacement():
    probabilities = torch.tensor([0.4, 0.3, 0.2, 0.1]).expand(20_000, 1, 4)
    weights = choose(probabilities, 2, torch.randn(20_000, 1, 4, generator=generator()))
    chosen = (weights > 0.0).float()
    assert (chosen.sum(-1) == 2.0).all()
    # First: .4. Second, after one of the others: .3 * .4/.7 + .2 * .4/.8 + .1 * .4/.9.
    assert chosen[:, 0, 0].mean().item() == pytest.approx(0.4 + 0.1714 + 0.1 + 0.0444, abs=0.012)


def test_balance_is_1_when_all_experts_are_used_alike_and_2_when_half_of_them_are():
    even, half = torch.full((2, 1, 4), 0.25), torch.tensor([0.5, 0.5, 0.0, 0.0]).expand(2, 1, 4)
    one, other = torch.tensor([0.5, 0.5, 0.0, 0.0]), torch.tensor([0.0, 0.0, 0.5, 0.5])
    assert balance(even, torch.stack([one, other])[:, None], alone).item() == pytest.approx(1.0)
    assert balance(half, one.expand(2, 1, 4), alone).item() == pytest.approx(2.0)  # 4/2 (1 * .5 + 1 * .5)


def test_experts_that_were_not_chosen_learn_from_the_balance():
    logits = torch.tensor([[[2.0, 1.0, 0.0, -1.0]]], requires_grad=True)
    probabilities = logits.softmax(-1)
    balance(probabilities, choose(probabilities, 2), alone).backward()
    assert (logits.grad[0, 0, :2] > 0.0).all() and (logits.grad[0, 0, 2:] < 0.0).all()  # down, up


def test_only_experts_with_a_weight_run():
    torch.manual_seed(0)
    experts, h = Experts(4, 6, 8), torch.randn(2, 3, 6)
    with torch.no_grad():
        for n in (0, 2):
            experts.each[n].leave.weight.fill_(torch.nan)
        first, second = (experts.each[n](h) for n in (1, 3))
        found = experts(h, torch.tensor([[0.0, 0.25, 0.0, 0.75], [0.0, 1.0, 0.0, 0.0]]))
    torch.testing.assert_close(found[0], 0.25 * first[0] + 0.75 * second[0])
    torch.testing.assert_close(found[1], first[1])


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_cached_experts_give_the_same_output_at_every_step(batch):
    net = network()
    x, condition = inputs(batch)
    with torch.no_grad():
        denoise = net.hoist(condition, STEPS)
        worst = max(
            (denoise(x, torch.full((batch,), k)) - uncached(net, x, k, condition)).abs().max().item()
            for k in range(STEPS)
        )
    assert worst <= 1e-5
    chosen = routes(net)
    assert chosen.any(dim=0).sum() > 4 and not (chosen == chosen[0]).all()  # more than one pair is used


def test_rows_at_different_steps_run_their_own_experts():
    net = network()
    x, condition = inputs(3)
    with torch.no_grad():
        together = net.hoist(condition, STEPS)(x, torch.tensor([0, 50, 99]))
        for row, k in enumerate((0, 50, 99)):
            alone_ = uncached(net, x[row : row + 1], k, condition[row : row + 1])
            torch.testing.assert_close(together[row : row + 1], alone_, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["router.second.bias", "embedding.second.weight", "blocks.1.experts.each.2.leave.weight"]
)
def test_kept_experts_are_forgotten_when_a_weight_changes(name):
    net = network()
    x, condition = inputs(1)
    with torch.no_grad():
        before = [net.hoist(condition, STEPS)(x, torch.tensor([k])) for k in range(0, STEPS, 9)]
        weight = net.get_parameter(name)
        weight.add_(torch.randn(weight.shape, generator=generator(3)))
        after = [net.hoist(condition, STEPS)(x, torch.tensor([k])) for k in range(0, STEPS, 9)]
    for k, found in zip(range(0, STEPS, 9), after, strict=True):
        torch.testing.assert_close(found, uncached(net, x, k, condition), rtol=1e-5, atol=1e-5)
    assert any(not torch.allclose(a, b) for a, b in zip(before, after, strict=True))


def test_the_observation_has_no_say_in_which_experts_run():
    net = network()
    assert not net.condition_film(torch.randn(4, 5))[:, -8:].any()  # 2 blocks of 4 experts


def test_in_the_exported_graph_each_expert_is_a_branch_that_may_be_left_out():
    net = network()
    nodes = onnx.load_from_string(onnx_graph(parts_of(net)[TRUNK])).graph.node
    assert sum(node.op_type == "If" for node in nodes) == 8
    engine, (x, condition) = make_engine("openvino", net), inputs(1)
    with torch.no_grad():
        denoise = net.hoist(condition, STEPS, engine.checked_runs(net)[TRUNK])
        for k in range(0, STEPS, 9):
            found = denoise(x, torch.tensor([k]))
            torch.testing.assert_close(found, uncached(net, x, k, condition), rtol=1e-4, atol=1e-4)


def test_every_expert_is_modulated_by_itself_and_the_cache_sees_the_factored_weight():
    net = network()
    x, condition = inputs(1)
    before = [uncached(net, x, k, condition) for k in (0, 50, 99)]
    modulate(net, 0.5, policy="exact")
    layers = [name for name in modulated_layers(net) if ".experts." in name]
    assert len(layers) == 16  # 2 blocks of 4 experts with 2 layers
    assert {net.get_submodule(name).rank for name in layers} == {8}  # half of min(16, 128) and min(64, 16)
    with torch.no_grad():
        denoise = net.hoist(condition, STEPS)
        for k, expected in zip((0, 50, 99), before, strict=True):
            torch.testing.assert_close(denoise(x, torch.tensor([k])), expected, rtol=1e-4, atol=1e-5)


def test_it_trains_with_a_falling_rank_and_comes_back_from_its_checkpoint(tmp_path):
    trainer = make_trainer(LEFT, FALLING, SMALL)
    losses = []
    trainer.run(next_batch, on_step=lambda progress: losses.append(progress.loss))
    assert sum(losses[-10:]) < sum(losses[:10])
    made = trainer.merged_policy().eval()
    path = tmp_path / "policy_000001.safetensors"
    save_checkpoint(path, made, CheckpointInfo("fork", "point", 1, 0, 1.0, 1.0, 1, None, "test", 1.0))
    again = load_checkpoint(path).policy
    assert again.config.denoiser == SMALL
    condition, sampler = torch.randn(2, made.denoiser.condition_dim, generator=generator()), "ddim-4"
    with torch.no_grad():
        first, second = (p.sample(condition, p.make_sampler(sampler), generator()) for p in (made, again))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_a_policy_with_the_engine_eager_runs_the_cached_experts(monkeypatch):
    made = make_policy(SMALL).eval()
    made.use_engine(make_engine("eager", made.denoiser))
    monkeypatch.setattr(made.denoiser, "trunk", lambda x, film: pytest.fail("ran experts one by one"))
    with torch.no_grad():
        chunk = made.sample(torch.zeros(1, 3), made.make_sampler("ddim-4"), generator())
    assert chunk.shape == (1, 8, 2)


def loss_terms(net):
    actions, condition = inputs(6)
    windows = Windows(condition, actions, torch.ones(6, 8, dtype=torch.bool))
    return net.loss_terms(windows, Noise(NoiseSchedule(STEPS), "epsilon", generator(5), 2))


def test_the_balance_counts_for_a_hundredth_and_experts_are_drawn_in_training_only():
    net = network()
    evaluated, again = loss_terms(net), loss_terms(net)
    assert set(evaluated) == {"denoising", "balance"} and evaluated["denoising"] == again["denoising"]
    assert 0.01 <= evaluated["balance"].item() <= 0.02  # between N / N and N / k
    assert loss_terms(net.train())["denoising"] != evaluated["denoising"]


def test_what_two_processes_add_to_the_balance_is_that_of_one():
    probabilities = torch.rand(6, 2, 4, generator=generator()).softmax(-1)
    weights = choose(probabilities, 2)
    sums = {(): torch.tensor(6.0), (2, 4): (weights > 0.0).float().sum(0)}  # of rows and of choices, in both
    parts = [balance(probabilities[n::2], weights[n::2], lambda v: sums[tuple(v.shape)]) for n in (0, 1)]
    torch.testing.assert_close(parts[0] + parts[1], balance(probabilities, weights, alone))


def test_more_experts_at_a_step_than_there_are_are_refused():
    with pytest.raises(ValueError, match="top_k=5 must be at most experts=4"):
        ModeConfig(top_k=5)
    with pytest.raises(ValueError, match="width=30 must be a multiple of heads=4"):
        ModeConfig(width=30)
