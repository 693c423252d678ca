"""What a session's corrections have come to, seen from a client of the stack."""

from pathlib import Path
from typing import Any

from drift_control.gate.state import CommandSource
from drift_core.errors import CheckpointError
from drift_core.training.provenance import load_provenance
from drift_ros.clock import to_seconds
from drift_ros.session import SessionClient

from drift.corrections import CorrectionLog


class CorrectionWatch:
    """Reads what stands beside each announced version. Time is that of `gate/state`, and so of the steps."""

    def __init__(self, client: SessionClient) -> None:
        self._client = client
        self.log = CorrectionLog(self._now_s())
        self._version = 0 if client.checkpoint is None else client.checkpoint.version
        self._missing = ""  # the folder without, once it was said

    def look(self, feedback: Any) -> list[str]:
        """Take in the newest version and feedback of RunEpisode.action; return what a person should read."""
        lines = self._look_at_versions()
        if feedback.source == CommandSource.POLICY:
            lines += [str(row) for row in self.log.drive(feedback.policy_version, self._now_s())]
        return lines

    def summary(self) -> str:
        """How old the newest correction is that drives, and how often there is a new version."""
        age_s = self.log.age_s(self._now_s())
        drives = (
            "none of this session drives yet"
            if age_s is None
            else f"the newest that drives is {age_s:.0f} s old"
        )
        rate = f"{self.log.versions_per_minute(self._now_s()):.1f} versions per minute"
        return "; ".join(filter(None, (drives, rate, self.log.losses())))

    def closing_words(self) -> list[str]:
        """Return a line for each correction that has not driven, and one about all."""
        lines = self._look_at_versions()
        lines += [str(row) for row in self.log.rows if row.drove_s is None]
        return [*lines, *filter(None, [self.in_short()])]

    def in_short(self) -> str:
        """Return one sentence about all, empty before the first."""
        return self.log.in_short(self._now_s())

    def _look_at_versions(self) -> list[str]:
        newest = self._client.checkpoint
        if newest is None or newest.version == self._version:
            return []
        self._version = newest.version
        try:
            found = load_provenance(Path(newest.path))
        except CheckpointError as error:
            return [str(error)]
        if found is None:
            said, self._missing = self._missing, str(Path(newest.path).parent)
            if said == self._missing:
                return []
            what = f"what version {newest.version} has learned from"
            return [f"no file in {self._missing} of this machine says {what}"]
        self.log.announce(newest.version, self._now_s(), found.corrections, found.loss_on)
        return []

    def _now_s(self) -> float:
        return to_seconds(self._client.gate_state.header.stamp)
