"""The loss on old and new data apart, with windows whose loss is a number by hand."""

from types import SimpleNamespace

import pytest
import torch
from drift_core.training.rounds.old_and_new import loss_on


class Windows:
    """Windows by value; the last `new` of them are of the correction ("monday", 1)."""

    def __init__(self, values, new=0):
        self.values, self.new = torch.tensor(values), new

    def __len__(self):
        return len(self.values)

    def rows(self, names):
        assert names == ["monday"] or not names
        return torch.arange(len(self) - self.new, len(self)) if names else torch.zeros(0, dtype=torch.long)

    def batch(self, rows):
        values = self.values[rows]
        batch = SimpleNamespace(values=values, mask=torch.ones_like(values))
        batch.to = lambda device: batch
        return batch


class Value:
    """An objective whose loss of a window is its value."""

    def terms(self, policy, batch, generator, noise_draws):
        return {"value": batch.values.mean()}

    def combine(self, terms):
        return terms["value"]


def losses(offline, online, came):
    names = lambda corrections: ["monday"] if ("monday", 1) in corrections else []  # noqa: E731
    data = SimpleNamespace(offline=offline, online=online, names_of=names)
    policy = torch.nn.Identity()
    policy.device = "cpu"
    return loss_on(SimpleNamespace(data=data, seed=0), SimpleNamespace(objective=Value()), policy, came)


def test_the_loss_on_new_data_is_that_of_what_came_and_the_old_is_all_the_rest_in_its_share():
    offline, online = Windows([1.0] * 60), Windows([2.0] * 8 + [4.0, 6.0], new=2)
    found = losses(offline, online, {("monday", 1)})
    assert found["new"] == pytest.approx(5.0)
    # 32 of 68: 28 of the offline ones and 4 of the online ones
    assert found["old"] == pytest.approx((28 * 1.0 + 4 * 2.0) / 32)


def test_what_there_is_none_of_has_no_loss():
    assert losses(Windows([1.0]), Windows([]), set()) == {"old": pytest.approx(1.0)}
    assert losses(Windows([]), Windows([3.0], new=1), {("monday", 1)}) == {"new": pytest.approx(3.0)}
