"""TensorBoard scalars of training: `tensorboard --logdir runs`."""

from pathlib import Path
from types import TracebackType

from drift_core.training.rounds import RoundReport
from drift_core.training.trainer import Progress
from torch.utils.tensorboard import SummaryWriter


class Scalars:
    """Loss and its terms, rank, rate over the steps of all rounds; held-out loss and labels per version."""

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder))

    def __enter__(self) -> "Scalars":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def step(self, at: Progress, step: int, steps_per_s: float) -> None:
        """Write where a round stands; `step` counts the gradient steps of all rounds together."""
        for name, value in (
            ("loss", at.loss),
            ("gradient_norm", at.gradient_norm),
            ("lr", at.lr),
            ("rank", at.rank),
            ("effective_rank", at.effective_rank),
            ("steps_per_s", steps_per_s),
        ):
            self._writer.add_scalar(f"train/{name}", value, step)
        for name, value in at.terms.items():
            self._writer.add_scalar(f"train/terms/{name}", value, step)

    def round(self, made: RoundReport) -> None:
        """Write what a round made."""
        if made.info.loss is not None:
            self._writer.add_scalar("version/held_out_loss", made.info.loss, made.info.version)
        for name, value in made.held_out_terms.items():
            self._writer.add_scalar(f"version/held_out_terms/{name}", value, made.info.version)
        self._writer.add_scalar("version/expert_labels", made.expert_labels, made.info.version)
        self._writer.flush()
