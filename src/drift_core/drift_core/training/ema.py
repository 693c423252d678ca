"""An exponential moving average of the merged weights, right at every rank and as cheap as the factors allow.

The product of averages is not the average of products, so the average E is defined on the weight that a
layer stands for. While the rank stays, W_t = W0 + A_t V_t with W0 constant, and with D the product of all
decays since the last change
    E_t = D E + (1 - D) W0 + (average of A_t V_t, begun at 0).
Form `left` has a constant V, so the last term is (average of A_t) V: exact, at the price of N r numbers per
step instead of N K; and while D = 0, as from the beginning of a round to its first change of rank, E need not
be kept at all. Form `usv` adds the products into E, a matrix product of its own, and therefore only at every
8th step, with the decays of those 8; at each step another eighth of the layers does it. Before a change of
rank E is completed (`fold`) and begins anew.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from drift_core.policy.weights import Factors
from drift_core.rank import Modulated

_EVERY = 8  # steps between two additions to an average of form `usv`


def warm_decay(step: int, decay: float, power: float) -> float:
    """Return the decay at `step` (0, 1, ...) of a round: 0 at first, which forgets all before the round."""
    return min(decay, 1.0 - (1.0 + step) ** -power)


@dataclass(eq=False)
class _Segment:
    """The average of one factored layer since its last change of rank."""

    layer: Modulated
    before: float  # D
    left: Tensor | None  # average of A (form `left`)
    pending: float = 1.0  # product of the decays since the last addition (form `usv`)
    age: int = 0  # steps since the last change of rank, begun at a number of its own


class MergedEma:
    """Averages of all trainable parameters of a module, by the names that they have when it is merged."""

    def __init__(self, module: nn.Module) -> None:
        # Modulated layers: (G, N, K), absent where D = 0 in form `left`; others: like the parameter.
        self._average: dict[str, Tensor] = {}
        self._segments: dict[str, _Segment] = {}  # by name of the weight
        self._module = module
        self._layers: dict[str, Modulated] = {}
        self._others: dict[str, nn.Parameter] = {}
        self.restart()

    @torch.no_grad()
    def restart(self) -> None:
        """Forget the past: the average is the present weights, of what trains now."""
        self._segments = {}
        self.begin()
        self._average = {name: parameter.detach().clone() for name, parameter in self._others.items()}
        for name, layer in self._layers.items():
            if layer.dense:
                self._average[name] = layer.dense_matrix()
                continue
            segment = self._segments[name]
            segment.before = 0.0
            if segment.left is not None:
                segment.left.copy_(layer.dA)
            else:
                self._average[name] = layer.left() @ layer.Vh

    @torch.no_grad()
    def update(self, decay: float) -> None:
        """Average the present weights in: E <- decay E + (1 - decay) W."""
        averages = [self._average[name] for name in self._others]
        present = [parameter.detach() for parameter in self._others.values()]
        for name, layer in self._layers.items():
            if layer.dense:
                averages.append(self._average[name])
                present.append(layer.layout.to_matrix(layer.get_parameter("weight").detach()))
                continue
            segment = self._segments[name]
            segment.age += 1
            if segment.left is not None:
                segment.before *= decay
                averages.append(segment.left)
                present.append(layer.dA.detach())
                if segment.before == 0.0:
                    self._average.pop(name, None)
            else:
                segment.pending *= decay
                if segment.age % _EVERY == 0:
                    _add_product(self._average[name], segment)
                    segment.before *= segment.pending
                    segment.pending = 1.0
        if averages:
            torch._foreach_lerp_(averages, present, 1.0 - decay)

    def fold(self) -> None:
        """Complete all averages; call it before the rank of any layer changes, and `begin` after."""
        for name, segment in self._segments.items():
            self._average[name] = self._complete(self._average.get(name), segment)
        self._segments = {}

    def begin(self) -> None:
        """Begin to average with the layers as they are now."""
        self._layers, self._others = _trained_layers(self._module), _other_parameters(self._module)
        for number, (name, layer) in enumerate(self._layers.items()):
            if not layer.dense:
                left = torch.zeros_like(layer.dA.detach()) if layer.settings.form == "left" else None
                self._segments[name] = _Segment(layer, 1.0, left, age=number % _EVERY)

    @torch.no_grad()
    def weights(self) -> dict[str, Tensor]:
        """Return the averages by the parameter names of the merged module; copies."""
        result = {}
        for name in [*self._layers, *self._others]:
            average = self._average.get(name)
            value = None if average is None else average.clone()
            if name in self._segments:
                value = self._complete(value, self._segments[name])
            assert value is not None
            if name in self._layers:
                value = self._layers[name].layout.to_weight(value).contiguous()
            result[name] = value
        return result

    def factors(self) -> dict[str, Factors] | None:
        """Return (W0, V, average of A) of every factored layer by the name of its weight.

        None where an average is more than W0 + (average of A) V: form `usv`, or an average that was not begun
        anew at the last change of rank.
        """
        result = {}
        for name, segment in self._segments.items():
            if segment.left is None or segment.before != 0.0:
                return None
            result[name] = Factors(segment.layer.base(), segment.layer.right(), segment.left)
        return result

    def state(self) -> tuple[dict[str, Tensor], dict[str, tuple[float, float, int]]]:
        """Return tensors and numbers that `load_state` takes back."""
        tensors = {f"average.{name}": average for name, average in self._average.items()}
        tensors |= {f"left.{name}": s.left for name, s in self._segments.items() if s.left is not None}
        return tensors, {name: (s.before, s.pending, s.age) for name, s in self._segments.items()}

    def expected(self, numbers: dict[str, tuple[float, float, int]]) -> tuple[dict[str, Tensor], set[str]]:
        """Return tensors of the names and shapes of a `state` with these numbers, and which need not be."""
        before = {
            f"average.{name}": segment.layer.base()
            for name, segment in self._segments.items()
            if segment.left is not None
        }
        optional = {key for key in before if numbers[key.removeprefix("average.")][0] == 0.0}  # D = 0
        return self.state()[0] | before, optional

    @torch.no_grad()
    def load_state(self, tensors: dict[str, Tensor], numbers: dict[str, tuple[float, float, int]]) -> None:
        """Continue from a `state` taken at the same ranks; the keys and shapes must have been checked."""
        self._average = {
            key.removeprefix("average."): value.to(self._device(key.removeprefix("average.")), copy=True)
            for key, value in tensors.items()
            if key.startswith("average.")
        }
        for name, segment in self._segments.items():
            segment.before, segment.pending, segment.age = numbers[name]
            if segment.left is not None:
                segment.left.copy_(tensors[f"left.{name}"])

    def _device(self, name: str) -> torch.device:
        """Return where the parameter is that the merged module calls `name`."""
        if name in self._others:
            return self._others[name].device
        return next(iter(self._layers[name].factors().values())).device

    @torch.no_grad()
    def _complete(self, average: Tensor | None, segment: _Segment) -> Tensor:
        """Return E; `average` is overwritten."""
        layer = segment.layer
        if average is None:
            assert segment.left is not None
            return Factors(layer.base(), layer.right(), segment.left).matrix()
        if segment.left is not None:
            average.mul_(segment.before).baddbmm_(segment.left, layer.right())
            return average.add_(layer.base(), alpha=1.0 - segment.before)
        _add_product(average, segment)
        return average.add_(layer.base(), alpha=1.0 - segment.before * segment.pending)


def _add_product(average: Tensor, segment: _Segment) -> None:
    """Average the present A V in, with the decays since the last time."""
    layer, decay = segment.layer, segment.pending
    average.baddbmm_(layer.left(), layer.right(), beta=decay, alpha=1.0 - decay)


def _trained_layers(module: nn.Module) -> dict[str, Modulated]:
    """Return the modulated layers that train, by the name of their weight."""
    return {
        f"{name}.weight" if name else "weight": layer
        for name, layer in module.named_modules()
        if isinstance(layer, Modulated) and layer.trainable
    }


def _other_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the trainable parameters that are no factor of a weight."""
    factors = {
        id(factor)
        for layer in module.modules()
        if isinstance(layer, Modulated)
        for factor in layer.factors().values()
    }
    return {
        name: parameter
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and id(parameter) not in factors
    }
