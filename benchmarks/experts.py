"""MoDE: what experts that are chosen by the noise level cost and give, beside dense networks.

Latency: from the condition to the chunk (DDIM-16, batch 1, one thread), all ways in turn. `uncached` asks the
router at every step and runs the chosen experts one by one; everything else is hoisted as for the others.
`dense_total` has as many parameters, `dense_active` as many as run at one step.

passed: cached at least 1.5 times as fast as uncached (in the engine that has both) and 1.3 times as fast as
dense_total, with a difference of at most 1e-5 at every step and at batch sizes 1, 2 and 8.
"""

import torch
from benchmarks.support.expert_speed import speed_rows
from benchmarks.support.report import arguments, report
from drift_core.denoisers import ModeConfig


def main() -> None:
    parser = arguments("MoDE: experts chosen by the noise level")
    parser.add_argument("--repetitions", type=int, default=100, help="of each latency")
    parser.add_argument("--width", type=int, default=ModeConfig().width, help="of the networks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = speed_rows(ModeConfig(width=options.width), 20 if options.quick else options.repetitions)
    report("experts chosen by the noise level", rows, options.json)


if __name__ == "__main__":
    main()
