from setuptools import find_packages, setup

setup(
    name="drift_console_node",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    package_data={"drift_console_node": ["page/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/drift_console_node"]),
        ("share/drift_console_node", ["package.xml"]),
    ],
    description="The person's console in a browser: shows, asks, drives through the gate; commands nothing",
    license="Apache-2.0",
    entry_points={"console_scripts": ["node = drift_console_node.ros.node:main"]},
)
