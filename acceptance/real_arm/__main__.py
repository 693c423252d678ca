"""python -m acceptance.real_arm [--arm ur|fr3] [--hand drives|guides] [--only TEXT] [--json]"""

import os
import sys
from collections.abc import Iterator

from acceptance.real_arm.cell import DrivenCell, GuidedCell
from acceptance.real_arm.fault import INACTIVE, inactive_at_arming, inject
from acceptance.real_arm.fr3 import FR3
from acceptance.real_arm.guided import inject_guided
from acceptance.real_arm.setup import Setup
from acceptance.real_arm.ur import UR
from acceptance.verdict import conclude
from benchmarks.support.report import Row, arguments, report
from drift_ros.testing.real_arms import message_packages

SETUPS = {"ur": UR, "fr3": FR3}


def main() -> int:
    parser = arguments("What happens on a real arm's controller when something breaks")
    parser.add_argument("--arm", choices=SETUPS, help="this one alone")
    parser.add_argument("--only", metavar="TEXT", default="", help="only faults that have this in their name")
    parser.add_argument("--hand", choices=PARTS, help="only where a person drives, or guides the arm by hand")
    options = parser.parse_args()
    arms = [options.arm] if options.arm else list(SETUPS)
    parts = [options.hand] if options.hand else list(PARTS)
    rows = [row for part in parts for arm in arms for row in PARTS[part](SETUPS[arm], options.only)]
    report(f"faults on arms' controllers, load average {os.getloadavg()[0]:.1f}", rows, options.json)
    return conclude(rows)


def faults(setup: Setup, only: str) -> Iterator[Row]:
    """Yield the rows of one arm."""
    os.environ["ROS_DOMAIN_ID"] = str(1 + int(os.environ["ROS_DOMAIN_ID"]) % 100)  # the arm before lingers
    chosen = [fault for fault in setup.faults if only in fault.name]
    with message_packages(), DrivenCell(setup) as cell:
        if not cell.drive():
            raise RuntimeError(f"the arm does not move: {cell.person.state.text}")
        for fault in chosen:
            yield {"arm": setup.name, **inject(fault, cell)}
        if only in INACTIVE:
            yield {"arm": setup.name, **inactive_at_arming(cell)}


def faults_while_guided(setup: Setup, only: str) -> Iterator[Row]:
    """Yield the rows of one arm that a person leads by hand."""
    os.environ["ROS_DOMAIN_ID"] = str(1 + int(os.environ["ROS_DOMAIN_ID"]) % 100)
    with message_packages(), GuidedCell(setup) as cell:
        for fault in setup.guided:
            if only in fault.name:
                yield {"arm": setup.name, **inject_guided(fault, cell)}


PARTS = {"drives": faults, "guides": faults_while_guided}


if __name__ == "__main__":
    sys.exit(main())
