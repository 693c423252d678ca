"""Which experts run at a denoising step, and with which weight: a function of the step alone."""

import torch
from torch import Tensor, nn

from drift_core.denoisers.denoiser import mish
from drift_core.share import Total

_SMALL = 1e-6


class Router(nn.Module):
    """Probabilities of the experts of every block, from the embedding of the step."""

    def __init__(self, step_dim: int, blocks: int, experts: int) -> None:
        super().__init__()
        self.blocks, self.experts = blocks, experts
        self.first = nn.Linear(step_dim, step_dim)
        self.second = nn.Linear(step_dim, blocks * experts)
        nn.init.normal_(self.second.weight, std=0.02)  # about even at first
        nn.init.zeros_(self.second.bias)

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, blocks, experts) for `embedded` (B, step_dim)."""
        logits = self.second(mish(self.first(embedded)))
        return logits.view(-1, self.blocks, self.experts).softmax(dim=-1)


def choose(probabilities: Tensor, top_k: int, noise: Tensor | None = None) -> Tensor:
    """Return the weights (B, blocks, experts) of the `top_k` likeliest experts, 1 in sum; of the others 0.

    `noise`, standard normal numbers like them: draw the experts without replacement instead. That is what the
    largest of log p + Gumbel numbers are.
    """
    score = probabilities
    if noise is not None:
        uniform = torch.special.ndtr(noise).clamp(_SMALL, 1.0 - _SMALL)
        score = probabilities.detach().log() - (-uniform.log()).log()
    chosen = torch.zeros_like(probabilities).scatter(-1, score.topk(top_k, dim=-1).indices, 1.0)
    kept = probabilities * chosen
    return kept / kept.sum(dim=-1, keepdim=True)


def balance(probabilities: Tensor, weights: Tensor, total: Total) -> Tensor:
    """Return N / k sum_n f_n p_n, a mean over blocks: 1 where all N experts are used alike, at most N / k.

    f_n is how often expert n is among the k chosen ones, p_n its mean probability, before the choice is made:
    experts that were not chosen learn from it, too. `probabilities` and `weights` (B, blocks, experts).
    """
    rows = total(torch.tensor(float(len(weights)), device=weights.device))
    chosen = (weights > 0.0).to(probabilities)
    share = total(chosen.sum(dim=0)) / rows  # (blocks, experts), without gradient
    each_step = chosen[0, 0].sum()
    even = probabilities.shape[-1] / each_step
    return even * (share * (probabilities.sum(dim=0) / rows)).sum(dim=-1).mean()
