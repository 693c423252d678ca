"""Windows are what a live policy would have seen, and labels are the expert's alone."""

from dataclasses import replace

import numpy as np
import pytest
from drift_core.data.labels import cut_labels
from drift_core.data.windows import WindowClass, cut_windows
from drift_core.episodes import GUARD_HOLD, Episode, EpisodeMeta, Frames, Joints, Steps, StepSource
from drift_core.episodes.images import LOSSLESS
from drift_core.episodes.reader import read_episode
from drift_core.episodes.writer import EpisodeWriter
from drift_core.errors import DataError
from drift_core.observation.assembler import Assembler, Observation
from drift_core.observation.spec import CameraSpec, ObservationSpec
from drift_core.observation.stamps import Ordering, StampOrder
from hypothesis import given, settings
from hypothesis import strategies as st

HOLD, POLICY, EXPERT = StepSource.HOLD, StepSource.POLICY, StepSource.EXPERT
NOW_S = 1.8e9  # seconds since 1970, where float64 is coarsest


def make_steps(drivers, rate_hz=50, start_s=0.0, first_seq=1, drop=()):
    """One step per driver (source, take-over); action = [time, 0]; step n is due at start + n / rate."""
    kept = [n for n in range(len(drivers)) if n not in drop]
    n = np.array(kept, dtype=int)
    source = np.array([int(drivers[k][0]) for k in kept], dtype=int)
    take_over = np.array([drivers[k][1] for k in kept], dtype=int)
    zero = np.zeros(len(n), dtype=int)
    action = np.stack([n / rate_hz, np.zeros(len(n))], axis=1)
    stamp_s = start_s + n / rate_hz
    said = (stamp_s, n + first_seq, source, zero, take_over, zero, zero, zero - 1.0)
    return Steps(*said, action, action, action, zero, proposed_chunk_id=zero, proposed=action[:, :0])


def labels_at(steps, t_ref_s, dt_s=0.1, horizon=4):
    return cut_labels(steps, np.atleast_1d(np.asarray(t_ref_s, float)), dt_s, horizon, "point")


def valid(steps, t_ref_s, **more):
    """Number of valid labels of one window."""
    mask = labels_at(steps, t_ref_s, **more).mask[0]
    assert (np.diff(mask.astype(int)) <= 0).all(), "a prefix"
    return int(mask.sum())


@pytest.mark.parametrize("start_s", [0.0, NOW_S])
def test_label_i_is_the_command_at_t_ref_plus_i_plus_one_dt(start_s):
    steps = make_steps([(EXPERT, 1)] * 51, start_s=start_s)  # 0.00 ... 1.00 s
    labels = labels_at(steps, start_s + 0.2)
    assert labels.mask.all()
    np.testing.assert_allclose(labels.actions[0, :, 0], [0.3, 0.4, 0.5, 0.6], atol=1e-6)


def test_a_label_between_two_control_steps_is_interpolated():
    steps = make_steps([(EXPERT, 1)] * 51)
    labels = labels_at(steps, 0.205)
    np.testing.assert_allclose(labels.actions[0, :, 0], [0.305, 0.405, 0.505, 0.605], atol=1e-6)
    assert labels.actions.dtype == np.float32


def test_labels_end_with_the_episode():
    steps = make_steps([(EXPERT, 1)] * 51)  # the last step is due at 1.00
    assert [valid(steps, t) for t in (0.6, 0.7, 0.8, 0.9, 1.0)] == [4, 3, 2, 1, 0]
    assert valid(steps, 0.695) == 3, "1.095 is beyond the last step, and 0.995 is not"


def test_labels_end_at_a_hand_back():
    # the expert drives 0.00 ... 0.48, the policy from 0.50 on
    steps = make_steps([(EXPERT, 1)] * 25 + [(POLICY, 1)] * 25)
    assert [valid(steps, t) for t in (0.0, 0.08, 0.1, 0.2, 0.3, 0.4, 0.5)] == [4, 4, 3, 2, 1, 0, 0]
    assert valid(steps, 0.09) == 3, "0.49 lies between the expert's last step and the policy's first"


