from setuptools import find_packages, setup

setup(
    name="drift_ros",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/drift_ros"]),
        ("share/drift_ros", ["package.xml"]),
    ],
    description="What every node shares: parameters, QoS, conversions, run loop, stack client",
    license="Apache-2.0",
    entry_points={"console_scripts": []},
)
