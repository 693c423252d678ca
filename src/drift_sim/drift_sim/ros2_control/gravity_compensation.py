"""A stand-in for franka_example_controllers/GravityCompensationExampleController."""


class GravityCompensation:
    """Commands no torque: the arm carries itself and can be moved by hand as long as it is active.

    It listens to nobody, so nothing ends it but the controller manager.
    """

    def __init__(self) -> None:
        self.active = False

    def switch(self, active: bool) -> None:
        """Activate or deactivate it."""
        self.active = active

    def update(self, now_s: float) -> bool:
        """Return whether the arm is free to be moved in this cycle."""
        return self.active
