"""Several processes that train one policy together, as torchrun starts them, over torch.distributed.

    torchrun --nproc-per-node 2 -m drift.commands.train ...

Gradients are summed, not averaged: each process has already divided by a number of the whole batch
(`share.py`). gloo on CPUs, NCCL with one GPU for each process. Every message is a tensor, nothing is pickled.
"""

import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from drift_config.errors import ConfigError, DriftError
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from drift_core.rank import LayerChange, Modulated
from drift_core.training.loss import PolicyLoss
from drift_core.training.processes import ALONE, Processes

_JOIN_S = 60.0  # that processes of one start may come after each other
_WAIT = timedelta(minutes=30)  # for each other in between: one may read its episodes from a slower disk
_REASON = "reason"


class LostProcessError(DriftError):
    """Another process of the training ended, or does not answer; `said`: one has given its reason."""

    def __init__(self, text: str, said: bool) -> None:
        super().__init__(text)
        self.said = said


class Group(Processes):
    """This process among several."""

    def __init__(self, index: int, count: int, store: distributed.Store, device: torch.device) -> None:
        """Join; `device`: where what is sent lies. ConfigError where they do not reach each other."""
        self.index, self.count = index, count
        self._store, self._device = store, device
        backend = "nccl" if device.type == "cuda" else "gloo"
        try:
            distributed.init_process_group(backend, store=store, rank=index, world_size=count, timeout=_WAIT)
        except RuntimeError as error:
            raise ConfigError(
                f"the {count} processes do not reach each other; on several machines "
                f"{backend.upper()}_SOCKET_IFNAME must name each one's network interface: "
                f"{str(error).splitlines()[0]}"
            ) from error

    def total(self, value: Tensor) -> Tensor:
        """Return the sum over all processes, where `value` is."""
        summed = value.detach().to(self._device, copy=True)
        distributed.all_reduce(summed)
        return summed.to(value.device)

    def any(self, flag: bool) -> bool:
        """Return whether `flag` is true in any process."""
        return bool(self.total(torch.tensor(float(flag))) > 0.0)

    def first(self, work: Callable[[], Any]) -> Any:
        """Return in all processes what `work` gives in the first; where it fails, the others end, too."""
        if self.index:
            told = json.loads(self._told(b""))
            if told is None:
                raise LostProcessError("process 0 has ended", said=True)
            return told[0]
        try:
            made = [work()]
        except BaseException:
            self._told(b"null")
            raise
        return json.loads(self._told(json.dumps(made).encode()))[0]

    def check_same(self, what: str, digest: Callable[[], str]) -> None:
        """Raise ConfigError where the `digest` of `what` is another one than in the first process."""
        mine = digest()
        expected = self._told(mine.encode()).decode()
        wrong = torch.zeros(self.count)
        wrong[self.index] = float(mine != expected)
        others = self.total(wrong).nonzero()[:, 0].tolist()
        if others:
            raise ConfigError(
                f"{what} must be the same in all {self.count} processes: {others} differ from process 0"
            )

    def summed(self, loss: PolicyLoss) -> nn.Module:
        """Return `loss` with gradients summed over all processes, which from now on train the same weights:
        parameters, frozen parts and the layers' learning rates of the first process go to all."""
        wrapped = DistributedDataParallel(loss, forward_sync_buffers=False)
        wrapped.register_comm_hook(None, _sum)
        layers = [layer for layer in loss.modules() if isinstance(layer, Modulated)]
        scales = torch.tensor([layer.update_scale for layer in layers], dtype=torch.float64)
        for layer, scale in zip(layers, self._broadcast(scales).tolist(), strict=True):
            layer.update_scale = scale
        return wrapped

    def share_generator(self, generator: torch.Generator) -> None:
        """Let the random numbers to come be those of the first process."""
        generator.set_state(self._broadcast(generator.get_state()))

    def share_moments(self, optimizer: torch.optim.Optimizer, changes: list[LayerChange]) -> None:
        """Send the moments that were carried along a change of rank from the first process to all."""
        for change in changes:
            for parameter in change.new.values():
                state = optimizer.state.get(parameter, {})
                for key in ("exp_avg", "exp_avg_sq"):
                    if key in state:
                        distributed.broadcast(state[key], src=0)

    def share_ranks(self, ranks: dict[str, int]) -> dict[str, int]:
        """Return the ranks by layer that the first process has chosen."""
        names = sorted(ranks)
        chosen = self._broadcast(torch.tensor([ranks[name] for name in names], dtype=torch.int64))
        return dict(zip(names, chosen.tolist(), strict=True))

    def says_first(self, reason: str) -> bool:
        """Return whether no other process has said before that it ends for this `reason`."""
        mine = f"{self.index}: {reason}"
        try:
            said = self._store.compare_set(_REASON, "", mine).decode()
        except (RuntimeError, OSError):  # the store is gone with the process that had it
            return True
        return said == mine or said.partition(": ")[2] != reason

    def said(self) -> bool:
        """Return whether some process has said for which reason it ends."""
        try:
            return self._store.check([_REASON])
        except (RuntimeError, OSError):
            return False

    def leave(self) -> None:
        """End together, with nothing on its way."""
        gc.collect()  # wrappers hold the group, whose threads end with it
        distributed.barrier()
        distributed.destroy_process_group()

    def _broadcast(self, value: Tensor) -> Tensor:
        """Return the value of the first process, where `value` is, which has its shape."""
        sent = value.to(self._device, copy=True)
        distributed.broadcast(sent, src=0)
        return sent.to(value.device)

    def _told(self, message: bytes) -> bytes:
        """Return the message of the first process."""
        size = int(self._broadcast(torch.tensor(len(message))))
        content = torch.frombuffer(bytearray(message), dtype=torch.uint8) if self.index == 0 else None
        content = torch.zeros(size, dtype=torch.uint8) if content is None else content
        return self._broadcast(content).numpy().tobytes()


