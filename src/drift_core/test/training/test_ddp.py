"""Two gloo processes, each with half of the batch, equal one with all of it, across changes of rank."""

import gc
from dataclasses import replace
from pathlib import Path

import torch
from drift_core.policy.batch import Batch
from drift_core.rank.modulation import bfloat16_is_fast
from drift_core.rank.schedule import ConstantRank, LinearDecay
from drift_core.training.config import RankConfig
from drift_core.training.trainer import Trainer
from safetensors.torch import load_file, save_file
from torch import distributed, multiprocessing, nn
from torch.nn import functional
from training_case import CONFIG

SCHEDULE = LinearDecay(start=1.0, end=0.25, steps=6, every=2)  # 1, .75, .5, then .25
BATCH = 8


class Regression(nn.Module):
    """What a trainer needs of a policy, with a loss that draws no numbers."""

    encoder = None
    config = None

    def __init__(self):
        super().__init__()
        self.denoiser = nn.Sequential(
            nn.Conv1d(4, 16, 5, padding=2), nn.GroupNorm(4, 16), nn.Mish(), nn.ConvTranspose1d(16, 2, 4)
        )

    @property
    def device(self):
        return torch.device("cpu")

    def loss_terms(self, batch, generator, noise_draws=1, shift_px=0):
        """Return the squared error of the actions (B, 11, 2)."""
        found = self.denoiser(batch.state.transpose(1, 2)).transpose(1, 2)
        return {"error": functional.mse_loss(found, batch.actions)}


CASES = {
    "left": (RankConfig(form="left", policy="exact"), SCHEDULE),
    "usv": (RankConfig(form="usv", policy="exact"), SCHEDULE),
    # The rank falls before the first wrapping, and each process has a random subspace of its own in mind.
    "left random": (RankConfig(form="left", policy="exact", subspace="random"), ConstantRank(fraction=0.3)),
    "usv random": (RankConfig(form="usv", policy="exact", subspace="random"), ConstantRank(fraction=0.3)),
}
BFLOAT16 = (RankConfig(form="left", policy="exact", bfloat16=True), SCHEDULE)


def train(modulation, schedule, rank, world):
    """Return the merged weights after two rounds of 8 steps in process `rank` of `world`."""
    torch.manual_seed(
        rank
    )  # wrong on purpose for all but the first process: the trainer has to make them equal
    config = replace(CONFIG, steps=8, noise_draws=1)
    trainer = Trainer(
        Regression(), config, schedule, torch.Generator().manual_seed(rank), modulation, world > 1
    )
    data = torch.Generator().manual_seed(7)
    share = BATCH // world

    def next_batch(_):
        state, actions = torch.randn(BATCH, 8, 4, generator=data), torch.randn(BATCH, 11, 2, generator=data)
        mine = slice(rank * share, (rank + 1) * share)
        index, mask = torch.zeros(share, 1, dtype=torch.long), torch.ones(share, 11, dtype=torch.bool)
        return Batch({}, index, None, state[mine], actions[mine], mask)

    assert trainer.run(next_batch).rank_changes == (3 if schedule is SCHEDULE else 0)
    begun, constant = trainer.merged_policy(), ConstantRank(fraction=0.2)
    trainer = Trainer(begun, config, constant, trainer.generator, modulation, world > 1)
    trainer.run(next_batch)
    return trainer.merged_policy().state_dict()


def worker(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/rendezvous", rank=rank, world_size=2)
    for name, case in CASES.items():
        save_file(train(*case, rank, world=2), Path(folder) / f"{name}_{rank}.safetensors")
    if bfloat16_is_fast(torch.device("cpu")):
        save_file(train(*BFLOAT16, rank, world=2), Path(folder) / f"bfloat16_{rank}.safetensors")
    gc.collect()  # the trainers' wrappers hold the group, whose threads end with it
    distributed.barrier()
    distributed.destroy_process_group()


def test_two_processes_equal_one_across_changes_of_rank(tmp_path):
    multiprocessing.start_processes(worker, args=(str(tmp_path),), nprocs=2, join=True, start_method="spawn")
    for name, case in CASES.items():
        one = train(*case, 0, world=1)
        first, second = (load_file(tmp_path / f"{name}_{rank}.safetensors") for rank in (0, 1))
        for key, value in one.items():
            assert torch.equal(first[key], second[key]), (name, key)
            assert torch.allclose(first[key], value, atol=2e-5), (name, key)
    if bfloat16_is_fast(torch.device("cpu")):
        first, second = (load_file(tmp_path / f"bfloat16_{rank}.safetensors") for rank in (0, 1))
        assert all(torch.equal(value, second[key]) for key, value in first.items())
