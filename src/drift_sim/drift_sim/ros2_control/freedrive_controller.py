"""A stand-in for ur_controllers/FreedriveModeController."""


class FreedriveController:
    """Lets a person move the arm while it is told so: activation alone frees nothing, silence ends it.

    Messages that come while it is inactive are dropped.
    """

    def __init__(self, timeout_s: float = 1.0) -> None:
        """`timeout_s`: the parameter `inactive_timeout`, as UR's driver sets it."""
        self._timeout_s = timeout_s
        self.active = False
        self.enabled = False
        self._heard_s = 0.0

    def switch(self, active: bool) -> None:
        """Activate or deactivate it."""
        self.active, self.enabled = active, False

    def accept(self, enable: bool, now_s: float) -> None:
        """Take a message."""
        if self.active:
            self.enabled, self._heard_s = enable, now_s

    def update(self, now_s: float) -> bool:
        """Return whether the arm is free to be moved in this cycle."""
        if now_s - self._heard_s > self._timeout_s:
            self.enabled = False
        return self.enabled
