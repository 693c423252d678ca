"""Samplers by name: "ddpm-100", "ddim-8", "dpm-10", "rti-3", "draft-3", "anchored-2" (kind and number of
denoising steps)."""

from drift_config.errors import ConfigError

from drift_core.samplers.ddim import DdimSampler
from drift_core.samplers.ddpm import DdpmSampler
from drift_core.samplers.dpm_solver import DpmSolverSampler
from drift_core.samplers.draft import AnchoredSampler, Draft, DraftSampler
from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction
from drift_core.samplers.prefix import Prefix, prefix_weights
from drift_core.samplers.rti import RtiSampler, WarmStart
from drift_core.samplers.sampler import DEFAULT_CLIP, Denoise, Guide, Sampler, Start, Trace, TracedStep

__all__ = [
    "DEFAULT_CLIP",
    "SAMPLERS",
    "AnchoredSampler",
    "DdimSampler",
    "DdpmSampler",
    "Denoise",
    "DpmSolverSampler",
    "Draft",
    "DraftSampler",
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

SAMPLERS: dict[str, type[Sampler]] = {
    "ddpm": DdpmSampler,
    "ddim": DdimSampler,
    "dpm": DpmSolverSampler,
    "rti": RtiSampler,
    "draft": DraftSampler,
    "anchored": AnchoredSampler,
}


def make_sampler(
    name: str, schedule: NoiseSchedule, prediction: Prediction, clip: float | None = DEFAULT_CLIP
) -> Sampler:
    """Return the sampler called `name`, "<kind>-<steps>"."""
    kind, _, digits = name.partition("-")
    count = int(digits) if digits.isascii() and digits.isdigit() else 0
    if kind not in SAMPLERS or not 1 <= count <= schedule.train_steps:
        allowed = ", ".join(f"{kind}-<steps>" for kind in SAMPLERS)
        raise ConfigError(f"sampler={name!r} must be one of: {allowed}, steps 1 to {schedule.train_steps}")
    sampler = SAMPLERS[kind].of_length(count, schedule, prediction, clip)
    sampler.called = name
    return sampler