def test_labels_do_not_begin_before_the_take_over():
    # the policy drives 0.00 ... 0.48, the expert from 0.50 on
    steps = make_steps([(POLICY, 0)] * 25 + [(EXPERT, 1)] * 50)
    assert [valid(steps, t) for t in (0.3, 0.46, 0.48, 0.5)] == [0, 0, 4, 4]


def test_labels_do_not_cross_from_one_take_over_to_the_next():
    steps = make_steps([(EXPERT, 1)] * 25 + [(EXPERT, 2)] * 50)
    assert [valid(steps, t) for t in (0.1, 0.3, 0.4, 0.48, 0.5)] == [3, 1, 0, 4, 4]


def test_labels_do_not_cross_a_hold():
    steps = make_steps([(EXPERT, 1)] * 25 + [(HOLD, 1)] + [(EXPERT, 1)] * 50)
    assert [valid(steps, t) for t in (0.2, 0.45, 0.5)] == [2, 0, 4]


def test_labels_do_not_cross_a_step_in_which_the_guard_held_the_arm():
    steps = make_steps([(EXPERT, 1)] * 75)
    steps.guard_flags[25] = GUARD_HOLD | 1
    steps.guard_flags[5] = 2  # only limited
    assert [valid(steps, t) for t in (0.0, 0.2, 0.45, 0.5)] == [4, 2, 0, 4]


def test_labels_do_not_cross_a_missing_step():
    steps = make_steps([(EXPERT, 1)] * 75, drop=[25])  # 0.50 is missing
    assert [valid(steps, t) for t in (0.2, 0.3, 0.4, 0.49, 0.5, 0.52)] == [2, 1, 0, 0, 0, 4]


def test_labels_do_not_cross_a_pause_of_the_gate():
    steps = make_steps([(EXPERT, 1)] * 75)
    steps.stamp_s[25:] += 0.15
    assert [valid(steps, t) for t in (0.2, 0.3, 0.4, 0.5, 0.65)] == [2, 1, 0, 0, 4]


def test_a_step_that_came_twice_does_no_harm():
    steps = make_steps([(EXPERT, 1)] * 51)
    twice = Steps(*(np.repeat(getattr(steps, name), 2, axis=0) for name in Steps.__dataclass_fields__))
    assert valid(twice, 0.2) == 4


def test_unknown_commands_are_no_labels():
    steps = make_steps([(EXPERT, 1)] * 51)
    steps.action[:10] = np.nan
    assert [valid(steps, t) for t in (0.1, 0.18, 0.3)] == [0, 4, 4]
    assert np.isfinite(labels_at(steps, 0.0).actions).all()


def test_the_interpolated_rotation_is_orthonormal():
    steps = make_steps([(EXPERT, 1)] * 51)
    angle = np.arange(51) * 0.1
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros(51), np.ones(51)
    pose = np.stack([zero, zero, zero, c, s, zero, -s, c, zero, one], axis=1)
    turned = Steps(**{**{k: getattr(steps, k) for k in Steps.__dataclass_fields__}, "action": pose})
    labels = cut_labels(turned, np.array([0.21]), 0.1, 2, "tcp_pose")
    # halfway between steps 15 and 16: 1.55 rad
    expected = [np.cos(1.55), np.sin(1.55), 0, -np.sin(1.55), np.cos(1.55), 0]
    np.testing.assert_allclose(labels.actions[0, 0, 3:9], expected, atol=1e-6)


def test_no_steps_no_labels():
    labels = labels_at(make_steps([]), [0.0, 1.0])
    assert not labels.mask.any() and labels.mask.shape == (2, 4)


