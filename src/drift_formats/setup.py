from setuptools import find_packages, setup

setup(
    name="drift_formats",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/drift_formats"]),
        ("share/drift_formats", ["package.xml"]),
    ],
    description="Episodes as other people's data sets and bags, in and out; without ROS",
    license="Apache-2.0",
    entry_points={"console_scripts": []},
)
