"""What a demo says to the person before it: what will happen, and what is kept when it ends early."""

import os
from pathlib import Path

from drift_config.errors import DriftError
from drift_core.policy.checkpoint import read_latest

from drift.demo.plan import DemoPlan
from drift.demo.record import DemoRecord
from drift.demo.usual import usual_demo
from drift.run_folder import RunFolder


def opening(plan: DemoPlan, folder: Path) -> str:
    """Return what will happen, and how long it takes."""
    usual = usual_demo(plan.task)
    takes = f"about {usual.minutes} minutes on two idle cores"
    amounts = (plan.demonstrations, plan.episodes, plan.evaluations)
    wanted = (usual.demonstrations, usual.episodes, usual.evaluations)
    if (plan.train, amounts, plan.dds_evaluations, plan.control) != (usual.train, wanted, 0, False):
        takes = f"longer or shorter than the usual run, which takes {takes}"
    lines = [
        f"drift demo: the task {plan.task} with the {plan.robot}, in simulation; {takes}, most of it step 4",
        f"  1  a scripted expert gives {plan.demonstrations} demonstrations",
        "  2  the policy is trained on them, at falling rank",
        f"  3  it drives {plan.evaluations} times by itself: how often does it succeed?",
        f"  4  {plan.episodes} episodes with the whole stack: the expert takes over where the policy goes",
        "     wrong, which is trained on that meanwhile; each better one is swapped in while it drives",
        f"  5  {plan.evaluations} times by itself again",
    ]
    if plan.control:
        lines.append("  6  the same, trained on as many labels from further demonstrations instead")
    where = f"ROS_DOMAIN_ID={os.environ.get('ROS_DOMAIN_ID', '0')}"
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE")
    where += f" ROS_AUTOMATIC_DISCOVERY_RANGE={reach}" if reach else ""
    return "\n".join(
        [
            *lines,
            f"It writes to {folder}, at the end report.html.",
            "To see step 4: in a browser, at the address that it tells then, or in a second shell:",
            f"  . env.sh; {where} drift watch",
            "Ctrl-C ends it at any time, in order: what was recorded and trained is kept, with a report.",
        ]
    )


def kept(record: DemoRecord, run: RunFolder, train: str) -> str:
    """Return what an early end leaves, and how to go on with it; `train`: a file of config/train."""
    try:
        latest = read_latest(run.checkpoints)
    except DriftError:  # it says itself what is wrong with it, to whom it is given
        latest = None
    episodes = [f"{record.demonstrations} demonstrations", f"{len(record.episodes)} corrected episodes"]
    policy = "no policy yet" if latest is None else f"the policy up to version {latest.version}"
    lines = [f"kept: {', '.join(episodes)}, {policy}; an episode that was under way is not"]
    if latest is not None:
        lines.append(
            f"go on with it: drift up run:={run.path} train:={train}, and in a second shell: "
            "drift session --episodes 10 --train"
        )
    elif record.demonstrations:
        lines.append(
            f"train on them: drift train --train {train} --episodes {run.episodes} "
            f"--checkpoints {run.checkpoints}"
        )
    return "\n".join(lines)
