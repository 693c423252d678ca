"""python -m acceptance.real_arm [--arm ur|fr3] [--only TEXT] [--json]"""

import os
import sys
from collections.abc import Iterator

from acceptance.real_arm.cell import Cell
from acceptance.real_arm.fault import inactive_at_arming, inject
from acceptance.real_arm.fr3 import FR3
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
    options = parser.parse_args()
    chosen = [options.arm] if options.arm else list(SETUPS)
    rows = [row for name in chosen for row in faults(SETUPS[name], options.only)]
    report(f"faults on arms' controllers, load average {os.getloadavg()[0]:.1f}", rows, options.json)
    return conclude(rows)


def faults(setup: Setup, only: str) -> Iterator[Row]:
    """Yield the rows of one arm."""
    os.environ["ROS_DOMAIN_ID"] = str(1 + int(os.environ["ROS_DOMAIN_ID"]) % 100)  # the arm before lingers
    with message_packages(), Cell(setup) as cell:
        if not cell.drive():
            raise RuntimeError(f"the arm does not move: {cell.person.state.text}")
        for fault in setup.faults:
            if only in fault.name:
                yield {"arm": setup.name, **inject(fault, cell)}
        yield {"arm": setup.name, **inactive_at_arming(cell)}


if __name__ == "__main__":
    sys.exit(main())
