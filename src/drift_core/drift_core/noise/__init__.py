"""A network that chooses the noise from which a frozen policy denoises a chunk."""

from drift_core.noise.actor import NoiseActor, NoiseActorConfig

__all__ = ["NoiseActor", "NoiseActorConfig"]
