"""What a person sees while episodes run: who drives, success, labels, loss, rank, version, control rate."""

import math
from dataclasses import dataclass, field
from typing import Any

from drift_control.gate.state import CommandSource
from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table

from drift.session_loop import SUCCESS

DRIVERS: dict[int, str] = {
    CommandSource.HOLD: "nobody (hold)",
    CommandSource.POLICY: "policy",
    CommandSource.EXPERT: "expert",
    CommandSource.HOMING: "nobody (homing)",
}
_STYLES: dict[int, str] = {CommandSource.POLICY: "blue", CommandSource.EXPERT: "dark_orange3"}


@dataclass
class SessionView:
    """The newest of everything; fill it in and show it again. None: not known yet."""

    episodes: int  # wanted
    title: str = "session"
    done: int = 0
    successes: int = 0
    elapsed_s: float = 0.0  # of the running episode
    source: int = CommandSource.HOLD  # as in Step
    interventions: int = 0  # of the running episode
    expert_labels: int = 0  # of all episodes
    loss: float | None = None
    rank: float | None = None  # fraction of the maximum
    training: str = ""  # "step 40 of 200, 12 s to go"
    policy_version: int = 0
    corrections: str = ""  # "the newest that drives ended 7 s ago, 5.1 versions per minute"
    control_rate_hz: float | None = None
    input_rates_hz: dict[str, float] = field(default_factory=dict)  # of what is being recorded
    note: str = ""

    def show_episode(self, feedback: Any) -> None:
        """Take in feedback of RunEpisode.action."""
        self.elapsed_s, self.source = feedback.elapsed_s, feedback.source
        self.interventions, self.control_rate_hz = feedback.interventions, feedback.control_rate_hz
        self.input_rates_hz = dict(zip(feedback.inputs, feedback.input_rates_hz, strict=True))
        self.policy_version = feedback.policy_version or self.policy_version

    def count_episode(self, result: Any) -> None:
        """Take in a result of RunEpisode.action."""
        self.done += 1
        self.successes += result.outcome == SUCCESS
        self.expert_labels += result.expert_labels

    def show_training(self, feedback: Any) -> None:
        """Take in feedback of Train.action."""
        self.loss, self.rank = feedback.loss, feedback.rank
        self.training = f"step {feedback.step} of {feedback.total_steps}, {feedback.eta_s:.0f} s to go"
        if feedback.waiting_labels:
            waiting = f"{feedback.waiting_labels} labels wait"
            self.training = f"step {feedback.step}, {waiting}, {feedback.behind_s:.0f} s behind"

    def __rich__(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim")
        grid.add_column()
        episode = min(self.done + 1, self.episodes)
        grid.add_row("episode", f"{episode} of {self.episodes}, {self.elapsed_s:.1f} s")
        driver = DRIVERS.get(self.source, f"source {self.source}")
        style = _STYLES.get(self.source, "default")
        grid.add_row("driver", f"[{style}]{driver}[/], take-overs: {self.interventions}")
        grid.add_row("success", f"{self.successes} of {self.done}")
        grid.add_row("expert labels", str(self.expert_labels))
        grid.add_row("training loss", f"{_number(self.loss, '.4f')}  {self.training}".rstrip())
        grid.add_row("trained rank", _number(self.rank, ".0%"))
        grid.add_row("policy version", str(self.policy_version) if self.policy_version else "none yet")
        if self.corrections:
            grid.add_row("corrections", self.corrections)
        grid.add_row("control rate", f"{_number(self.control_rate_hz, '.1f')} Hz")
        rates = ", ".join(f"{name} {rate_hz:.1f} Hz" for name, rate_hz in self.input_rates_hz.items())
        grid.add_row("recorded", rates or "–")
        if self.note:
            grid.add_row("", self.note)
        return Panel(grid, title=self.title, title_align="left", expand=False)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def held_out(loss: float) -> str:
    """Return the loss of a new version in words; a message says NaN where no episode is held out."""
    return "no held-out episode" if math.isnan(loss) else f"held-out loss {loss:.4f}"
