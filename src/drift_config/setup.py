from setuptools import find_packages, setup

setup(
    name="drift_config",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/drift_config"]),
        ("share/drift_config", ["package.xml"]),
    ],
    description="One strict loader for every file of configuration, and the errors that all packages share",
    license="Apache-2.0",
    entry_points={"console_scripts": []},
)