def naive_valid(steps, t_ref_s, dt_s, horizon):
    """The definition, word by word, one label after the other."""
    count = 0
    for i in range(horizon):
        due_s = t_ref_s + (i + 1) * dt_s
        inside = [n for n in range(len(steps)) if t_ref_s + 1e-6 < steps.stamp_s[n] <= due_s + 1e-6]
        here = [n for n in inside if steps.stamp_s[n] > t_ref_s + i * dt_s + 1e-6]
        closing = [n for n in range(len(steps)) if steps.stamp_s[n] > due_s + 1e-6][:1]
        if not here:
            return count
        if abs(steps.stamp_s[here[-1]] - due_s) > 1e-6:
            if not closing:
                return count
            inside += closing
        if inside[0] > 0:
            linked = [inside[0] - 1, *inside]
        else:
            linked = inside
        if any(steps.seq[b] - steps.seq[a] != 1 for a, b in zip(linked, linked[1:], strict=False)):
            return count
        if any(steps.source[n] != EXPERT for n in inside):
            return count
        if len({int(steps.intervention_id[n]) for n in inside}) != 1:
            return count
        count += 1
    return count


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([HOLD, POLICY, EXPERT, EXPERT, EXPERT]), st.integers(1, 2), st.integers(1, 12)
        ),
        min_size=1,
        max_size=6,
    ),
    st.sets(st.integers(0, 40), max_size=2),
    st.integers(0, 90),
)
def test_labels_agree_with_the_definition_word_by_word(runs, drop, t_ref_cs):
    drivers = [(source, take_over) for source, take_over, length in runs for _ in range(length)]
    steps = make_steps(drivers, drop=drop)
    assert valid(steps, t_ref_cs / 100, dt_s=0.06) == naive_valid(steps, t_ref_cs / 100, 0.06, 4)


# Windows of whole episodes --------------------------------------------------------------------------------

CAMERAS = (CameraSpec("front", 4, 4), CameraSpec("wrist", 4, 4))
SPEC = ObservationSpec(CAMERAS, state_dim=3, observation_steps=2, dt_s=0.1)
LATENCY_S = {"front": 0.0, "wrist": 0.004}
SMALL = ObservationSpec(CAMERAS[:1], state_dim=3, observation_steps=1, dt_s=0.1)


def state_of(positions_rad, gripper_m):
    return np.array([*np.sin(positions_rad), gripper_m])


def episode_of(spec, frames, joints, steps, kind="intervention"):
    meta = EpisodeMeta("e", "panda", "place", 0, kind, spec.cameras, spec.dt_s, 0.0)
    return Episode(meta, steps, joints, frames)


def joints_at(stamps_s, delay_s=0.0):
    stamps_s = np.asarray(stamps_s)
    positions = np.stack([stamps_s, 2 * stamps_s], axis=1)
    return Joints(stamps_s, stamps_s + delay_s, positions, np.zeros(len(stamps_s)))


def frames_of(stamps_s, arrival_s):
    """Frames filled with their number."""
    encoded = [LOSSLESS.encode(np.full((4, 4, 3), n, np.uint8)) for n in range(len(stamps_s))]
    return Frames(np.asarray(stamps_s), np.asarray(arrival_s), encoded, ["png"] * len(stamps_s))


def frames_at(stamps_s, delay_s=0.0):
    return frames_of(stamps_s, np.asarray(stamps_s) + delay_s)


def windows_of(episode, spec=SMALL, horizon=4, **more):
    latency_s = {camera.name: LATENCY_S[camera.name] for camera in spec.cameras}
    return cut_windows(episode, spec, state_of, latency_s, horizon, "point", **more)


