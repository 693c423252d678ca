"""What passes between the web server's thread and the node's executor: the newest wins, each way."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_PRESSES = 32  # that may wait; more are refused
STOP = "stop"
STICK_S = 0.1  # so long may one wait to be published: what a person did before is not what they do
Answer = Callable[[bool, str], None]  # accepted, and what is said to it; called from any thread


@dataclass(frozen=True)
class Seen:
    """Something that was heard, as plain values, with its steady time of arrival [s]."""

    what: Mapping[str, Any]
    arrival_s: float


@dataclass(frozen=True)
class Stick:
    """What a person does; deflections are shares of full ones, gripper 1 opens, -1 closes."""

    enabled: bool
    axes: tuple[float, ...]  # (6,) x y z roll pitch yaw, -1..1
    gripper: int
    speed: float  # share of full speed, 0..1


@dataclass(frozen=True)
class Frame:
    """One picture as JPEG."""

    sequence: int
    stamp_s: float  # of its source, ROS time
    age_s: float  # from its stamp to `ready_s`
    ready_s: float  # steady
    jpeg: bytes


@dataclass(frozen=True)
class Press:
    """A button that was pressed, for the node to do."""

    what: str
    answer: Answer


class Exchange:
    """Whoever puts something in calls `wake_*` of the other side, which that side sets."""

    def __init__(self) -> None:
        self.wake_web: Callable[[], None] = lambda: None
        self.wake_node: Callable[[], None] = lambda: None
        self.on_frame: Callable[[str], None] = lambda camera: None
        self._seen: dict[str, Seen] = {}
        self._lock = threading.Lock()
        self._presses: deque[Press] = deque()
        self._stick: deque[tuple[Stick, float]] = deque(maxlen=1)  # with its steady time [s]
        self._frames: dict[str, Frame] = {}
        self.driving = False  # somebody has the lease: console/joy is offered
        self.looked_at: frozenset[str] = frozenset()  # cameras

    # --- from the node

    def saw(self, name: str, what: Mapping[str, Any], arrival_s: float) -> None:
        """Keep the newest of a kind, and tell the web side."""
        self._seen = {**self._seen, name: Seen(what, arrival_s)}
        self.wake_web()

    @property
    def seen(self) -> Mapping[str, Seen]:
        """The newest of each kind; never changed, only replaced."""
        return self._seen

    def put_frame(self, camera: str, frame: Frame) -> None:
        """Keep the newest picture of a camera."""
        self._frames = {**self._frames, camera: frame}
        self.on_frame(camera)

    def frame(self, camera: str) -> Frame | None:
        """Return the newest picture of a camera, None before the first."""
        return self._frames.get(camera)

    # --- from the web side

    def press(self, what: str, answer: Answer) -> None:
        """Ask for what a button means; `answer` tells later how it went.

        Stop goes before all that waits, and is never refused; one that waits already is enough.
        """
        full = False
        with self._lock:
            if what == STOP:
                if all(press.what != STOP for press in self._presses):
                    self._presses.appendleft(Press(what, answer))
            elif len(self._presses) < _PRESSES:
                self._presses.append(Press(what, answer))
            else:
                full = True
        if full:
            answer(False, "too many presses wait already")
        self.wake_node()

    def presses(self) -> list[Press]:
        """Take what waits to be done."""
        with self._lock:
            waiting = list(self._presses)
            self._presses.clear()
        return waiting

    def put_stick(self, stick: Stick, now_s: float) -> None:
        """Replace what waits to be published; steady time [s]."""
        self._stick.append((stick, now_s))
        self.wake_node()

    def drop_stick(self) -> None:
        """Nothing more is published: what waits is forgotten."""
        self._stick.clear()

    def take_stick(self, now_s: float) -> Stick | None:
        """Take what waits to be published, unless it has waited for too long; steady time [s]."""
        try:
            stick, since_s = self._stick.popleft()
        except IndexError:
            return None
        return stick if now_s - since_s <= STICK_S else None

    def set_driving(self, driving: bool) -> None:
        """Offer console/joy, or take it back."""
        if driving != self.driving:
            self.driving = driving
            self.drop_stick()
            self.wake_node()

    def look_at(self, cameras: frozenset[str]) -> None:
        """Say which cameras somebody looks at."""
        if cameras != self.looked_at:
            self.looked_at = cameras
            self.wake_node()
