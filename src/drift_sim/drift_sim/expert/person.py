"""What kind of person a scripted expert is: when it takes over, and how steady its hand is then."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from drift_sim.expert.delayed import Delayed
from drift_sim.expert.overlooking import Overlooking
from drift_sim.expert.random_gate import RandomGate
from drift_sim.expert.supervisor import Rule, TakeoverRule
from drift_sim.scenes.scene import ExpertConfig

MakeRule = Callable[[ExpertConfig, np.random.Generator], Rule]


def _attentive(config: ExpertConfig, rng: np.random.Generator) -> Rule:
    return TakeoverRule(config)


def _as_it_is(config: ExpertConfig) -> ExpertConfig:
    return config


@dataclass(frozen=True)
class Person:
    """One kind."""

    rule: MakeRule = _attentive  # when to take over; the generator is of the episode's seed
    config: Callable[[ExpertConfig], ExpertConfig] = _as_it_is  # of the task's own
    shakes: bool = False  # while it corrects, as in demonstrations


ATTENTIVE = Person()  # takes over as the task's file says, with a steady hand


def by_cosine(threshold: float) -> Person:
    """Take over when the arm moves elsewhere than this person would, by the cosine between both motions."""
    return Person(config=lambda config: replace(config, cosine_threshold=threshold))


def late(delay_s: float) -> Person:
    """Press and let go this much later than an attentive person."""
    return Person(lambda config, rng: Delayed(TakeoverRule(config), delay_s))


def overlooking(share: float) -> Person:
    """Miss this share of what an attentive person takes over for."""
    return Person(lambda config, rng: Overlooking(TakeoverRule(config), share, rng))


def at_random(every_s: float) -> Person:
    """Take over whatever the policy does, after this long on average."""
    return Person(lambda config, rng: RandomGate(every_s, config.hand_back_s, rng))
