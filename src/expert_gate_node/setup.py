from setuptools import find_packages, setup

setup(
    name="expert_gate_node",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/expert_gate_node"]),
        ("share/expert_gate_node", ["package.xml"]),
    ],
    description="Joystick arbitration; the only publisher of arm commands",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "node = expert_gate_node.ros.node:main",
            "spacemouse = expert_gate_node.ros.spacemouse:main",
        ]
    },
)
