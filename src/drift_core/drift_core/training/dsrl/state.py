"""What a learner of DSRL or FIND needs to go on after its process has ended, to the bit."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from drift_core.policy.weights import refuse_faults, tensor_faults
from drift_core.training.dsrl.divergence import DivergenceBudget

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # of Adam
_GENERATOR, _PRICE = "generator", "log_price"


@dataclass(frozen=True, eq=False)
class Changing:
    """What of a learner changes with its steps."""

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Adam]
    generator: torch.Generator
    budget: DivergenceBudget

    def tensors(self) -> dict[str, Tensor]:
        """Return copies of all of it, by name."""
        found = {_GENERATOR: self.generator.get_state(), _PRICE: self._price()}
        for name, network in self.networks.items():
            found |= {f"{name}.{key}": tensor for key, tensor in network.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for number, moments in optimizer.state_dict()["state"].items():
                found |= {f"adam.{name}.{number}.{key}": moments[key] for key in _MOMENTS}
        return {key: tensor.detach().clone().contiguous() for key, tensor in found.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from `tensors`; CheckpointError, and nothing has changed, for those of another learner."""
        moments = self._moments()
        expected = {_GENERATOR: self.generator.get_state(), _PRICE: self._price()} | moments
        for name, network in self.networks.items():
            expected |= {f"{name}.{key}": tensor for key, tensor in network.state_dict().items()}
        # a network that has not been trained yet has no moments
        refuse_faults("state of the round", tensor_faults(tensors, expected, set(moments)))
        for name, network in self.networks.items():
            network.load_state_dict({key: tensors[f"{name}.{key}"] for key in network.state_dict()})
        for name, optimizer in self.optimizers.items():
            known: dict[int, dict[str, Tensor]] = {}
            for number, _ in enumerate(_parameters(optimizer)):
                prefix = f"adam.{name}.{number}"
                if f"{prefix}.step" in tensors:
                    known[number] = {key: tensors[f"{prefix}.{key}"].clone() for key in _MOMENTS}
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": known, "param_groups": groups})
        self.generator.set_state(tensors[_GENERATOR])
        self.budget.log_price = float(tensors[_PRICE])

    def _price(self) -> Tensor:
        return torch.tensor(self.budget.log_price, dtype=torch.float64)

    def _moments(self) -> dict[str, Tensor]:
        """Return tensors like those that Adam keeps once it has made a step."""
        return {
            f"adam.{name}.{number}.{key}": torch.tensor(0.0) if key == "step" else parameter
            for name, optimizer in self.optimizers.items()
            for number, parameter in enumerate(_parameters(optimizer))
            for key in _MOMENTS
        }


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
