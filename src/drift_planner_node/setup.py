from setuptools import find_packages, setup

setup(
    name="drift_planner_node",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/drift_planner_node"]),
        ("share/drift_planner_node", ["package.xml"]),
    ],
    description="Plans ways around what is in the cell, and checks poses; commands nothing",
    license="Apache-2.0",
    entry_points={"console_scripts": ["node = drift_planner_node.ros.node:main"]},
)
