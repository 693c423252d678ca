from setuptools import find_packages, setup

setup(
    name="drift_control",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/drift_control"]),
        ("share/drift_control", ["package.xml"]),
    ],
    description="Control without ROS: robot models, joystick mapping, gate, guard and their loop",
    license="Apache-2.0",
    entry_points={"console_scripts": []},
)
