"""Two gloo processes, each with half of the batch, equal one with all of it, across changes of rank."""

import socket
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed, multiprocessing, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))
from drift_core.batch import Batch
from drift_core.rank.modulation import bfloat16_is_fast
from drift_core.rank_schedule import LinearDecay
from drift_core.train_config import RankConfig
from drift_core.training import Trainer
from safetensors.torch import load_file, save_file
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

    def loss(self, batch, generator, noise_draws=1, shift_px=0):
        """Return the squared error of the actions (B, 11, 2)."""
        return functional.mse_loss(self.denoiser(batch.state.transpose(1, 2)).transpose(1, 2), batch.actions)


def train(form, rank, world, bfloat16=False):
    """Return the merged weights after 8 steps in process `rank` of `world`."""
    torch.manual_seed(rank)  # wrong on purpose for all but the first process: wrapping has to make them equal
    modulation = RankConfig(form=form, policy="exact", bfloat16=bfloat16)
    config = replace(CONFIG, steps=8, noise_draws=1)
    trainer = Trainer(
        Regression(), config, SCHEDULE, torch.Generator().manual_seed(rank), modulation, world > 1
    )
    data = torch.Generator().manual_seed(7)
    share = BATCH // world

    def next_batch(_):
        state, actions = torch.randn(BATCH, 8, 4, generator=data), torch.randn(BATCH, 11, 2, generator=data)
        mine = slice(rank * share, (rank + 1) * share)
        index, mask = torch.zeros(share, 1, dtype=torch.long), torch.ones(share, 11, dtype=torch.bool)
        return Batch({}, index, None, state[mine], actions[mine], mask)

    report = trainer.run(next_batch)
    assert report.rank_changes == 3
    return trainer.merged_policy().state_dict()


def worker(rank, port, folder):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    for form in ("left", "usv"):
        result = train(form, rank, world=2)
        save_file(result, Path(folder) / f"{form}_{rank}.safetensors")
    if bfloat16_is_fast(torch.device("cpu")):
        save_file(train("left", rank, world=2, bfloat16=True), Path(folder) / f"bfloat16_{rank}.safetensors")
    distributed.destroy_process_group()


def test_two_processes_equal_one_across_changes_of_rank(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.start_processes(
        worker, args=(port, str(tmp_path)), nprocs=2, join=True, start_method="spawn"
    )
    for form in ("left", "usv"):
        one = train(form, 0, world=1)
        for rank in (0, 1):
            two = load_file(tmp_path / f"{form}_{rank}.safetensors")
            for key, value in one.items():
                assert torch.allclose(two[key], value, atol=2e-5), (form, rank, key)
    if bfloat16_is_fast(torch.device("cpu")):
        first, second = (load_file(tmp_path / f"bfloat16_{rank}.safetensors") for rank in (0, 1))
        assert all(torch.equal(value, second[key]) for key, value in first.items())
