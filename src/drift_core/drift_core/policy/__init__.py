"""The diffusion policy: what it holds, how it is saved, tried and run."""
