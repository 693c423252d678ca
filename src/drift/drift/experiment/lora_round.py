"""An online round of LoRA: the newest policy goes on with adapters, which are merged into what is saved."""

import torch
from drift_core.policy.weights import policy_weights
from drift_core.training.rounds import Hooks, NoDataError, RoundReport, Rounds
from drift_core.training.rounds.mixed import MixedBatches
from drift_core.training.rounds.shared import RoundOrder
from drift_core.training.trainer import Trainer, held_out_loss

from drift.experiment.lora import add_lora, without_lora


def train(rounds: Rounds, hooks: Hooks, steps: int) -> RoundReport:
    """Train as an online round does, as many numbers as form `usv` at the recipe's rank.

    NoDataError without a label, or without a policy to start from.
    """
    data = rounds.update_data(hooks)
    if not len(data.offline) and not len(data.online):
        raise NoDataError(data.nothing("expert label"))
    _, parent = rounds.newest_checkpoint()
    config, schedule = rounds.shortened(rounds.file.online, rounds.file.rank.online, steps)
    policy = parent.policy.to(rounds.device)
    generator = torch.Generator().manual_seed(rounds.seed + 1000 * (parent.info.version + 1))
    with torch.random.fork_rng(devices=[]):  # of which peft draws the adapters
        torch.manual_seed(rounds.seed)
        add_lora(policy, schedule(0))
    trainer = Trainer(policy, config, None, generator, objective=rounds.file.objective)
    batches = MixedBatches(rounds, trainer)
    batches.encode(hooks)
    rounds.run(trainer, batches.next, parent.info, RoundOrder(), hooks)
    merged = without_lora(trainer.merged_policy())
    held_out = data.held_out_batches(rounds.device)
    loss = held_out_loss(merged, held_out, rounds.seed, objective=trainer.objective) if held_out else None
    weights = policy_weights(merged.state_dict(), {}, merged)
    step, episodes = parent.info.step + trainer.step, len(data.offline.episode_ids + data.online.episode_ids)
    return rounds.write(merged, weights, trainer, parent.info, "LoRA round", step, loss, episodes, [])
