"""`drift diagnose`: what a checkpoint's denoiser is as a vector field."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.policy.policy import DiffusionPolicy

    from drift.diagnosis.moments import Moment
    from drift.diagnosis.record import DimensionRow, Trial


def main(
    checkpoint: Annotated[
        Path, typer.Argument(help="a checkpoint, a folder of checkpoints with a file LATEST, or a run")
    ],
    data: Annotated[
        Path | None, typer.Option(help="a folder of episodes, or a run: observations of one of them")
    ] = None,
    episode: Annotated[str | None, typer.Option(help="its id; the newest without one")] = None,
    out: Annotated[Path, typer.Option(help="folder for diagnosis.html and diagnosis.json")] = Path(
        "diagnosis"
    ),
    points: Annotated[int, typer.Option(min=1, help="at which asymmetry is measured")] = 8,
    probes: Annotated[int, typer.Option(min=2, help="random directions of each, beyond 64 numbers")] = 64,
    every: Annotated[int, typer.Option(min=1, help="policy steps between two dimensions")] = 2,
    sampler_steps: Annotated[int, typer.Option(min=1, help="of DDIM, whose Jacobian it is")] = 16,
    trial_steps: Annotated[
        int, typer.Option(min=0, help="of training on a mixture with a known score; 0: no trial")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Measure how far a denoiser is from a gradient, and along how many directions it acts.

    Asymmetry of the Jacobian by noise level; local intrinsic dimension along an episode; and, for a network
    of the same kind beside one that is a gradient by construction, error and gauge residual of the score.

    Example: drift diagnose runs/mine --data runs/mine --out diagnosis
    """
    import torch
    from drift_core.diagnostics.policy import PolicyDiagnosis
    from drift_core.policy.frame_features import FrameFeatures

    from drift.checkpoint_argument import named_checkpoint
    from drift.demo.record import write_json
    from drift.diagnosis.moments import blank_moment, episode_moments
    from drift.diagnosis.page import diagnosis_page
    from drift.diagnosis.record import Diagnosis

    if episode is not None and data is None:
        raise UserError(f"episode={episode} needs --data, the store that it is in")
    if out.exists() and not out.is_dir() or not out.resolve().parent.is_dir():
        raise UserError(f"out={out} must be a folder, or a new one in a folder that exists")
    torch.set_num_threads(1)  # of small networks, more of them mostly wait for each other
    file, loaded = named_checkpoint(checkpoint)
    policy, info = loaded.policy, loaded.info
    if sampler_steps > policy.config.train_steps:
        raise UserError(
            f"sampler-steps={sampler_steps} must be at most {policy.config.train_steps}, as trained"
        )
    name, moments = "", [blank_moment(policy)]
    if data is not None:
        name, moments = episode_moments(data, episode, policy, info)
    diagnosis, features = PolicyDiagnosis(policy, sampler_steps), FrameFeatures(policy)
    generator = torch.Generator().manual_seed(seed)
    with Progress(console=Console(stderr=True)) as progress:
        chosen = [moments[n * len(moments) // points] for n in range(points)]
        bar = progress.add_task("asymmetry", total=points)
        conditions = [policy.observe(moment.observation, features.of) for moment in chosen]
        asymmetry = diagnosis.asymmetries(conditions, probes, generator, lambda: progress.advance(bar))
        dimension = _dimensions(diagnosis, features, moments[::every], generator, progress)
        trials = _trials(policy, trial_steps, seed, progress) if trial_steps else []
    found = Diagnosis(
        checkpoint=file.name,
        sha256=loaded.sha256,
        version=info.version,
        robot=info.robot,
        task=info.task,
        network=policy.config.denoiser.kind,
        prediction=policy.config.prediction,
        rank=info.rank,
        dimensions=diagnosis.dimensions,
        episode=name,
        flow_steps=sampler_steps,
        seed=seed,
        asymmetry=asymmetry,
        dimension=dimension,
        trials=trials,
        trial_dimensions=policy.config.horizon,
        trial_steps=trial_steps,
    )
    out.mkdir(exist_ok=True)
    page = out / "diagnosis.html"
    write_json(out / "diagnosis.json", found.plain())
    page.write_text(diagnosis_page(found), encoding="utf-8")
    for row in asymmetry:
        typer.echo(f"noise {row.noise:.3f}: asymmetry {row.asymmetry:.3g} ± {row.error:.1g}")
    for driven, values in found.told().items():
        typer.echo(f"dimension, {driven}: {min(values)} to {max(values)} of {diagnosis.dimensions}")
    untold = sum(row.found.dimension is None for row in dimension)
    if untold:
        typer.echo(f"dimension: not told for {untold} of {len(dimension)} observations, which show no gap")
    typer.echo(f"page: {page}")


def _dimensions(diagnosis, features, moments: "list[Moment]", generator, progress) -> "list[DimensionRow]":
    """Return the dimension at each of `moments`, all from one latent."""
    import torch

    from drift.diagnosis.record import DimensionRow

    latent = torch.randn(diagnosis.dimensions, generator=generator)
    rows = []
    for moment in progress.track(moments, description="dimension"):
        condition = diagnosis.policy.observe(moment.observation, features.of)
        rows.append(DimensionRow(moment.time_s, moment.driven, diagnosis.dimension(condition, latent)))
    return rows


def _trials(policy: "DiffusionPolicy", steps: int, seed: int, progress) -> "list[Trial]":
    """Train a network of the policy's kind, and an energy, on one mixture, and judge both."""
    import torch
    from drift_core.denoisers import EnergyConfig
    from drift_core.diagnostics.policy import noise_levels
    from drift_core.diagnostics.trial import example_mixture, judge, train_on_mixture

    from drift.diagnosis.record import Trial

    config, schedule = policy.config, policy.schedule
    mixture = example_mixture(config.horizon, torch.Generator().manual_seed(seed))
    trials = []
    for network in dict.fromkeys((config.denoiser, EnergyConfig())):
        generator = torch.Generator().manual_seed(seed)
        bar = progress.add_task(f"trial of {network.kind}", total=steps)
        advance = partial(progress.advance, bar)
        net = train_on_mixture(network, schedule, config.prediction, mixture, steps, generator, advance)
        rows = judge(net, schedule, config.prediction, mixture, noise_levels(schedule), generator)
        trials.append(Trial(network.kind, rows))
    return trials
