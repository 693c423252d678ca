"""What a denoiser is as a vector field: how far from a gradient, and along how many directions it acts.

After Horvat & Pfister, "On gauge freedom, conservativity and intrinsic dimensionality estimation in diffusion
models" (arXiv 2402.03845). Formulas in docs/related.md.
"""
