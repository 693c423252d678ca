"""Every task in config/tasks with every robot that it names."""

from drift_sim.fork import demonstrate
from drift_sim.world import World


def test_every_task_runs_with_every_robot_that_it_names(tasks, robots):
    assert set(tasks) >= {"place", "insert", "fork"}
    for task in tasks.values():
        if task.action_space == "point":
            assert demonstrate(task, 0).success
            continue
        for name in task.robots:
            world = World(robots[name], task)
            world.reset(1)
            world.step(50)
            for camera in task.cameras:
                assert world.render(camera.name).shape == (camera.height, camera.width, 3)
            world.close()
