"""TensorBoard scalars of training: `tensorboard --logdir runs`."""

import sys
from pathlib import Path
from types import TracebackType

from drift_core.training.rounds import Backlog, Refused, RoundReport
from drift_core.training.trainer import StepProgress
from torch.utils.tensorboard import SummaryWriter


class Scalars:
    """Loss and its terms, rank, rate over the steps of all rounds; losses and labels per version.

    Training does not depend on them: when they cannot be written, that is said once and the rounds go on.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: SummaryWriter | None = None
        try:
            self._writer = SummaryWriter(str(folder))
        except OSError as error:
            self._give_up(error)

    def __enter__(self) -> "Scalars":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
        except OSError as failure:
            self._give_up(failure)

    def step(self, at: StepProgress, step: int, steps_per_s: float) -> None:
        """Write where a round stands; `step` counts the gradient steps of all rounds together."""
        values = {
            "loss": at.loss,
            "gradient_norm": at.gradient_norm,
            "lr": at.lr,
            "rank": at.rank,
            "effective_rank": at.effective_rank,
            "steps_per_s": steps_per_s,
        }
        values |= {f"terms/{name}": value for name, value in at.terms.items()}
        self._write({f"train/{name}": value for name, value in values.items()}, step)

    def round(self, made: RoundReport) -> None:
        """Write what a round made."""
        values = {} if made.info.loss is None else {"held_out_loss": made.info.loss}
        values |= {f"held_out_terms/{name}": value for name, value in made.held_out_terms.items()}
        values |= {f"loss_on_{data}": loss for data, loss in made.loss_on.items()}
        values |= {"expert_labels": made.expert_labels, "idle_labels": made.idle_labels}
        if ended_s := [correction.ended_s for correction in made.corrections if correction.trained_on]:
            values["corrections_trained_on"] = len(ended_s)
            values["newest_correction_age_s"] = made.info.created_s - max(ended_s)
        self._write({f"version/{name}": value for name, value in values.items()}, made.info.version, True)

    def backlog(self, backlog: Backlog, step: int) -> None:
        """Write what continuous training has before it after `step` gradient steps of all rounds."""
        values = {
            "backlog_labels": backlog.labels,
            "behind_s": backlog.behind_s,
            "steps_per_label": backlog.steps_per_label,
        }
        self._write({f"train/{name}": value for name, value in values.items()}, step)

    def refused(self, refused: Refused) -> None:
        """Write the loss of a candidate that is not announced, and what was allowed."""
        self._write({"refused/held_out_loss": refused.loss, "refused/allowed": refused.allowed}, refused.step)

    def _write(self, values: dict[str, float], step: int, flush: bool = False) -> None:
        if self._writer is None:
            return
        try:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
            if flush:
                self._writer.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._writer = None
        print(
            f"worker: no TensorBoard scalars in {self._folder} any more: {error}", file=sys.stderr, flush=True
        )
