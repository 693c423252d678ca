"""Can MuJoCo draw without a screen? The check runs this module as a program: a broken driver may end it."""

import os
import subprocess
import sys
import time

from drift.doctor.finding import Finding, failure, good

_SCENE = """
<mujoco><worldbody>
  <light pos="0 0 2"/><camera name="c" pos="0 -1 .5" xyaxes="1 0 0 0 .5 1"/>
  <geom type="sphere" size=".2" rgba="1 0 0 1"/>
</worldbody></mujoco>
"""


def rendering() -> Finding:
    """Draw some frames in a process of their own."""
    environment = {"MUJOCO_GL": "egl", **os.environ}
    advice = f"sudo apt-get install libegl1 libgl1 (MUJOCO_GL={environment['MUJOCO_GL']})"
    try:
        answer = subprocess.run(
            [sys.executable, "-m", __name__], capture_output=True, text=True, timeout=60, env=environment
        )
    except subprocess.TimeoutExpired:
        return failure("the renderer hangs", advice)
    if answer.returncode != 0:
        last = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
        return failure(f"MuJoCo cannot render: {last}", advice)
    return good(answer.stdout.strip())


def main() -> None:
    """Print how fast frames are drawn, and by what."""
    import mujoco
    from OpenGL import GL

    model = mujoco.MjModel.from_xml_string(_SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, 64, 64) as renderer:
        renderer.update_scene(data, "c")
        image = renderer.render()
        start_s = time.perf_counter()
        for _ in range(20):
            renderer.render()
        frame_ms = (time.perf_counter() - start_s) / 20 * 1000
        by = (GL.glGetString(GL.GL_RENDERER) or b"unknown").decode()
    if image.min() == image.max():
        sys.exit("the image is empty")
    print(f"{frame_ms:.1f} ms for 64x64 by {by}")


if __name__ == "__main__":
    main()
