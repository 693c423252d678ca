from setuptools import find_packages, setup

setup(
    name="trainer_node",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/trainer_node"]),
        ("share/trainer_node", ["package.xml"]),
    ],
    description="Recording, episodes and asynchronous rank-scheduled training",
    license="Apache-2.0",
    entry_points={"console_scripts": ["node = trainer_node.ros.node:main"]},
)
