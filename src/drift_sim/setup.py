from setuptools import find_packages, setup

setup(
    name="drift_sim",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/drift_sim"]),
        ("share/drift_sim", ["package.xml"]),
    ],
    description="MuJoCo scenes and tasks, scripted experts, the in-process shell and the simulation node",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "node = drift_sim.ros.simulation:main",
            "expert = drift_sim.ros.expert:main",
            "gazebo_mirror = drift_sim.ros.gazebo_things:main",
            "mujoco_mirror = drift_sim.ros.mujoco_things:main",
            "gazebo_server = drift_sim.gazebo.server:main",
        ]
    },
)
