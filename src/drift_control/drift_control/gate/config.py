"""Parameters of the gate; the values are in config/nodes.yaml, section expert_gate."""

from typing import Annotated

from drift_config.strict import STRICT
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

Seconds = Annotated[float, Field(gt=0.0, le=60.0)]


@dataclass(frozen=True, config=STRICT)
class GateConfig:
    """All of it scalar, so that each is one ROS parameter."""

    rate_hz: Annotated[float, Field(ge=20.0, le=1000.0)]
    """control ticks per second"""
    dry_run: bool
    """commands go to a preview topic only: the arm is not expected to follow"""

    # Freshness: how old the newest item may be, on the steady clock.
    chunk_timeout_s: Seconds
    """a chunk that arrived longer ago is not executed"""
    camera_timeout_s: Seconds
    """oldest input of a chunk at its arrival"""
    joint_state_timeout_s: Seconds
    """joint states silent for longer: decelerate and hold"""
    joint_state_lost_s: Seconds
    """joint states silent for longer: latch a fault"""
    arm_state_timeout_s: Seconds
    """an arm that says how it is silent for longer: latch a fault"""
    clock_jump_s: Seconds
    """a larger step forward of ROS time voids chunks; any step back does"""

    # Execution of chunks
    interpolation: Annotated[str, Field(pattern="^(linear|cubic)$")]
    """of positions between set-points"""
    ramp_in_s: Annotated[float, Field(ge=0.0, le=2.0)]
    """blend into the first chunk after a hold or take-over"""
    chunk_blend_s: Annotated[float, Field(ge=0.0, le=1.0)]
    """blend from one chunk to the next; 0: at once"""
    tracking_gain_1_s: Annotated[float, Field(gt=0.0, le=20.0)]
    """pull of the command toward its set-point [1/s]"""

    # Tele-operation
    teleop_acceleration_m_s2: Annotated[float, Field(gt=0.0, le=5.0)]
    """of the velocity that the person asks for"""
    teleop_angular_acceleration_rad_s2: Annotated[float, Field(gt=0.0, le=20.0)]
    """of the angular velocity that the person asks for"""

    # Homing
    homing_speed_scale: Annotated[float, Field(gt=0.0, le=1.0)]
    """share of the velocity limits while homing"""
    plan_limit_s: Seconds
    """for a planner to find a way home, where the straight one is not free"""
    homing_timeout_s: Seconds
    """homing that takes longer is given up"""

    # Guard
    check_chunks: bool
    """the planner looks at each chunk, beside the control loop; one in collision ends in a hold"""
    tracking_error_time_s: Annotated[float, Field(ge=0.0, le=5.0)]
    """a tracking error that lasts so long latches a fault"""
    workspace_margin_m: Annotated[float, Field(ge=0.0, le=0.2)]
    """a measured TCP this far outside the workspace is a fault"""
    clamp_window_s: Seconds
    """time over which clamped ticks are counted"""
    hold_window_s: Seconds
    """time over which holds of the policy are counted"""
    holds_max: Annotated[int, Field(ge=1, le=100)]
    """more holds of the driving policy within hold_window_s ask for help"""
    clamp_ratio_max: Annotated[float, Field(gt=0.0, le=1.0)]
    """a larger share of clamped ticks within clamp_window_s holds and asks for help"""

    @model_validator(mode="after")
    def _fits_together(self) -> "GateConfig":
        if not self.ramp_in_s < self.chunk_timeout_s:
            raise ValueError(
                f"ramp_in_s={self.ramp_in_s} must be below chunk_timeout_s={self.chunk_timeout_s}"
            )
        if not self.joint_state_timeout_s < self.joint_state_lost_s:
            raise ValueError(
                f"joint_state_timeout_s={self.joint_state_timeout_s} must be below "
                f"joint_state_lost_s={self.joint_state_lost_s}"
            )
        return self

    @property
    def dt_s(self) -> float:
        """Time between ticks [s]."""
        return 1.0 / self.rate_hz
