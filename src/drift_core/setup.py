from setuptools import find_packages, setup

setup(
    name="drift_core",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/drift_core"]),
        ("share/drift_core", ["package.xml"]),
    ],
    description="Learning without ROS: networks, samplers, rank modulation, observations, episodes, training",
    license="Apache-2.0",
    entry_points={"console_scripts": []},
)
