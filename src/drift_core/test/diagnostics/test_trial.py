"""A network on a mixture with a known score, and the energy head through trainer, checkpoint and engines."""

import pytest
import torch
from drift_core.denoisers import EnergyConfig, MlpConfig, make_denoiser
from drift_core.diagnostics.trial import example_mixture, judge, train_on_mixture
from drift_core.engines import EngineError, make_engine
from drift_core.samplers.noise_schedule import NoiseSchedule

SCHEDULE = NoiseSchedule(100)
LEVELS = (20, 50, 80)


NETWORKS = (MlpConfig(width=64, blocks=2, step_dim=16), EnergyConfig(width=64, blocks=2, step_dim=16))


@pytest.mark.parametrize("config", NETWORKS, ids=lambda config: config.kind)
def test_training_brings_the_score_nearer_and_an_energy_stays_a_gradient(config):
    mixture = example_mixture(2, torch.Generator().manual_seed(0))
    rows = {}
    for steps in (1, 200):
        generator, done = torch.Generator().manual_seed(1), []
        net = train_on_mixture(
            config, SCHEDULE, "epsilon", mixture, steps, generator, lambda done=done: done.append(1)
        )
        rows[steps] = judge(net, SCHEDULE, "epsilon", mixture, LEVELS, generator)
        assert len(done) == steps
    for before, after in zip(rows[1], rows[200], strict=True):
        assert after.score_error < 0.5 * before.score_error
        assert after.gauge_residual > 1e-3, "what is learned is not exact, and its error no gauge"
        assert after.asymmetry < 1e-5 if config.kind == "energy" else after.asymmetry > 1e-4
    assert [row.k for row in rows[200]] == list(LEVELS)


def test_an_energy_is_not_exported_and_auto_runs_it_in_pytorch(caplog):
    torch.manual_seed(0)
    net = make_denoiser(EnergyConfig(width=16, blocks=1, step_dim=8), 8, 2, 3).eval()
    with pytest.raises(EngineError, match="engine='openvino' cannot run a denoiser of kind 'energy'"):
        make_engine("openvino", net)
    assert make_engine("auto", net).name == "eager" and caplog.text == ""
