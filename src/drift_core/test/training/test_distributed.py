"""Two gloo processes, each with its share of the batch, equal one with all of it, across changes of rank."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.data.dataset import WindowDataset, batches
from drift_core.data.windows import FutureSet, WindowSet
from drift_core.denoisers import MlpDenoiser
from drift_core.encoders import SmallCnnConfig
from drift_core.objectives import DenoisingObjective
from drift_core.observation.spec import CameraSpec, ObservationSpec
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.rank.adaptive import AdaptiveRank
from drift_core.rank.modulation import bfloat16_is_fast
from drift_core.rank.schedule import ConstantRank, LinearDecay
from drift_core.training import distributed
from drift_core.training.config import RankConfig
from drift_core.training.distributed import joined
from drift_core.training.processes import ALONE
from drift_core.training.trainer import Trainer
from recorded_frames import recorded
from safetensors.torch import load_file, save_file
from torch import multiprocessing, nn
from training_case import CONFIG, MLP, UNET

SCHEDULE = LinearDecay(start=1.0, end=0.25, steps=6, every=2)  # 1, .75, .5, then .25
RISING = AdaptiveRank(start=0.25, lowest=0.25, highest=0.5, every=2, raise_above=0.01, lower_below=0.005)
BATCH = 7  # 4 windows for the first process, 3 for the second
OBJECTIVE = DenoisingObjective({"guess": 0.5, "returns": 0.1}, future_steps=(2,), returns=True)


class GuessDenoiser(MlpDenoiser):
    """An MLP with a further head that guesses what is ahead, and one for the score of the episode."""

    def __init__(self, config, horizon, action_dim, condition_dim):
        super().__init__(config, horizon, action_dim, condition_dim)
        self.guess = nn.Linear(condition_dim, 3)
        self.score = nn.Linear(condition_dim, 1)

    def loss_terms(self, windows, noise):
        error = (self.guess(windows.condition)[:, None] - windows.future.state) ** 2
        known = ~windows.returns.isnan()
        off = (self.score(windows.condition)[:, 0] - windows.returns.nan_to_num()) ** 2
        return super().loss_terms(windows, noise) | {
            "guess": windows.mean(error.mean(dim=-1), windows.future.mask),
            "returns": windows.mean(off, known),
        }


def windows(episode, count, score):
    """Windows with masks of any length, of which some see nothing ahead."""
    random = np.random.default_rng(score is None)
    mask = np.arange(8) < random.integers(1, 9, count)[:, None]
    images = random.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    rows = np.arange(count)[:, None]
    ahead = FutureSet(
        np.minimum(rows + 2, count - 1),
        random.normal(size=(count, 1, 3)).astype(np.float32),
        rows + 2 < count,
    )
    return WindowSet(
        episode,
        np.arange(count) / 10.0,
        {"front": recorded(images)},
        rows,
        rows,
        random.normal(size=(count, 1, 3)).astype(np.float32),
        random.normal(size=(count, 8, 2)).astype(np.float32),
        mask,
        np.ones(count, dtype=np.int64),
        np.zeros(count, dtype=bool),
        np.ones(count, dtype=np.int64),
        future=ahead,
        score=score,
    )


def make_policy(denoiser, seed):
    torch.manual_seed(seed)
    config = PolicyConfig(
        observation=ObservationSpec((CameraSpec("front", 16, 16),), 3, 1, 0.1),
        action_dim=2,
        action_space="point",
        horizon=8,
        action_steps=4,
        encoder=SmallCnnConfig(channels=8, maps=8),
        denoiser=denoiser,
        prediction="sample",
    )
    policy = DiffusionPolicy(config)
    if denoiser is MLP:
        policy.denoiser = GuessDenoiser(MLP, 8, 2, policy.denoiser.condition_dim)
    return policy


CASES = {
    "left": (RankConfig(form="left", policy="exact"), SCHEDULE, UNET),
    "usv": (RankConfig(form="usv", policy="exact"), SCHEDULE, MLP),
    # The rank falls before the first wrapping, and each process has a random subspace of its own in mind.
    "left random": (
        RankConfig(form="left", policy="exact", subspace="random"),
        ConstantRank(fraction=0.3),
        MLP,
    ),
    "usv random": (
        RankConfig(form="usv", policy="exact", subspace="random"),
        ConstantRank(fraction=0.3),
        UNET,
    ),
    "adaptive": (RankConfig(form="left", policy="exact"), RISING, MLP),
}
BFLOAT16 = (RankConfig(form="left", policy="exact", bfloat16=True), SCHEDULE, MLP)


def train(modulation, schedule, denoiser, processes):
    """Return the losses and merged weights after two rounds of 8 steps."""
    seed = processes.index  # wrong on purpose for all but the first: the trainer has to make them equal
    config = replace(CONFIG, steps=8, batch_size=BATCH, shift_px=2)
    objective = OBJECTIVE if denoiser is MLP else DenoisingObjective(future_steps=(2,), returns=True)
    data = WindowDataset([windows("a", 9, 1.0), windows("b", 4, None)], returns=True)
    generator, losses = torch.Generator().manual_seed(seed), []

    def run(policy, schedule):
        trainer = Trainer(policy, config, schedule, generator, modulation, objective, processes)
        drawn = batches(data, generator, BATCH, split=processes.split)
        report = trainer.run(lambda _: next(drawn), on_step=lambda step: losses.append(step.loss))
        return trainer, report

    trainer, report = run(make_policy(denoiser, seed), schedule)
    assert report.rank_changes == {SCHEDULE: 3, RISING: 1}.get(schedule, 0)
    trainer, _ = run(trainer.merged_policy(), ConstantRank(fraction=0.2))
    return {"losses": torch.tensor(losses)} | trainer.merged_policy().state_dict()


def worker(rank, folder, port):
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "RANK": str(rank)}
    os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}
    with joined() as processes:
        for name, case in CASES.items():
            save_file(train(*case, processes), Path(folder) / f"{name}_{rank}.safetensors")
        if bfloat16_is_fast(torch.device("cpu")):
            save_file(train(*BFLOAT16, processes), Path(folder) / f"bfloat16_{rank}.safetensors")
        told = processes.first(lambda: {"of": rank})
        assert told == {"of": 0}
        processes.check_same("numbers", lambda: "7")
        with pytest.raises(ConfigError, match=r"ranks must be the same in all 2 processes: \[1\] differ"):
            processes.check_same("ranks", lambda: str(rank))
        assert processes.any(rank == 1) and not processes.any(False)
        assert processes.total(torch.tensor(float(processes.says_first("no room left")))) == 1.0


def test_two_processes_equal_one_across_changes_of_rank(tmp_path):
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    arguments = (str(tmp_path), store.port)
    multiprocessing.start_processes(worker, args=arguments, nprocs=2, join=True, start_method="spawn")
    for name, case in CASES.items():
        one = train(*case, ALONE)
        first, second = (load_file(tmp_path / f"{name}_{rank}.safetensors") for rank in (0, 1))
        for key, value in one.items():
            assert torch.equal(first[key], second[key]), (name, key)
            atol = 2e-6 if key == "losses" else 1e-4  # Adam makes much of the rounding of small gradients
            assert torch.allclose(first[key], value, atol=atol), (name, key)
    if bfloat16_is_fast(torch.device("cpu")):
        first, second = (load_file(tmp_path / f"bfloat16_{rank}.safetensors") for rank in (0, 1))
        assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_without_torchrun_and_with_one_process_nothing_is_joined():
    for environment in ({}, {"RANK": "0", "WORLD_SIZE": "1"}):
        with joined(environment=environment) as processes:
            assert processes is ALONE


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK=2 must be less than WORLD_SIZE=2"),
        ({"RANK": "0", "WORLD_SIZE": "two"}, "WORLD_SIZE='two' must be a number from 0 on"),
    ],
)
def test_a_wrong_environment_is_refused_by_name(environment, text):
    with pytest.raises(ConfigError, match=text), joined(environment=environment):
        pass


def test_a_process_that_stays_alone_says_so_instead_of_waiting_for_ever(monkeypatch):
    monkeypatch.setattr(distributed, "_JOIN_S", 0.5)
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    environment = {"RANK": "0", "WORLD_SIZE": "2", "TORCHELASTIC_RESTART_COUNT": "0"}
    environment |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "MASTER_ADDR": "127.0.0.1"}
    for name, value in (environment | {"MASTER_PORT": str(store.port)}).items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(ConfigError, match=r"WORLD_SIZE=2: not all processes have come within 0.5 s"),
        joined(),
    ):
        pass


def test_an_interface_that_there_is_not_is_refused_with_what_to_set(monkeypatch):
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "nosuch0")
    with pytest.raises(ConfigError, match="GLOO_SOCKET_IFNAME must name each one's network .*nosuch0"):
        distributed.Group(0, 2, torch.distributed.HashStore(), torch.device("cpu"))