@contextmanager
def joined(device: str = "cpu", environment: Mapping[str, str] | None = None) -> Iterator[Processes]:
    """Yield the processes that torchrun says, in its environment, that this one is of; else `ALONE`.

    ConfigError where that cannot be; LostProcessError when another one ends while this one needs it.
    """
    environment = os.environ if environment is None else environment
    index, count = _number(environment, "RANK", 0), _number(environment, "WORLD_SIZE", 1)
    if index >= count:
        raise ConfigError(f"RANK={index} must be less than WORLD_SIZE={count}")
    if count == 1:
        yield ALONE
        return
    group = Group(index, count, _meeting_point(index, count), _device(device, environment))
    try:
        yield group
    except RuntimeError as error:
        if not _of_connection(error):
            raise
        raise LostProcessError(f"another process of the {count} has ended: {error}", group.said()) from error
    group.leave()


def _sum(_: object, bucket: distributed.GradBucket) -> torch.futures.Future[Tensor]:
    """Sum gradients over all processes, where DistributedDataParallel would average them."""
    work = distributed.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(lambda done: done.value()[0])


def _meeting_point(index: int, count: int) -> distributed.Store:
    """Return the store over which the processes find each other, once all of them are there."""
    limit = timedelta(seconds=_JOIN_S)
    try:
        store, *_ = next(distributed.rendezvous("env://", index, count, timeout=limit))
        # torchrun keeps the store over a restart, and with it the addresses of processes that are gone.
        store = distributed.PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
        store.set(f"here/{index}", "")
        store.wait([f"here/{other}" for other in range(count)], limit)
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            f"WORLD_SIZE={count}: not all processes have come within {_JOIN_S:g} s (RANK={index} has): start "
            f"them with torchrun; {error}"
        ) from error
    return store


def _device(device: str, environment: Mapping[str, str]) -> torch.device:
    """Return where this process computes; a GPU is its own."""
    if not device.startswith("cuda"):
        return torch.device("cpu")
    local, there = _number(environment, "LOCAL_RANK", 0), torch.cuda.device_count()
    if local >= there:
        raise ConfigError(f"LOCAL_RANK={local} must be less than the number of GPUs here, {there}")
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    value = environment.get(name, str(otherwise))
    if not value.isascii() or not value.isdigit():
        raise ConfigError(f"{name}={value!r} must be a number from 0 on")
    return int(value)


def _of_connection(error: RuntimeError) -> bool:
    """Return whether torch.distributed failed, and nothing else."""
    return isinstance(error, distributed.DistError) or "gloo" in str(error)
