"""The demo from beginning to end: the paper's Algorithm 1 in simulation, and what it measured."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from drift_core.data.cutter import LabelCounter, WindowCutter
from drift_core.episodes import EpisodeStore
from drift_core.intervals import success_rate
from drift_core.policy.checkpoint_folder import LatestCheckpoint, checkpoint_path, read_latest
from drift_core.training.config import load_train_file
from drift_core.training.rounds import Hooks, train_round
from drift_core.training.trainer import StepProgress as TrainingProgress
from drift_ros.session import SessionClient
from drift_sim.shell import EpisodeResult
from expert_gate_node.config import ExpertGateConfig
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from drift.configuration import config_file
from drift.demo.film import corrected, film_correction, film_pair, telling_seed
from drift.demo.offline import demonstrate, make_rounds, train_control
from drift.demo.online import CorrectedEpisodes, keep_to_this_machine, start_stack
from drift.demo.plan import DemoPlan
from drift.demo.progress import progress_table
from drift.demo.record import DemoRecord, TrainingPoint
from drift.demo.report import summary, write_report
from drift.demo.rollouts import wait_for_nodes
from drift.demo.timing import control_timing, policy_timing
from drift.demo.words import kept, opening
from drift.evaluation import Job, evaluate, seeds
from drift.node_parameters import defaults
from drift.run_folder import RunFolder
from drift.session_view import SessionView
from drift.simulation import make_shell

_KEEP_EVERY = 10  # gradient steps per point of the training curve


class Demo:
    """One run; call the stages in order, or `run` for all of them."""

    def __init__(self, plan: DemoPlan, run: RunFolder, console: Console) -> None:
        self._plan, self._run, self._console = plan, run.create(), console
        self._train = load_train_file(config_file("train", plan.train))
        self._shell = make_shell(plan.robot, plan.task)
        self._rounds = make_rounds(plan, self._shell, run, self._train)
        self.record = DemoRecord(
            plan.name,
            plan.robot,
            plan.task,
            plan.seed,
            denoiser=f"{self._train.policy.denoiser.kind} denoiser",
        )
        self._running_stage = ""

    def run(self) -> Path:
        """Run every stage; return the path of the report, which is written however the run ends."""
        keep_to_this_machine()
        self._console.print(opening(self._plan, self._run.path), markup=False, soft_wrap=True)
        try:
            self._run_stages()
        except BaseException as error:  # Ctrl-C, too
            self._end_early(error)
            raise
        return self._report()

    def _run_stages(self) -> None:
        plan = self._plan
        with self._stage("demonstrations"):
            self._demonstrate()
        with self._stage("bootstrapping at falling rank"):
            self._bootstrap()
        with self._stage("evaluation before"):
            self.record.before = self._evaluate(self._run.checkpoints, "before the corrections")
        with self._stage("corrected episodes over DDS"):
            self._correct()
        with self._stage("evaluation after"):
            self.record.after = self._evaluate(self._run.checkpoints, "after the corrections")
            self._film()
        if plan.control:
            with self._stage("control"):
                self._control()

    def _demonstrate(self) -> None:
        first = self._plan.first_demonstration
        with self._progress("demonstrations", self._plan.demonstrations) as advance:
            demonstrate(
                self._shell,
                self._run.episodes,
                range(first, first + self._plan.demonstrations),
                lambda result: self._take_demonstration(result, advance),
            )
        self.record.demonstration_labels = self._count_labels(self._run)

    def _take_demonstration(self, result: EpisodeResult, advance: Callable[[str], None]) -> None:
        self.record.demonstrations += 1
        advance("" if result.success else f"seed {result.seed} failed")

    def _bootstrap(self) -> None:
        with self._progress("gradient steps", self._train.offline.steps) as advance:
            report = train_round(self._rounds, "offline", self._hooks("offline", advance))
        self._console.print(f"version {report.info.version}: held-out loss {_loss(report.info.loss)}")

    def _evaluate(self, checkpoints: Path, text: str) -> list[bool]:
        latest = _latest(checkpoints)
        sampler = self._train.policy.sampler
        job = Job(checkpoints / latest.file, self._plan.robot, self._plan.task, sampler, latest.sha256)
        with self._progress(f"rollouts {text}", self._plan.evaluations) as advance:
            rollouts = evaluate(job, seeds(self._plan.evaluations), on_rollout=lambda rollout: advance(""))
        outcomes = [rollout.success for rollout in rollouts]
        self._console.print(f"success {text}: {success_rate(outcomes)}")
        return outcomes

    def _correct(self) -> None:
        plan, log = self._plan, self._console.log
        view = SessionView(plan.episodes, title="corrected episodes over DDS")
        with start_stack(plan.robot, plan.task, plan.train, self._run, self._on_line) as stack:
            with SessionClient() as client, Live(view, console=self._console, refresh_per_second=4):
                episodes = CorrectedEpisodes(client, plan, self.record, view, log)
                wait_for_nodes(stack, client)
                episodes.run()
                self.record.save(self._run.path)
                self.record.over_dds = episodes.evaluate()

    def _film(self) -> None:
        """Film a start at which the corrections made the difference, and a correction, if there are such."""
        folder, sampler = self._run.checkpoints, self._train.policy.sampler
        last = folder / _latest(folder).file
        seed = telling_seed(seeds(self._plan.evaluations), self.record.before, self.record.after)
        if seed is not None:
            self.record.film = "before_after.mp4"
            file = self._run.path / self.record.film
            film_pair(file, self._shell, checkpoint_path(folder, 1), last, sampler, seed)
        episodes, file = corrected(EpisodeStore(self._run.episodes)), self._run.path / "correction.mp4"
        if film_correction(file, self._shell, episodes, last, sampler):
            self.record.correction_film = file.name

    def _control(self) -> None:
        rows = self.record.episodes
        labels = [sum(row.expert_labels for row in rows if row.seed in part) for part in self._plan.corrected]
        steps = self.record.training[-1].step - self._train.offline.steps
        with self._progress("gradient steps of the control", steps) as advance:
            hooks = Hooks(on_progress=lambda progress: advance(""))
            train_control(self._plan, self._shell, self._run, self._train, labels, steps, hooks)
        control = RunFolder(self._run.path / "control")
        self.record.control_labels = self._count_labels(control) - self.record.demonstration_labels
        self.record.control = self._evaluate(control.checkpoints, "of the control")

    def _end_early(self, error: BaseException) -> None:
        """Say what was done and where it is; nothing that fails here replaces the reason."""
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
        self.record.ended_early = f"{self._running_stage}: {why.splitlines()[0]}"
        try:
            self._report()
        except Exception as failure:
            self._console.print(f"no report: {type(failure).__name__}: {failure}", markup=False)
        self._console.print(kept(self.record, self._run, self._plan.train), markup=False, soft_wrap=True)
        stages = ", ".join(name for name in self.record.stage_s if name != self._running_stage)
        self._console.print(
            f"ended early in stage {self._running_stage}; done: {stages or 'no stage'}, "
            f"{len(self.record.episodes)} corrected episodes; what there is lies in {self._run.path}",
            markup=False,
            soft_wrap=True,
        )

    def _measure_timing(self) -> np.ndarray:
        """Take the timing from the steps of the corrected episodes; return the control periods (N,) [s]."""
        corrected = {episode.episode_id for episode in self.record.episodes}
        store = EpisodeStore(self._run.episodes)
        steps = [store.read(episode).steps for episode in store.ids() if episode in corrected]
        if not steps:
            return np.empty(0)
        self.record.timing, periods_s = control_timing(
            (episode.stamp_s for episode in steps),
            1.0 / defaults(ExpertGateConfig).rate_hz,
            [swap.stamp_s for swap in self.record.swaps],
        )
        self.record.timing |= policy_timing(steps)
        return periods_s

    def _report(self) -> Path:
        self._shell.close()
        periods_s = self._measure_timing()
        self.record.save(self._run.path)
        period_s = 1.0 / defaults(ExpertGateConfig).rate_hz
        page = write_report(self._run.path, self.record, 1e3 * periods_s, 1e3 * period_s)
        self._console.print(_table(progress_table(self.record), "corrected episodes"))
        self._console.print(_summary_table(self.record))
        self._console.print(f"report: {page}")
        return page

    def _hooks(self, phase: str, advance) -> Hooks:
        def on_progress(progress: TrainingProgress) -> None:
            if progress.step % _KEEP_EVERY == 0:
                self.record.training.append(
                    TrainingPoint(
                        phase,
                        progress.step,
                        progress.loss,
                        progress.rank,
                        progress.effective_rank,
                        progress.steps_per_s,
                    )
                )
            advance(f"loss {progress.loss:.4f}, rank {progress.rank:.0%}")

        return Hooks(on_progress=on_progress)

    def _count_labels(self, run: RunFolder) -> int:
        store = EpisodeStore(run.episodes)
        counter = LabelCounter(store, WindowCutter(store, self._shell.environment.arm, self._shell.task))
        counter.add_all()
        return counter.total

    def _on_line(self, name: str, line: str) -> None:
        if name == "drift" or line.startswith(("[WARN]", "[ERROR]", "[FATAL]")):
            self._console.log(f"{name}: {line}", markup=False)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self._console.rule(name, align="left")
        self._running_stage, began_s = name, time.monotonic()
        try:
            yield
        finally:
            self.record.stage_s[name] = time.monotonic() - began_s
            self.record.save(self._run.path)

    @contextmanager
    def _progress(self, text: str, total: int) -> Iterator:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(text, total=total, note="")
            yield lambda note: progress.update(task, advance=1, note=note)


def _latest(checkpoints: Path) -> LatestCheckpoint:
    latest = read_latest(checkpoints)
    if latest is None:
        raise FileNotFoundError(f"no checkpoint in {checkpoints}")
    return latest


def _loss(loss: float | None) -> str:
    return "–" if loss is None else f"{loss:.4f}"


def _table(rows: list[list[str]], title: str) -> Table:
    table = Table(*rows[0], title=title, title_justify="left")
    for row in rows[1:]:
        table.add_row(*row)
    return table


def _summary_table(record: DemoRecord) -> Table:
    table = Table("figure", "value", title="summary", title_justify="left")
    for name, outcomes in (("before", record.before), ("after", record.after), ("control", record.control)):
        if outcomes:
            table.add_row(f"success {name}", str(success_rate(outcomes)))
    if record.over_dds:
        table.add_row("success over DDS, no take-over", str(success_rate(record.over_dds)))
    for name in (
        "expert_labels",
        "corrected_episodes",
        "swaps",
        "late_control_ticks_ratio",
        "late_ticks_at_swaps",
        "control_period_p99_ms",
        "duration_s",
    ):
        value = summary(record)[name]
        table.add_row(name.replace("_", " "), "–" if value is None else f"{value:.4g}")
    return table
