"""Camera observation and diffusion-policy inference."""
