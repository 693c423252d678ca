"""Samplers by name: "ddpm-100", "ddim-8", "dpm-10", "rti-3" (kind and number of denoising steps)."""

from drift_core.errors import ConfigError
from drift_core.samplers.ddim import DdimSampler
from drift_core.samplers.ddpm import DdpmSampler
from drift_core.samplers.dpm_solver import DpmSolverSampler
from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction
from drift_core.samplers.prefix import Prefix, prefix_weights
from drift_core.samplers.rti import RtiSampler, WarmStart
from drift_core.samplers.sampler import DEFAULT_CLIP, Denoise, Guide, Sampler, Start, Trace, TracedStep

__all__ = [
    "DEFAULT_CLIP",
    "DdimSampler",
    "DdpmSampler",
    "Denoise",
    "DpmSolverSampler",
    "Guide",
    "Prefix",
    "RtiSampler",
    "Sampler",
    "Start",
    "Trace",
    "TracedStep",
    "WarmStart",
    "make_sampler",
    "prefix_weights",
]

KINDS = ("ddpm", "ddim", "dpm", "rti")
# A full denoise of RTI, and the noise level (steps of 100) at which its warm start begins.
_RTI_COLD_STEPS = 10
_RTI_WARM_LEVEL = 0.25


def make_sampler(
    name: str, schedule: NoiseSchedule, prediction: Prediction, clip: float | None = DEFAULT_CLIP
) -> Sampler:
    """Return the sampler called `name`, "<kind>-<steps>"."""
    kind, _, digits = name.partition("-")
    count = int(digits) if digits.isascii() and digits.isdigit() else 0
    if kind not in KINDS or not 1 <= count <= schedule.train_steps:
        allowed = ", ".join(f"{kind}-<steps>" for kind in KINDS)
        raise ConfigError(f"sampler={name!r} must be one of: {allowed}, steps 1 to {schedule.train_steps}")
    if kind == "rti":
        cold = schedule.even_steps(min(max(count, _RTI_COLD_STEPS), schedule.train_steps))
        return RtiSampler(schedule, prediction, cold, WarmStart(_warm_steps(count, schedule)), clip)
    steps = schedule.even_steps(count)
    if kind == "ddpm":
        return DdpmSampler(schedule, prediction, steps, clip)
    if kind == "ddim":
        return DdimSampler(schedule, prediction, steps, clip)
    return DpmSolverSampler(schedule, prediction, steps, clip)


def _warm_steps(count: int, schedule: NoiseSchedule) -> tuple[int, ...]:
    """Return `count` steps from the warm level down to 0; (25, 12, 0) for 3 of 100."""
    first = max(round(_RTI_WARM_LEVEL * schedule.train_steps), count - 1)
    if count == 1:
        return (first,)
    return tuple(round(first * (1.0 - i / (count - 1))) for i in range(count))
