"""Rank-modulate any network: train all of it, then only the leading part of every weight.

python examples/modulate_the_rank.py
"""

import torch
from drift_core import merge, modulate, rank_report, set_rank
from torch import nn


def make_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(3, 32, kernel_size=3, padding=1),  # its matrix is (32, 9): the maximum rank is 9
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(32 * 16, 64),
        nn.SiLU(),
        nn.Linear(64, 8),
    )


def train(network: nn.Module, steps: int) -> float:
    """Fit a fixed random batch; return the last loss."""
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(64, 3, 16, generator=generator), torch.randn(64, 8, generator=generator)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(network(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


def main() -> None:
    network = make_network()
    modulate(network, policy="exact")  # at full rank; "fast" changes a layer only where that saves time
    print(f"full rank: {rank_report(network).trainable_parameters} parameters, loss {train(network, 30):.3f}")

    x = torch.randn(5, 3, 16, generator=torch.Generator().manual_seed(2))
    before = network(x)
    set_rank(network, 0.25)  # a quarter of each layer's own maximum: the function stays the same
    report = rank_report(network)
    for layer in report.layers:
        print(f"  {layer.name}: rank {layer.effective} of {layer.max_rank}")
    print(f"the output moved by {(network(x) - before).abs().max():.0e}")
    # What the ranks leave out is frozen; a new optimizer takes the parameters that are there now.
    print(f"rank 1/4: {report.trainable_parameters} parameters, loss {train(network, 30):.3f}")

    merge(network)  # ordinary layers again, for a checkpoint or an engine
    print(f"merged: {[type(layer).__name__ for layer in network]}")


if __name__ == "__main__":
    main()
