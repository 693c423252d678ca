"""Somebody else's bags, written by rosbags: split, compressed, SQLite, with and without what they need."""

import hashlib
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from drift_config.errors import ConfigError
from drift_config.loader import load_yaml
from drift_control.robot.pose import pose_to_action
from drift_core.episodes import EpisodeStore
from drift_core.errors import DataError
from drift_formats.bags.reader import BagReader
from drift_formats.bags.topic_map import TopicMap
from drift_formats.formats import format_of, rosbag2
from drift_formats.importing import import_episodes
from recorded import JOINTS, PANDA, PLACE, START_S, picture
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

S = 10**9
START_NS = int(START_S) * S
NAMES = [*PANDA.config.joint_names, *PANDA.config.gripper.joints]
MAP = TopicMap(
    cameras={"front": "/cam/image"}, joint_states=("/arm/states",), command="/arm/goal", outcome="success"
)
NEVER = QosTime(9223372036, 854775807)
BEST_EFFORT = Qos(
    QosHistory.KEEP_LAST,
    5,
    QosReliability.BEST_EFFORT,
    QosDurability.VOLATILE,
    NEVER,
    NEVER,
    QosLiveliness.AUTOMATIC,
    NEVER,
    False,
)


class Theirs:
    """A second of a Panda that follows its commands, as another team may have recorded it."""

    def __init__(self, distribution=Stores.ROS2_JAZZY):
        self.types = get_typestore(distribution)

    def make(self, name, /, **values):
        return self.types.types[name](**values)

    def header(self, stamp_ns, frame_id=""):
        stamp = self.make("builtin_interfaces/msg/Time", sec=stamp_ns // S, nanosec=stamp_ns % S)
        return self.make("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)

    def joint_state(self, stamp_ns, q, names=NAMES):
        none = np.zeros(0)
        return self.make(
            "sensor_msgs/msg/JointState",
            header=self.header(stamp_ns),
            name=list(names),
            position=np.array([*q, 0.02, 0.02]),
            velocity=none,
            effort=none,
        )

    def image(self, stamp_ns, pixels):
        height, width, _ = pixels.shape
        return self.make(
            "sensor_msgs/msg/Image",
            header=self.header(stamp_ns, "cam"),
            height=height,
            width=width,
            encoding="bgr8",
            is_bigendian=0,
            step=3 * width,
            data=pixels[..., ::-1].reshape(-1),
        )

    def numbers(self, values):
        layout = self.make("std_msgs/msg/MultiArrayLayout", dim=[], data_offset=0)
        return self.make("std_msgs/msg/Float64MultiArray", layout=layout, data=np.array(values, float))

    def events(self, seconds=1.0, command=None):
        """Yield topic, time of arrival and message: joints and commands at 50 Hz, a picture every 0.1 s."""
        command = command or (lambda stamp_ns, q: self.numbers(q))
        for tick in range(round(50 * seconds) + 1):
            stamp_ns = START_NS + tick * S // 50
            yield "/arm/states", stamp_ns + 1000, self.joint_state(stamp_ns, at(tick))
            yield "/arm/goal", stamp_ns + 2000, command(stamp_ns, at(tick + 1))
            if tick % 5 == 0:
                yield "/cam/image", stamp_ns + 3000, self.image(stamp_ns, picture(tick))

    def write(self, folder, events, plugin=StoragePlugin.MCAP, compression=None, qos=()):
        with_compression = Writer(folder, version=9, storage_plugin=plugin)
        if compression is not None:
            with_compression.set_compression(compression, CompressionFormat.ZSTD)
        with with_compression as writer:
            connections = {}
            for topic, log_ns, msg in events:
                kind = msg.__msgtype__
                if topic not in connections:
                    connections[topic] = writer.add_connection(
                        topic, kind, typestore=self.types, offered_qos_profiles=list(qos)
                    )
                writer.write(connections[topic], log_ns, self.types.serialize_cdr(msg, kind))
        return folder


def at(tick):
    """Return joint positions after so many fiftieths of a second."""
    return PANDA.home + 0.1 * np.sin(tick / 25)


@pytest.fixture
def theirs():
    return Theirs()


def imported(source, folder, topic_map=MAP, cell=PLACE):
    store = EpisodeStore(folder)
    (done,) = import_episodes(source, store, cell, rosbag2, topic_map)
    return store.read(done.episode_id), done.remark


def assert_right(episode, ticks=51):
    np.testing.assert_array_equal(episode.joints.positions_rad, [at(tick) for tick in range(ticks)])
    np.testing.assert_allclose(episode.joints.gripper_m, 0.04, rtol=0, atol=1e-12)
    assert episode.steps.seq.tolist() == list(range(1, ticks + 1))
    assert (episode.steps.source == 2).all() and (episode.steps.intervention_id == 1).all()
    action = pose_to_action(PANDA.forward(at(8)), episode.joints.gripper_m[7])
    np.testing.assert_array_equal(episode.steps.action[7], action)
    np.testing.assert_array_equal(episode.steps.commanded[7][:7], at(8))
    np.testing.assert_array_equal(episode.steps.measured[7][:7], at(7))
    frames = episode.frames["front"]
    np.testing.assert_array_equal(frames.image(2), picture(10))
    assert frames.stamp_s[2] == START_S + 0.2
    assert frames.arrival_s[2] == pytest.approx(START_S + 0.2 + 3e-6, abs=3e-7)


def test_their_bag_is_a_demonstration_of_ours(tmp_path, theirs):
    bag = theirs.write(tmp_path / "Tuesday 3", theirs.events())
    assert format_of(bag) == "rosbag2" and rosbag2.origin(bag) == ("", "")
    episode, remark = imported(bag, tmp_path / "store")
    assert_right(episode)
    meta = episode.meta
    digest = hashlib.sha256(hashlib.sha256((bag / "Tuesday 3.mcap").read_bytes()).digest()).hexdigest()
    assert (meta.id, meta.kind, meta.outcome, meta.robot, meta.task) == (
        f"Tuesday_3_{digest[:8]}",
        "demonstration",
        "success",
        "panda",
        "place",
    )
    assert meta.started_s == pytest.approx(START_S + 1e-6, abs=3e-7)
    # numbers without a header: the time of their arrival, which is 2 us later
    assert episode.steps.stamp_s[7] == pytest.approx(START_S + 0.14 + 2e-6, abs=3e-7)
    assert remark == "51 messages without a stamp: their arrival stands for it"


@pytest.mark.parametrize(
    ("plugin", "compression"),
    [
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
        (StoragePlugin.MCAP, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, None),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
        (StoragePlugin.SQLITE3, CompressionMode.FILE),
    ],
)
def test_every_storage_and_compression_gives_the_same_numbers(tmp_path, theirs, plugin, compression):
    bag = theirs.write(tmp_path / "bag", theirs.events(), plugin, compression)
    assert_right(imported(bag, tmp_path / "store")[0])


def split(folder, *bags):
    """Put bags of one file each into one bag of several."""
    folder.mkdir()
    said = []
    for number, bag in enumerate(bags):
        (file,) = (path for path in bag.iterdir() if path.suffix == ".mcap")
        file.rename(folder / f"{folder.name}_{number}.mcap")
        said.append(yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"])
    whole = said[0] | {"relative_file_paths": [f"{folder.name}_{number}.mcap" for number in range(len(bags))]}
    for topic, entry in enumerate(whole["topics_with_message_count"]):
        entry["message_count"] = sum(
            each["topics_with_message_count"][topic]["message_count"] for each in said
        )
    (folder / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": whole}))
    return folder


def test_a_split_bag_is_read_as_one(tmp_path, theirs):
    events = list(theirs.events())
    parts = [
        theirs.write(tmp_path / f"part{n}", events[cut]) for n, cut in enumerate((slice(60), slice(60, None)))
    ]
    episode, remark = imported(split(tmp_path / "whole", *parts), tmp_path / "store")
    assert_right(episode)
    assert "announces" not in remark


def test_two_versions_of_a_message_in_a_split_bag_are_read_each_by_its_own_definition(tmp_path):
    old, new = Theirs(), Theirs()
    # the fields of the array exchanged: read with the other definition, the numbers would be nonsense
    name, exchanged = "std_msgs/msg/Float64MultiArray", "float64[] data\nstd_msgs/MultiArrayLayout layout\n"
    new.types = get_typestore(Stores.ROS2_JAZZY)
    del new.types.fielddefs[name]
    new.types.register(get_types_from_msg(exchanged, name))
    for first, second, folder in ((old, new, "old_new"), (new, old, "new_old")):
        cut = 60
        parts = [
            first.write(tmp_path / f"{folder}a", list(first.events())[:cut]),
            second.write(tmp_path / f"{folder}b", list(second.events())[cut:]),
        ]
        episode, remark = imported(split(tmp_path / folder, *parts), tmp_path / f"store_{folder}")
        assert_right(episode)
        assert (
            "2 versions of std_msgs/msg/Float64MultiArray in the bag: each file is read by its own" in remark
        )


def test_a_quality_of_service_that_metadata_yaml_says_in_another_way_loses_nothing(tmp_path, theirs):
    bag = theirs.write(tmp_path / "bag", theirs.events(), qos=[BEST_EFFORT])
    path = bag / "metadata.yaml"
    path.write_text(path.read_text().replace("best_effort", "reliable"))
    assert_right(imported(bag, tmp_path / "store")[0])


def test_a_type_that_metadata_yaml_says_in_another_way_and_missing_messages_are_said(tmp_path, theirs):
    bag = theirs.write(tmp_path / "bag", theirs.events())
    path = bag / "metadata.yaml"
    said = path.read_text().replace("std_msgs/msg/Float64MultiArray", "std_msgs/msg/Float32MultiArray")
    path.write_text(said.replace("message_count: 11", "message_count: 12"))
    episode, remark = imported(bag, tmp_path / "store")
    assert_right(episode)
    assert "topic /cam/image: metadata.yaml announces 12 messages, the files have 11" in remark
    assert "is of std_msgs/msg/Float64MultiArray, metadata.yaml says std_msgs/msg/Float32MultiArray" in remark


def test_a_bag_without_definitions_is_refused_unless_the_map_names_a_distribution(tmp_path, theirs):
    bag = theirs.write(tmp_path / "bag", theirs.events(), StoragePlugin.SQLITE3)
    (file,) = bag.glob("*.db3")
    import apsw

    connection = apsw.Connection(str(file))
    connection.execute("DELETE FROM message_definitions")
    connection.close()
    with pytest.raises(
        DataError, match=r"bag.db3: topic /arm/states: the bag has no definition of sensor_msgs"
    ):
        imported(bag, tmp_path / "store")
    assert EpisodeStore(tmp_path / "store").ids() == []
    assert_right(imported(bag, tmp_path / "store", replace(MAP, definitions="jazzy"))[0])


def test_a_clock_of_the_log_that_was_set_back_is_said_and_time_goes_on(tmp_path, theirs):
    events = [
        (topic, log_ns - 5 * S * (log_ns > START_NS + S // 2), msg) for topic, log_ns, msg in theirs.events()
    ]
    episode, remark = imported(theirs.write(tmp_path / "bag", events), tmp_path / "store")
    assert "the clock was set back by 5.0 s" in remark
    assert (np.diff(episode.joints.arrival_s) >= 0).all() and np.ptp(episode.joints.arrival_s) < 1.1


def test_missing_topics_and_a_map_that_does_not_fit_are_named(tmp_path, theirs):
    bag = theirs.write(tmp_path / "bag", theirs.events())
    there = "it has /arm/goal, /arm/states, /cam/image"
    for topic_map, said in (
        (replace(MAP, command="/goal"), f"has no topic /goal; {there}"),
        (
            replace(MAP, cameras={"wrist": "/cam/image"}),
            "cameras=['wrist'] must be those of task place: ['front']",
        ),
        (replace(MAP, joint_states=()), "--map: joint_states must be said for"),
        (replace(MAP, command="/cam/image"), "--map: topic /cam/image is named for two things"),
        (
            replace(MAP, cameras={"front": "/arm/goal"}, command="/cam/image"),
            "/arm/goal: std_msgs/msg/Float64MultiArray must be sensor_msgs/msg/Image or ",
        ),
        (
            replace(MAP, joint_states=("/arm/goal",), command="/arm/states"),
            f"{bag / 'bag.mcap'}: topic /arm/goal: std_msgs/msg/Float64MultiArray must be ",
        ),
        (
            TopicMap(),
            "is of others; say in --map which topics it has: cameras: {front: /TOPIC}, joint_states",
        ),
    ):
        with pytest.raises(DataError, match=re.escape(said)):
            imported(bag, tmp_path / "store", topic_map)
    assert EpisodeStore(tmp_path / "store").ids() == []


def test_a_bag_in_which_nobody_commands_says_that_there_is_nothing_to_train_on(tmp_path, theirs):
    events = [event for event in theirs.events() if event[0] != "/arm/goal"]
    late = [*events, ("/arm/goal", START_NS + 2 * S, theirs.numbers(at(0)))]
    first = [("/arm/goal", START_NS, theirs.numbers(at(0))), *events]
    episode, remark = imported(theirs.write(tmp_path / "bag", first), tmp_path / "store")
    assert len(episode.steps) == 0
    assert "commands before the first joint state: 1 times" in remark
    assert "topic /arm/goal: nothing of it is in the episode" in remark
    assert len(imported(theirs.write(tmp_path / "late", late), tmp_path / "store")[0].steps) == 1


def test_trajectories_joint_states_and_poses_command_as_well(tmp_path, theirs):
    def trajectory(stamp_ns, q):
        due = theirs.make("builtin_interfaces/msg/Duration", sec=0, nanosec=S // 50)
        none = np.zeros(0)
        point = theirs.make(
            "trajectory_msgs/msg/JointTrajectoryPoint",
            positions=q[::-1].copy(),
            velocities=none,
            accelerations=none,
            effort=none,
            time_from_start=due,
        )
        names = NAMES[6::-1]
        header = theirs.header(stamp_ns)
        return theirs.make(
            "trajectory_msgs/msg/JointTrajectory", header=header, joint_names=names, points=[point, point]
        )

    def pose(stamp_ns, q):
        x, y, z = PANDA.forward(q).position
        position = theirs.make("geometry_msgs/msg/Point", x=x, y=y, z=z)
        down = theirs.make("geometry_msgs/msg/Quaternion", x=1.0, y=0.0, z=0.0, w=0.0)
        at_tcp = theirs.make("geometry_msgs/msg/Pose", position=position, orientation=down)
        header = theirs.header(stamp_ns, "panda_link0")
        return theirs.make("geometry_msgs/msg/PoseStamped", header=header, pose=at_tcp)

    episode, remark = imported(
        theirs.write(tmp_path / "trajectories", theirs.events(command=trajectory)), tmp_path / "store"
    )
    assert_right(episode)
    assert episode.steps.stamp_s[7] == START_S + 0.16  # 20 ms after the message's stamp
    assert remark == "51 trajectories of several points: the first of each is taken"
    states = theirs.write(tmp_path / "states", theirs.events(command=theirs.joint_state))
    assert_right(imported(states, tmp_path / "store")[0])
    poses = theirs.write(tmp_path / "poses", theirs.events(command=pose))
    episode, _ = imported(poses, tmp_path / "store")
    np.testing.assert_allclose(episode.steps.action[7][:3], PANDA.forward(at(8)).position)
    np.testing.assert_array_equal(episode.steps.action[7][3:9], [1, 0, 0, 0, -1, 0])
    assert np.isnan(episode.steps.commanded).all()
    with pytest.raises(DataError, match="poses do not tell joint positions, as the task needs them"):
        imported(poses, tmp_path / "other", cell=JOINTS)


def test_other_names_of_joints_and_a_gripper_of_its_own_are_mapped(tmp_path, theirs):
    names = [f"j{n}" for n in range(7)] + NAMES[7:]

    def events():
        for topic, log_ns, msg in theirs.events():
            if topic == "/arm/states":
                msg.name[:] = names
            yield topic, log_ns, msg
            if topic == "/arm/states":
                yield "/hand", log_ns, theirs.make("std_msgs/msg/Float64", data=0.03)

    bag = theirs.write(tmp_path / "bag", events())
    joints = dict(zip(NAMES[:7], names[:7], strict=True))
    episode, _ = imported(bag, tmp_path / "store", replace(MAP, joints=joints, gripper_command="/hand"))
    np.testing.assert_array_equal(episode.steps.action[:, 9], 0.03)
    np.testing.assert_array_equal(episode.joints.positions_rad[7], at(7))


def test_broken_bags_are_named_with_what_to_do(tmp_path, theirs):
    bag = theirs.write(tmp_path / "bag", theirs.events())
    (file,) = bag.glob("*.mcap")
    whole, said = file.read_bytes(), (bag / "metadata.yaml").read_text()

    def refused(match):
        with pytest.raises(DataError, match=match):
            imported(bag, tmp_path / "store")

    file.write_bytes(whole[:-5000])
    refused(r"bag.mcap: is cut off; drift data repair .* makes it whole")
    file.write_bytes(whole)
    (bag / "metadata.yaml").write_text(said.replace("version: 9", "version: 10"))
    refused(r"metadata.yaml: version=10 must be 9 or less")
    (bag / "metadata.yaml").write_text(said.replace("- bag.mcap", "- ../../etc/passwd"))
    refused(r"relative_file_paths: passwd is not in the folder")
    (bag / "metadata.yaml").write_text("{")
    refused(r"metadata.yaml: cannot be read")
    (bag / "metadata.yaml").unlink()
    refused(r"metadata.yaml: is not there, so the bag was broken off: drift data repair")
    assert_right(imported(file, tmp_path / "store")[0])  # the file alone will do


@pytest.mark.parametrize("fill", [b"\x00", b"\xff"])
def test_an_sqlite_file_that_is_damaged_anywhere_is_read_or_named(tmp_path, theirs, fill):
    bag = theirs.write(tmp_path / "bag", theirs.events(), StoragePlugin.SQLITE3)
    (file,) = bag.glob("*.db3")
    whole, refused = file.read_bytes(), []
    for at in range(4096, len(whole) - 40, 509):
        file.write_bytes(whole[:at] + 40 * fill + whole[at + 40 :])
        try:
            list(BagReader(bag).messages(("/arm/states", "/arm/goal")))  # a message that is gone is a remark
        except DataError as error:
            refused.append(str(error))
    assert refused and all(str(file) in text for text in refused)


def test_folders_that_differ_behind_a_dot_are_two_episodes(tmp_path, theirs):
    for name in ("2024.05.03_run1", "2024.05.03_run2"):
        theirs.write(tmp_path / "bags" / name, theirs.events(0.2))
    store = EpisodeStore(tmp_path / "store")
    done = import_episodes(tmp_path / "bags", store, PLACE, rosbag2, MAP)
    ids = [one.episode_id for one in done]
    assert ids == store.ids()
    assert [name.rpartition("_")[0] for name in ids] == ["2024.05.03_run1", "2024.05.03_run2"]


def test_of_two_bags_named_alike_the_later_one_must_be_renamed_and_the_import_goes_on(tmp_path, theirs):
    bags = tmp_path / "bags"
    theirs.write(bags / "run 1", theirs.events(0.2))
    shutil.copytree(bags / "run 1", bags / "run_1")
    store = EpisodeStore(tmp_path / "store")
    with pytest.raises(DataError, match="two episodes in it are named run_1_.{8}: rename the later one"):
        list(import_episodes(bags, store, PLACE, rosbag2, MAP))
    (bags / "run_1").rename(bags / "run_2")
    store = EpisodeStore(tmp_path / "store")
    done = [(one.episode_id[:5], one.became) for one in import_episodes(bags, store, PLACE, rosbag2, MAP)]
    assert done == [("run_1", "known"), ("run_2", "new")]


def test_another_file_of_the_same_name_is_another_episode_and_the_same_one_is_known(tmp_path, theirs):
    files = []
    for day, seconds in (("monday", 0.2), ("tuesday", 0.4)):
        theirs.write(tmp_path / day / "bag", theirs.events(seconds))
        (file,) = (tmp_path / day / "bag").glob("*.mcap")
        files.append(file.rename(tmp_path / day / "bag_0.mcap"))
    store = EpisodeStore(tmp_path / "store")
    became = []
    for file in (*files, *files):
        (done,) = import_episodes(file, store, PLACE, rosbag2, MAP)
        became.append((store.read(done.episode_id).meta.steps, done.became))
    assert became == [(11, "new"), (21, "new"), (11, "known"), (21, "known")]


def test_the_topics_of_a_bag_are_listed_in_a_map_to_fill_in(tmp_path, theirs):
    bag = theirs.write(tmp_path / "bags" / "run", theirs.events(0.2))
    (template,) = rosbag2.templates(tmp_path / "bags")
    assert (template.kind, template.name) == ("map", "run")
    assert (
        "#   /arm/states: sensor_msgs/msg/JointState\n#   /cam/image: sensor_msgs/msg/Image\n"
        in template.text
    )
    path = tmp_path / "map.yaml"
    path.write_text(template.text)
    with pytest.raises(DataError, match=r"cameras=\['\?'\] must be those of task place: \['front'\]"):
        imported(bag, tmp_path / "store", load_yaml(path, TopicMap))
    said = yaml.safe_load(template.text) | {
        "cameras": {"front": "/cam/image"}, "joint_states": ["/arm/states"], "command": "/arm/goal",
    }  # fmt: skip
    path.write_text(yaml.safe_dump(said))
    assert imported(bag, tmp_path / "store", load_yaml(path, TopicMap))[0].meta.steps == 11


def test_joints_in_degrees_are_refused(tmp_path, theirs):
    events = [("/arm/states", START_NS, theirs.joint_state(START_NS, np.degrees(at(0))))]
    for topic, msg in (
        ("/arm/goal", theirs.numbers(at(0))),
        ("/cam/image", theirs.image(START_NS, picture(0))),
    ):
        events.append((topic, START_NS, msg))
    with pytest.raises(
        DataError, match="panda_joint2 at -10.59 is beyond its limits: in degrees, or another"
    ):
        imported(theirs.write(tmp_path / "bag", events), tmp_path / "store")


def test_the_map_is_read_strictly(tmp_path):
    path = Path(tmp_path / "map.yaml")
    path.write_text(
        "cameras: {front: /cam/image}\njoint_states: [/arm/states]\ncommand: /arm/goal\noutcome: success\n"
    )
    assert load_yaml(path, TopicMap) == MAP
    path.write_text("camera: {front: /cam/image}\n")
    with pytest.raises(ConfigError, match="camera"):
        load_yaml(path, TopicMap)
