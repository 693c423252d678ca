"""The world of a task as SDF: all but the arm, read from the compiled MuJoCo model of the same cell."""

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from drift_sim.cell import TIMESTEP_S
from drift_sim.external.elements import leaf, pose, rotation_of, sdf_geometry
from drift_sim.gazebo.cameras import add_camera, gazebo_rotation
from drift_sim.headless import mujoco
from drift_sim.mjcf import child, to_string
from drift_sim.world import World

VERSION = "1.9"  # of SDF; Gazebo Fortress and later read it
ROBOT = "robot"  # name of the model that carries arm, hand and the cameras of the hand
_SYSTEMS = {  # file of the plug-in: name
    "gz-sim-physics-system": "gz::sim::systems::Physics",
    "gz-sim-user-commands-system": "gz::sim::systems::UserCommands",  # its set_pose
    "gz-sim-scene-broadcaster-system": "gz::sim::systems::SceneBroadcaster",
    "gz-sim-sensors-system": "gz::sim::systems::Sensors",
}


def pose_topic(thing: str) -> str:
    """Return where Gazebo publishes the pose of a thing in its world, which is the arm's base frame."""
    return f"/model/{thing}/pose"


def build_world(world: World, robot_file: Path, camera_rate_hz: float, pose_rate_hz: float) -> str:
    """Return the SDF of the cell as `world` has it now; `robot_file`: the URDF of the arm, included."""
    model, data, task = world.model, world.data, world.task
    root = Element("sdf", version=VERSION)
    made = child(root, "world", name=task.name)
    physics = child(made, "physics", name="as_mujoco", type="ignored")
    leaf(physics, "max_step_size", TIMESTEP_S)
    leaf(physics, "real_time_factor", 1.0)
    for file, name in _SYSTEMS.items():
        plugin = child(made, "plugin", filename=file, name=name)
        if name.endswith("::Sensors"):
            leaf(plugin, "render_engine", "ogre2")
    leaf(made, "gravity", model.opt.gravity)
    scene = child(made, "scene")
    leaf(scene, "ambient", [*model.vis.headlight.ambient, 1.0])
    leaf(scene, "background", (0.0, 0.0, 0.0, 1.0))
    leaf(scene, "shadows", False)
    _add_lights(made, world)
    fixed = child(made, "model", name="cell")
    leaf(fixed, "static", True)
    _add_geoms(child(fixed, "link", name="link"), model, 0)
    for body in sorted(world.scene.bodies()):
        _add_thing(made, model, data, body, pose_rate_hz)
    for camera in task.cameras:
        if world.scene.cameras[camera.name].frame == "base":
            at = model.camera(camera.name).id
            stand = child(made, "model", name=f"camera_{camera.name}")
            leaf(stand, "static", True)
            pose(stand, data.cam_xpos[at], gazebo_rotation(data.cam_xmat[at].reshape(3, 3)))
            add_camera(child(stand, "link", name="link"), camera, model, camera_rate_hz)
    arm = child(made, "include")
    leaf(arm, "uri", str(robot_file))
    leaf(arm, "name", ROBOT)
    return to_string(root)


def _add_lights(made: Element, world: World) -> None:
    """The cell's light, and for MuJoCo's headlight, which Gazebo has not, one along the first camera."""
    model, data = world.model, world.data
    for at in range(model.nlight):
        _add_light(made, f"light_{at}", model.light_dir[at], model.light_diffuse[at])
    for name, where in world.scene.cameras.items():
        if where.frame == "base":
            forward = -data.cam_xmat[model.camera(name).id].reshape(3, 3)[:, 2]
            _add_light(made, "headlight", forward, model.vis.headlight.diffuse)
            return


def _add_light(made: Element, name: str, direction: np.ndarray, diffuse: np.ndarray) -> None:
    light = child(made, "light", name=name, type="directional")
    leaf(light, "cast_shadows", False)
    leaf(light, "diffuse", [*diffuse, 1.0])
    leaf(light, "specular", (0.0, 0.0, 0.0, 1.0))
    leaf(light, "direction", direction)


def _add_thing(
    made: Element, model: mujoco.MjModel, data: mujoco.MjData, body: int, pose_rate_hz: float
) -> None:
    """A model with one link at the body's place; what MuJoCo moves by mocap is static, put by set_pose."""
    name = model.body(body).name
    thing = child(made, "model", name=name)
    leaf(thing, "static", bool(model.body_mocapid[body] >= 0))
    pose(thing, data.xpos[body], data.xmat[body].reshape(3, 3))
    link = child(thing, "link", name="link")
    if model.body_mocapid[body] < 0:
        inertial = child(link, "inertial")
        pose(inertial, model.body_ipos[body], rotation_of(model.body_iquat[body]))
        leaf(inertial, "mass", model.body_mass[body])
        inertia = child(inertial, "inertia")
        for axis, value in zip("xyz", model.body_inertia[body], strict=True):
            leaf(inertia, f"i{axis}{axis}", value)
        for pair in ("ixy", "ixz", "iyz"):
            leaf(inertia, pair, 0.0)
    _add_geoms(link, model, body)
    plugin = child(
        thing, "plugin", filename="gz-sim-pose-publisher-system", name="gz::sim::systems::PosePublisher"
    )
    leaf(plugin, "publish_model_pose", True)
    leaf(plugin, "publish_link_pose", False)
    leaf(plugin, "topic", pose_topic(name))
    leaf(plugin, "update_frequency", pose_rate_hz)


def _add_geoms(link: Element, model: mujoco.MjModel, body: int) -> None:
    """What the body shows and touches; the world's geoms without a name belong to the arm."""
    first = int(model.body_geomadr[body])
    for at in range(first, first + int(model.body_geomnum[body])):
        name = model.geom(at).name
        if not name and body == 0:
            continue
        name = name or f"geom_{at - first}"
        kinds = ["visual"] if model.geom_contype[at] == 0 else ["visual", "collision"]
        for kind in kinds:
            element = child(link, kind, name=f"{name}_{kind}")  # siblings must not share a name
            pose(element, model.geom_pos[at], rotation_of(model.geom_quat[at]))
            sdf_geometry(element, model.geom_type[at], model.geom_size[at])
            if kind == "visual":
                material = child(element, "material")
                for light in ("ambient", "diffuse"):
                    leaf(material, light, model.geom_rgba[at])
                leaf(material, "specular", (0.0, 0.0, 0.0, 1.0))
            else:
                ode = child(child(child(element, "surface"), "friction"), "ode")
                for direction in ("mu", "mu2"):
                    leaf(ode, direction, model.geom_friction[at, 0])
