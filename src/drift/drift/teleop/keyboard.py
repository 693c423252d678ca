"""From key presses to a joystick's deflections: hold-to-run on a terminal, which tells of presses only."""

from dataclasses import dataclass

# key -> motion, direction; x forward, y left, z up
MOTIONS = {
    "w": ("x", 1), "s": ("x", -1), "a": ("y", 1), "d": ("y", -1), "r": ("z", 1), "f": ("z", -1),
    "u": ("roll", 1), "o": ("roll", -1), "i": ("pitch", 1), "k": ("pitch", -1),
    "j": ("yaw", 1), "l": ("yaw", -1),
}  # fmt: skip
GRIPPER = {"e": 1, "q": -1}  # open, close
TAKE_OVER = " "  # enable without motion
PRESSED = {"m": "arm", "x": "stop", "1": "success", "0": "failure", "n": "start", "b": "end"}
HELP = (
    "w s forward back, a d left right, r f up down, i k u o j l turn, e q hand open close, "
    "space hold still, m arm, x stop, n start an episode, 1 success, 0 failure, b break it off, Ctrl-C end"
)
HELD_S = 0.15  # a key counts as held for this long after each press or repeat
# Enable bridges the pause before a terminal repeats a key (250 to 660 ms); the motion does not.
ENABLED_S = 0.8
_LINEAR, _ANGULAR = ("x", "y", "z"), ("roll", "pitch", "yaw")


@dataclass(frozen=True)
class KeyboardStick:
    """What the keys mean now; deflections -1 .. 1."""

    enabled: bool
    linear: tuple[float, ...]  # x y z
    angular: tuple[float, ...]  # roll pitch yaw
    gripper: int  # 1 opens, -1 closes
    pressed: frozenset[str]  # values of PRESSED


class Keyboard:
    """Remember when each key was last pressed or repeated; times are steady [s]."""

    def __init__(self) -> None:
        self._last_s: dict[str, float] = {}

    def press(self, key: str, now_s: float) -> None:
        """Take note of a key; one without a meaning is ignored."""
        if key in MOTIONS or key in GRIPPER or key in PRESSED or key == TAKE_OVER:
            self._last_s[key] = now_s

    def stick(self, now_s: float) -> KeyboardStick:
        """Return what is held at `now_s`; stop takes everything else away."""
        held = {key for key, last_s in self._last_s.items() if now_s - last_s < HELD_S}
        pressed = frozenset(PRESSED[key] for key in held & PRESSED.keys())
        if "stop" in pressed:
            self._last_s = {key: last_s for key, last_s in self._last_s.items() if key in PRESSED}
            return KeyboardStick(False, (0.0,) * 3, (0.0,) * 3, 0, frozenset({"stop"}))
        driving = self._last_s.keys() - PRESSED.keys()
        rates = dict.fromkeys(_LINEAR + _ANGULAR, 0.0)
        for key in held & MOTIONS.keys():
            motion, direction = MOTIONS[key]
            rates[motion] += direction
        return KeyboardStick(
            enabled=any(now_s - self._last_s[key] < ENABLED_S for key in driving),
            linear=tuple(rates[motion] for motion in _LINEAR),
            angular=tuple(rates[motion] for motion in _ANGULAR),
            gripper=sum(GRIPPER[key] for key in held & GRIPPER.keys()),
            pressed=pressed,
        )
