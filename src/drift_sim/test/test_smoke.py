"""Every task in config/tasks, with every robot in config/robots that has dynamics, if it needs one."""

from drift_sim.scenes import make_scene
from drift_sim.scenes.fork import Fork, demonstrate
from drift_sim.world import World


def test_every_task_runs_with_every_robot(tasks, robots, within_reach):
    assert set(tasks) >= {"place", "insert", "fork"}
    for name, task in tasks.items():
        if isinstance(make_scene(task), Fork):
            assert demonstrate(task, 0).success
            continue
        for arm, robot in robots.items():
            if robot.arm.dynamics is None:
                continue
            world = World(robot, within_reach(name, arm))
            world.reset(1)
            world.step(50)
            for camera in task.cameras:
                assert world.render(camera.name).shape == (camera.height, camera.width, 3)
            world.close()
