"""`drift diagnose`: what a checkpoint's denoiser is as a vector field, on one page."""