def test_one_window_per_policy_step_also_when_the_camera_is_faster():
    for rate_hz in (10, 30, 60):
        frames = {"front": frames_at(np.arange(rate_hz * 19 // 10 + 1) / rate_hz, delay_s=0.02)}
        episode = episode_of(SMALL, frames, joints_at(np.arange(220) / 100), make_steps([(EXPERT, 1)] * 120))
        windows = windows_of(episode)
        np.testing.assert_allclose(windows.t_ref_s, np.arange(20) / 10, atol=1e-9)
        assert windows.frames["front"].images()[:, 0, 0, 0].tolist() == [n * rate_hz // 10 for n in range(20)]


def test_windows_are_classed_and_only_those_with_a_label_can_be_trained_on():
    # policy 0.00 ... 0.98, expert 1.00 ... 1.48, hold 1.50 ... 1.58, policy from 1.60 to 2.98
    drivers = [(POLICY, 0)] * 50 + [(EXPERT, 1)] * 25 + [(HOLD, 1)] * 5 + [(POLICY, 1)] * 70
    frames = {"front": frames_at(np.arange(30) / 10)}
    episode = episode_of(SMALL, frames, joints_at(np.arange(301) / 100), make_steps(drivers))
    windows = windows_of(episode, pre_intervention_s=0.5)
    assert windows.expert_labels == 4, "1.0, 1.1, 1.2, 1.3: the label of 1.4 is due in the hold"
    assert windows.counts == {
        "demonstration": 0,
        "intervention": 4,
        "pre_intervention": 5,  # 0.5 ... 0.9
        "policy": 5 + 14,  # 0.0 ... 0.4 and 1.6 ... 2.9
        "idle": 2,  # 1.4: expert, but without a label; 1.5: hold
    }
    chosen = windows.trainable()
    np.testing.assert_allclose(chosen.t_ref_s, [1.0, 1.1, 1.2, 1.3])
    assert chosen.mask.sum(axis=1).tolist() == [4, 3, 2, 1]
    assert chosen.frames["front"].images()[:, 0, 0, 0].tolist() == [10, 11, 12, 13]
    assert chosen.frame_index.tolist() == [[0], [1], [2], [3]]


def test_windows_carry_what_is_seen_later_where_the_episode_goes_on():
    frames = {"front": frames_at(np.delete(np.arange(10), 6) / 10)}  # nothing at 0.6
    steps = make_steps([(EXPERT, 1)] * 51)
    windows = windows_of(
        episode_of(SMALL, frames, joints_at(np.arange(101) / 100), steps), future_steps=(1, 4)
    )
    np.testing.assert_allclose(windows.t_ref_s, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9], atol=1e-9)
    future = windows.future
    #                               0.0  0.1  0.2  0.3  0.4  0.5  0.7  0.8  0.9
    assert future.mask[:, 0].tolist() == [1, 1, 1, 1, 1, 0, 1, 1, 0]
    assert future.mask[:, 1].tolist() == [1, 1, 0, 1, 1, 1, 0, 0, 0]
    images = windows.frames["front"].images()[:, 0, 0, 0]
    seen = images[windows.frame_rows[future.frame_index, 0]]
    assert seen[:, 0].tolist() == [1, 2, 3, 4, 5, 5, 7, 8, 8], "where nothing is ahead: what is there now"
    assert seen[:, 1].tolist() == [4, 5, 2, 6, 7, 8, 6, 7, 8], "counted in frames: 6 is that of 0.7"
    np.testing.assert_allclose(future.state[0, 1], [np.sin(0.4), np.sin(0.8), 0.0], atol=1e-6)
    chosen = windows.trainable()
    assert len(chosen) == 9 and chosen.future.mask.tolist() == future.mask.tolist()
    assert windows_of(episode_of(SMALL, frames, joints_at(np.arange(101) / 100), steps)).future is None


def test_the_windows_of_a_demonstration_are_demonstrations():
    frames = {"front": frames_at(np.arange(10) / 10)}
    steps = make_steps([(EXPERT, 1)] * 51)
    windows = windows_of(episode_of(SMALL, frames, joints_at(np.arange(101) / 100), steps, "demonstration"))
    assert set(windows.window_class.tolist()) == {WindowClass.DEMONSTRATION}
    assert windows.expert_labels == 10


def test_neighbouring_windows_share_frames():
    frames = {"front": frames_at(np.arange(10) / 10), "wrist": frames_at(np.arange(10) / 10 + 0.004)}
    steps = make_steps([(EXPERT, 1)] * 51)
    windows = windows_of(episode_of(SPEC, frames, joints_at(np.arange(101) / 100), steps), SPEC)
    assert len(windows) == 9 and windows.frame_rows.shape == (10, 2)
    assert windows.frame_index.tolist() == [[n, n + 1] for n in range(9)]
    assert windows.frames["wrist"].images().shape == (10, 4, 4, 3)


def test_a_frame_that_had_not_arrived_is_not_in_the_window():
    # the frame of 0.10 arrives after the one of 0.20, whose window has to do with the one of 0.06 as history
    stamps_s = np.array([0.0, 0.06, 0.10, 0.20, 0.30])
    frames = {"front": frames_of(stamps_s, [0.0, 0.06, 0.25, 0.20, 0.30])}
    spec = ObservationSpec(CAMERAS[:1], 3, 2, 0.1)
    steps = make_steps([(EXPERT, 1)] * 51)
    windows = windows_of(episode_of(spec, frames, joints_at(np.arange(101) / 100), steps), spec)
    np.testing.assert_allclose(windows.t_ref_s, [0.2, 0.3])
    rows = windows.frame_rows[windows.frame_index, 0]  # (N, To)
    assert windows.frames["front"].images()[rows][:, :, 0, 0, 0].tolist() == [[1, 3], [3, 4]]


def test_a_camera_that_was_not_recorded_is_named():
    episode = episode_of(SMALL, {}, joints_at([0.0]), make_steps([]))
    with pytest.raises(DataError, match=r"episode e: cameras=\['front'\] were not recorded"):
        windows_of(episode)


def test_without_cameras_windows_follow_the_joints():
    spec = ObservationSpec((), 3, 1, 0.1)
    episode = episode_of(spec, {}, joints_at(np.arange(101) / 50), make_steps([(EXPERT, 1)] * 101))
    windows = windows_of(episode, spec)
    np.testing.assert_allclose(windows.t_ref_s, np.arange(21) / 10, atol=1e-9)
    assert windows.mask.sum() == 17 * 4 + 3 + 2 + 1 and windows.frame_rows.shape == (1, 0)


def test_an_episode_without_samples_has_no_windows():
    windows = windows_of(episode_of(SMALL, {"front": frames_at([])}, joints_at([]), make_steps([])))
    assert len(windows) == 0 and windows.expert_labels == 0 and len(windows.trainable()) == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_live_and_replayed_observations_are_equal_to_the_bit(seed):
    """Random rates, jitter, delays, losses and disorder; live, an observation is tried after each arrival."""
    rng = np.random.default_rng(seed)
    events = []
    for name, rate_hz, delay_s in (("front", 10, 0.02), ("wrist", 12, 0.05), ("joints", 100, 0.002)):
        for n in range(int(2 * rate_hz)):
            if rng.random() < 0.97:
                stamp_s = NOW_S + n / rate_hz + rng.normal(0, 0.001)
                events.append((50.0 + n / rate_hz + rng.exponential(delay_s), name, stamp_s))
    events.sort()
    live = Assembler(SPEC, state_of, LATENCY_S)
    seen: dict[float, Observation] = {}
    images = {"front": [], "wrist": []}
    joints = []
    for arrival_s, name, stamp_s in events:
        if name == "joints":
            joints.append((stamp_s, arrival_s, rng.normal(size=2), rng.random()))
            live.put_joints(joints[-1][2], joints[-1][3], stamp_s, arrival_s)
        else:
            images[name].append((stamp_s, arrival_s, rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)))
            live.put_frame(name, images[name][-1][2], stamp_s, arrival_s)
        observation = live.assemble()
        if isinstance(observation, Observation):
            seen.setdefault(observation.t_ref_s, observation)

    def column(rows, at):
        return np.array([row[at] for row in rows])

    frames = {
        name: Frames(
            column(rows, 0), column(rows, 1), [LOSSLESS.encode(row[2]) for row in rows], ["png"] * len(rows)
        )
        for name, rows in images.items()
    }
    recorded = Joints(column(joints, 0), column(joints, 1), column(joints, 2), column(joints, 3))
    windows = windows_of(episode_of(SPEC, frames, recorded, make_steps([])), SPEC)
    assert len(windows) > 5
    for n, t_ref_s in enumerate(windows.t_ref_s):
        observation = seen[t_ref_s]
        np.testing.assert_array_equal(windows.state[n], observation.state)
        for column_of, camera in enumerate(windows.frames):
            rows = windows.frame_rows[windows.frame_index[n], column_of]
            np.testing.assert_array_equal(windows.frames[camera].images()[rows], observation.images[camera])


def test_windows_of_an_episode_from_disk_equal_those_of_the_live_run(tmp_path):
    rng = np.random.default_rng(1)
    meta = EpisodeMeta("e", "panda", "place", 0, "intervention", SMALL.cameras, 0.1, NOW_S)
    live, seen = Assembler(SMALL, state_of, {"front": 0.0}), {}
    with EpisodeWriter(tmp_path, meta) as writer:
        for n in range(200):
            stamp_s, arrival_s = NOW_S + n / 100, 9.0 + n / 100
            q, gripper_m = rng.normal(size=2), rng.random()
            writer.add_joints(q, gripper_m, stamp_s, arrival_s)
            live.put_joints(q, gripper_m, stamp_s, arrival_s)
            if n % 10 == 0:
                image = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
                writer.add_frame("front", image, stamp_s, arrival_s)
                live.put_frame("front", image, stamp_s, arrival_s)
                seen[stamp_s] = live.assemble()
        path = writer.close("success")
    windows = windows_of(read_episode(path))
    assert windows.t_ref_s.tolist() == list(seen)
    for n, observation in enumerate(seen.values()):
        np.testing.assert_array_equal(windows.state[n], observation.state)
        np.testing.assert_array_equal(windows.frames["front"].images()[[n]], observation.images["front"])


# Clocks and pauses ----------------------------------------------------------------------------------------


def set_back(arrival_s, at_s, by_s):
    """Stamps of samples that arrive at `arrival_s`, of a clock that is set back at `at_s`."""
    return 100.0 + np.where(arrival_s < at_s, arrival_s, arrival_s - by_s)


def recorded_while_set_back(by_s, camera_only=False):
    """4 s of an expert's driving; after 2 s the clock of all stamps, or of the camera's, is set back."""
    frames_s, joints_s, steps_s = np.arange(40) / 10, np.arange(401) / 100, np.arange(201) / 50
    others = 0.0 if camera_only else by_s
    camera = frames_of(set_back(frames_s, 2.0, by_s), frames_s)
    joints = Joints(set_back(joints_s, 2.0, others), joints_s, np.stack([joints_s] * 2, 1), np.zeros(401))
    steps = replace(make_steps([(EXPERT, 1)] * 201), stamp_s=set_back(steps_s, 2.0, others))
    return episode_of(SMALL, {"front": camera}, joints, steps, "demonstration")


@pytest.mark.parametrize("by_s", [1.5, 10.0, 1e6])
def test_a_clock_that_was_set_back_costs_a_moment_and_that_is_said(by_s):
    windows = windows_of(recorded_while_set_back(by_s), future_steps=(1,))
    # 0.0 ... 1.9 before; 2.0, 2.01 and the frame at 2.0 are late, 2.02 is the third: 2.1 ... 3.9 after
    assert len(windows) == 20 + 19
    np.testing.assert_allclose(
        windows.t_ref_s, [*(100 + np.arange(20) / 10), *(102.1 - by_s + np.arange(19) / 10)]
    )
    assert windows.expert_labels == 19 + 19, "the label of 1.9 is due after the jump"
    # frame 21 follows the jump; labels are those of the same side
    assert windows.frames["front"].images()[:, 0, 0, 0].tolist() == [*range(20), *range(21, 40)]
    np.testing.assert_allclose(windows.actions[20, :, 0], [2.2, 2.3, 2.4, 2.5], atol=1e-6)
    assert windows.future.mask[:, 0].tolist() == [*[True] * 19, False, *[True] * 18, False]
    lost = "late or repeated samples: 2 of joint_states, 1 of front"
    assert windows.remark == f"set-backs of the clock: 1; {lost}"


def test_a_clock_that_was_set_back_a_little_loses_only_what_is_stamped_twice_and_that_is_said():
    windows = windows_of(recorded_while_set_back(0.5))
    # from 2.0 to 2.5 nothing is newer than what was there before
    assert len(windows) == 40 - 5
    assert windows.remark == (
        "late or repeated samples: 5 of front; control steps stamped before one that came earlier: 25"
    )


def test_a_camera_alone_that_was_set_back_is_not_joined_with_joints_of_another_time():
    windows = windows_of(recorded_while_set_back(10.0, camera_only=True))
    assert len(windows) == 20 and windows.expert_labels == 20
    assert windows.remark == "set-backs of the clock: 1; late or repeated samples: 2 of front"


def test_an_undisturbed_episode_has_no_remark():
    assert windows_of(recorded_while_set_back(0.0)).remark == ""


@pytest.mark.parametrize("by_s", [2.0, 10.0])
def test_live_and_replayed_observations_agree_when_the_clock_is_set_back(by_s):
    episode = recorded_while_set_back(by_s)
    live, stamps, seen = Assembler(SMALL, state_of, {"front": 0.0}), StampOrder(), []
    events = [(s, 0, n) for n, s in enumerate(episode.joints.arrival_s)]
    events += [(s, 1, n) for n, s in enumerate(episode.frames["front"].arrival_s)]
    for arrival_s, is_frame, n in sorted(events):
        samples = episode.frames["front"] if is_frame else episode.joints
        order = stamps.take("front" if is_frame else "joint_states", samples.stamp_s[n])
        if order is Ordering.SET_BACK:
            live.reset()
        if order is Ordering.LATE:
            continue
        if is_frame:
            live.put_frame("front", samples.image(n), samples.stamp_s[n], arrival_s)
        else:
            live.put_joints(samples.positions_rad[n], 0.0, samples.stamp_s[n], arrival_s)
        made = live.assemble()
        if isinstance(made, Observation) and made.t_ref_s != (seen[-1].t_ref_s if seen else None):
            seen.append(made)
    windows = windows_of(episode)
    assert windows.t_ref_s.tolist() == [made.t_ref_s for made in seen]
    np.testing.assert_array_equal(windows.state, [made.state for made in seen])


def test_windows_in_which_the_expert_stands_still_are_counted():
    # moves for 1 s at 1 m/s, stands for 3 s, moves for 1 s: labels reach 4 steps of 0.1 s ahead
    positions = np.concatenate([np.arange(51) / 50, np.ones(150), 1 + np.arange(1, 51) / 50])
    steps = make_steps([(EXPERT, 1)] * 251)
    steps = replace(steps, action=np.stack([positions, 0 * positions], axis=1))
    frames = {"front": frames_at(np.arange(50) / 10)}
    windows = windows_of(episode_of(SMALL, frames, joints_at(np.arange(501) / 100), steps, "demonstration"))
    assert windows.expert_labels == 50
    # still from 1.0 to 4.0: windows at 1.0 ... 3.6
    np.testing.assert_allclose(windows.t_ref_s[windows.idle], np.arange(10, 37) / 10)
    assert windows.idle_labels == 27 and windows.trainable().idle_labels == 27


def test_the_end_of_an_episode_is_too_short_to_be_called_a_pause():
    steps = make_steps([(EXPERT, 1)] * 51)
    steps = replace(steps, action=np.ones((51, 2)))  # 1 s, all of it still
    frames = {"front": frames_at(np.arange(10) / 10)}
    windows = windows_of(episode_of(SMALL, frames, joints_at(np.arange(101) / 100), steps))
    assert windows.idle.tolist() == [True] * 7 + [False] * 3, "four labels until 0.6"


@pytest.mark.parametrize(
    "driver, stamps_s, delay_s, why",
    [
        (HOLD, np.arange(10) / 10, 0.0, "no label: the expert drove no control step"),
        (EXPERT, [], 0.0, "no observation: front: never received"),
        # a camera whose clock runs 0.9 s ahead: its last frame is of a time at which there are no joints yet
        (EXPERT, 0.9 + np.arange(10) / 10, -0.9, "no observation: joints: not known at t_ref - 0 s: newest"),
        (
            EXPERT,
            np.arange(10) / 10 - 3.0,
            3.0,
            "no observation: joints: not known at t_ref - 0 s: no sample",
        ),
    ],
)
def test_a_demonstration_without_a_label_says_why(driver, stamps_s, delay_s, why):
    frames, joints = {"front": frames_at(stamps_s, delay_s)}, joints_at(np.arange(91) / 100)
    steps = make_steps([(driver, 1)] * 51)
    windows = windows_of(episode_of(SMALL, frames, joints, steps, "demonstration"))
    assert windows.expert_labels == 0 and windows.remark.startswith(why)
    assert windows_of(episode_of(SMALL, frames, joints, steps)).remark == "", (
        "it may be that nobody took over"
    )
