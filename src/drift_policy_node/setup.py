from setuptools import find_packages, setup

setup(
    name="drift_policy_node",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/drift_policy_node"]),
        ("share/drift_policy_node", ["package.xml"]),
    ],
    description="Camera observation and diffusion-policy inference",
    license="Apache-2.0",
    entry_points={"console_scripts": ["node = drift_policy_node.ros.node:main"]},
)
