#!/usr/bin/env bash
# ikpy 4.2.1: with a regularization_parameter the inverse kinematics misses the target by the same amount in x, y and z, which is the
# parameter times the length of the joint motion. That length is added to each of the three residuals instead of being one more of them,
# so another target is solved exactly, without a warning. With 0.01 the arm here even moves more than with none.
# Hurt: whoever asks an arm with a spare joint to stay near where it is: the hand goes 46 mm beside the object, always to the same side.
# Instead: leave the parameter out, or give scipy's least_squares the errors followed by weight * (q - start).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ikpy==4.2.1 scipy==1.17.1 sympy==1.14.0 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from ikpy.chain import Chain
from ikpy.link import OriginLink, URDFLink
from scipy.optimize import least_squares


def turning(name, x, axis):
    return URDFLink(name, [x, 0, 0], [0, 0, 0], rotation=axis, bounds=(-3, 3))


joints = [turning("waist", 0, [0, 0, 1]), turning("shoulder", 0, [0, 1, 0])]
joints += [turning(name, x, [0, 1, 0]) for name, x in (("elbow", 0.4), ("wrist", 0.3), ("hand", 0.3))]
links = [OriginLink(), *joints, URDFLink("tip", [0.2, 0, 0], [0, 0, 0], joint_type="fixed")]
arm = Chain(links, active_links_mask=[False] + [True] * 5 + [False])
start = np.array([0, 0.2, 0.3, 0.4, 0.3, 0.3, 0])


def tip(q):
    return arm.forward_kinematics(q)[:3, 3]


target = tip(start) + [0.1, 0.2, 0.1]


def solved(weight, optimizer="least_squares"):
    q = arm.inverse_kinematics(target, initial_position=start, regularization_parameter=weight, optimizer=optimizer)
    return tip(q) - target, float(np.linalg.norm(q - start))


def full(active):
    return np.array([0, *active, 0])


apart = least_squares(lambda q: np.concatenate([tip(full(q)) - target, 0.01 * (q - start[1:-1])]), start[1:-1]).x
by_hand = tip(full(apart)) - target, float(np.linalg.norm(apart - start[1:-1]))
seen = {weight: solved(weight) for weight in (None, 0.01, 0.1)}
scalar = solved(0.1, "scalar")
print("ikpy", version("ikpy"), "an arm of five joints, the tip's target within reach")
print("expected: the tip on the target; the larger the parameter, the less the joints move")
for weight, (error, moved) in seen.items():
    print(f"seen, parameter {weight}: tip off by {(1000 * error).round(1)} mm, joints moved by {moved:.3f} rad")
print(f"seen, parameter 0.1, optimizer scalar: off by {(1000 * scalar[0]).round(1)} mm")
print(f"as residuals of their own, weight 0.01: off by {(1000 * by_hand[0]).round(1)} mm, moved by {by_hand[1]:.3f} rad")
same = all(np.allclose(error, -weight * moved, atol=1e-4) for weight, (error, moved) in seen.items() if weight)
same = same and np.allclose(scalar[0], -0.1 * scalar[1], atol=1e-4) and seen[0.01][1] > seen[None][1]
same = same and np.abs(seen[None][0]).max() < 1e-4 and np.abs(by_hand[0]).max() < 1e-3 and by_hand[1] < seen[None][1]
sys.exit(0 if same else "the behaviour has changed")
PY
