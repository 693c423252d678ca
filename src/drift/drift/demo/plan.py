"""How much of everything a demo run does."""

from dataclasses import dataclass

from drift.session_loop import TrainMode


@dataclass(frozen=True)
class DemoPlan:
    """The numbers of one demo run; the seeds of its stages do not overlap, nor with the evaluation's."""

    name: str
    robot: str
    task: str
    train: str  # a file of config/train
    seed: int
    demonstrations: int  # episodes that the expert drives
    train_mode: TrainMode
    rounds: int  # into which the corrected episodes are split, where there are rounds
    episodes: int  # corrected episodes
    evaluations: int  # paired rollouts before and after, in process
    dds_evaluations: int  # rollouts of the last checkpoint over DDS
    takeovers: bool  # in the evaluation over DDS, where each one ends its rollout as a failure
    control: bool  # also train a policy on as many labels from further demonstrations

    @property
    def first_demonstration(self) -> int:
        """Seed of the first demonstration; each further one counts up."""
        return 10_000 * self.seed

    @property
    def first_corrected(self) -> int:
        """Seed of the first corrected episode."""
        return 10_000 * self.seed + 5_000

    @property
    def corrected(self) -> list[range]:
        """Seeds of the corrected episodes, of each round, or of the one stream."""
        first, parts = self.first_corrected, self.rounds if self.train_mode is TrainMode.ROUNDS else 1
        ends = [first + round(self.episodes * part / parts) for part in range(parts + 1)]
        return [range(begin, end) for begin, end in zip(ends, ends[1:], strict=False) if begin < end]

    @property
    def first_control(self) -> int:
        """Seed of the first further demonstration of the control."""
        return 10_000 * self.seed + 2_000
