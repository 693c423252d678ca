"""What a gate says of an arm that it has let go of to whoever takes the arm back when it says no more."""

FREE, KEPT = b"1", b"0"  # the words: the arm is not the gate's; it is
REPEAT_S = 0.1
ECHO_S = 0.25  # as often at least the gate speaks, also of an arm that is its own, and is answered
DEAF_S = 2.0  # without an answer, whoever is to take the arm back hangs, or cannot
SILENT_S = 1.0  # as long as UR's freedrive goes on without a word
AGAIN_S = 0.5  # after a request that was refused
GIVE_UP_S = 30.0  # after the end of the gate's process


class LastWord:
    """Whether the arm is to be taken back: the newest word is that it is free, and no word has followed."""

    def __init__(self) -> None:
        self._free = False
        self._heard_s = 0.0  # when the newest word, or the end, was
        self._asked_s = float("-inf")
        self.ended = False  # the gate's process

    def hear(self, words: bytes, now_s: float) -> None:
        """Take what has been read at steady time `now_s`; nothing: the gate's process has ended."""
        if not words:
            self.ended = True
        else:
            self._free = words.endswith(FREE)
        self._heard_s = now_s

    def due(self, now_s: float) -> bool:
        """Return whether to ask for the arm now, and take it for asked."""
        silent_s = now_s - self._heard_s
        lost = self._free and (silent_s < GIVE_UP_S if self.ended else silent_s > SILENT_S)
        if not lost or now_s - self._asked_s < AGAIN_S:
            return False
        self._asked_s = now_s
        return True

    def held(self) -> None:
        """The arm is held: there is nothing to do until the gate speaks."""
        self._free = False

    def over(self, now_s: float) -> bool:
        """Return whether nothing is left to do."""
        return self.ended and (not self._free or now_s - self._heard_s >= GIVE_UP_S)
