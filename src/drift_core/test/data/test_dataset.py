"""Batches hold each frame once and are what the windows say."""

import dataclasses
from itertools import islice

import numpy as np
import pytest
import torch
from drift_core.data.dataset import WindowDataset, batches, mixed_batches
from drift_core.data.features import FeatureTable
from drift_core.data.windows import FutureSet, WindowSet
from drift_core.errors import DataError, ShapeError
from drift_core.policy.batch import Batch, concatenate
from recorded_frames import recorded


def windows(name, count=5, value=0, labels=None, cameras=("front", "wrist"), size=4, idle=()):
    """`count` windows of two frames in a row; frame n is filled with value + n, as are state and action."""
    n = np.arange(count)
    mask = np.ones((count, 3), bool)
    if labels is not None:
        mask &= np.isin(n, labels)[:, None]
    moments = np.arange(count + 1)
    images = np.broadcast_to((value + moments)[:, None, None, None], (count + 1, size, size + 1, 3)).astype(
        np.uint8
    )
    return WindowSet(
        episode_id=name,
        t_ref_s=n / 10,
        frames={camera: recorded(images + 100 * k) for k, camera in enumerate(cameras)},
        frame_rows=np.stack([moments] * len(cameras), axis=1) if cameras else np.zeros((count + 1, 0), int),
        frame_index=np.stack([n, n + 1], axis=1),
        state=np.broadcast_to((value + n)[:, None, None], (count, 2, 7)).astype(np.float32),
        actions=np.broadcast_to((value + n)[:, None, None], (count, 3, 2)).astype(np.float32),
        mask=mask,
        window_class=np.zeros(count, int),
        idle=np.isin(n, idle),
        intervention=np.ones(count, int),
    )


def seen(batch, camera):
    """Pixel of each window's two frames: (B, To)."""
    return batch.images[camera][:, 0, 0, 0][batch.frame_index].tolist()


def generator():
    return torch.Generator().manual_seed(3)


def test_a_batch_holds_each_frame_once():
    dataset = WindowDataset([windows("a"), windows("b", value=50)])
    batch = dataset.batch(torch.tensor([0, 1, 6, 1]))
    assert batch.images["front"].shape == (5, 3, 4, 5), "frames 0, 1, 2 of a and 1, 2 of b"
    assert batch.images["front"].dtype == torch.uint8
    assert seen(batch, "front") == [[0, 1], [1, 2], [51, 52], [1, 2]]
    assert seen(batch, "wrist") == [[100, 101], [101, 102], [151, 152], [101, 102]]
    assert batch.state[:, 0, 0].tolist() == [0, 1, 51, 1]
    assert batch.actions[:, 0, 0].tolist() == [0, 1, 51, 1]


def test_cameras_that_are_not_in_step_keep_their_own_frames():
    shifted = windows("a")
    shifted.frame_rows[:, 1] = np.maximum(shifted.frame_rows[:, 1] - 1, 0)
    batch = WindowDataset([windows("b", value=50), shifted]).batch(torch.tensor([5, 9]))
    assert seen(batch, "front") == [[0, 1], [4, 5]]
    assert seen(batch, "wrist") == [[100, 100], [103, 104]]


def test_windows_without_a_label_and_their_frames_stay_out():
    dataset = WindowDataset([windows("a", labels=[3])])
    assert len(dataset) == dataset.labels == 1 and dataset.n_frames == 2
    assert seen(dataset.batch(torch.tensor([0])), "front") == [[3, 4]]
    assert WindowDataset([windows("a", labels=[])]).labels == 0


def test_adding_later_is_the_same_as_adding_at_once():
    parts = [windows("a", labels=[1, 2]), windows("b", value=20), windows("c", value=40, labels=[0, 4])]
    at_once, later = WindowDataset(parts), WindowDataset()
    assert [later.add(part) for part in parts] == [2, 5, 2]
    indices = torch.arange(9)
    for one, other in ((at_once.batch(indices), later.batch(indices)),):
        assert torch.equal(one.images["wrist"], other.images["wrist"])
        assert torch.equal(one.frame_index, other.frame_index) and torch.equal(one.actions, other.actions)
    assert later.episode_ids == ["a", "b", "c"]


def test_uniform_samples_are_repeatable_and_reach_every_window():
    dataset = WindowDataset([windows("a"), windows("b", value=50)])
    one, other = dataset.sample(generator(), 500), dataset.sample(generator(), 500)
    assert torch.equal(one.state, other.state)
    assert len(one.state[:, 0, 0].unique()) == 10


def test_cached_features_take_the_place_of_images_and_only_new_frames_are_encoded():
    dataset, table, encoded = WindowDataset([windows("a")]), FeatureTable(), []

    def encode(images):
        encoded.append(len(images["front"]))
        return torch.stack([images["front"][:, 0, 0, 0], images["wrist"][:, 0, 0, 0]], dim=1).float()

    dataset.encode(table, [encode], frames_at_once=4)
    batch = dataset.batch(torch.tensor([0, 4]))
    assert encoded == [4, 2] and batch.images == {} and batch.n_frames == 4
    assert batch.features[batch.frame_index][1].tolist() == [[4, 104], [5, 105]]
    dataset.add(windows("b", value=50))
    with pytest.raises(DataError, match="features=6 must be one per frame, 12: encode new frames first"):
        dataset.batch(torch.tensor([0]))
    dataset.encode(table, [encode])
    assert encoded == [4, 2, 6]
    assert dataset.batch(torch.tensor([5])).features[:, 0].tolist() == [50, 51]
    dataset.forget_features()
    assert dataset.batch(torch.tensor([0])).features is None


def test_a_moment_that_is_encoded_already_is_looked_up_by_its_frames_whichever_episode_it_is_in():
    offline, online, table, encoded = WindowDataset(), WindowDataset(), FeatureTable(views=2), []

    def encode(images):
        encoded.append(images["front"][:, 0, 0, 0].tolist())
        return images["front"][:, 0, 0, :1].float()

    encoders = [encode, lambda images: -images["front"][:, 0, 0, :1].float()]
    online.add(windows("a.1", count=2, value=3))  # an excerpt: frames 3, 4, 5
    for dataset in (offline, online):
        dataset.encode(table, encoders)
    online.add(windows("a"))  # the whole of it: frames 0 to 5
    online.remove(["a.1"])
    offline.add(windows("b", value=5))  # frames 5 to 10
    for dataset in (offline, online):
        dataset.encode(table, encoders)
    assert encoded == [[3, 4, 5], [6, 7, 8, 9, 10], [0, 1, 2]]
    assert online.batch(torch.arange(5)).features[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    table.choose(1)
    assert offline.batch(torch.arange(5)).features[:, 0].tolist() == [-5, -6, -7, -8, -9, -10]
    # the same picture by one camera and another by the other is another moment
    other = windows("c", count=2, value=3)
    other.frames["wrist"] = recorded(other.frames["wrist"].images() + 1)
    online.add(other)
    online.encode(table, encoders)
    assert encoded[3:] == [[3, 4, 5]]


def same(one, other):
    """Whether two batches are the same, to the bit."""
    tensors = ("frame_index", "state", "actions", "mask")
    parts = [*((getattr(one, n), getattr(other, n)) for n in tensors)]
    parts += [(one.images[camera], other.images[camera]) for camera in one.images]
    if one.future is not None:
        parts += [
            (getattr(one.future, n), getattr(other.future, n)) for n in ("frame_index", "state", "mask")
        ]
    return all(torch.equal(a, b) for a, b in parts)


@pytest.mark.parametrize("seed", range(5))
def test_after_any_additions_and_removals_a_dataset_is_one_that_never_had_the_removed_episodes(seed):
    random, dataset, here = np.random.default_rng(seed), WindowDataset(), {}
    table, encode = FeatureTable(), lambda images: images["front"][:, 0, 0, :1].float()
    for number in range(25):
        if here and random.random() < 0.4:
            gone = random.choice(list(here))
            assert dataset.remove([gone, "never"]) == len(here.pop(gone).t_ref_s)
        else:
            count = int(random.integers(1, 5))
            here[f"e{number}"] = looking_ahead(f"e{number}", count=count, value=5 * number)
            dataset.add(here[f"e{number}"])
        if number % 3 == 0:
            dataset.encode(table, [encode])
    fresh = WindowDataset(here.values())
    assert dataset.episode_ids == fresh.episode_ids and len(dataset) == len(fresh) > 0
    dataset.encode(table, [encode])
    features = dataset.batch(torch.arange(len(fresh))).features
    assert (
        features[:, 0].tolist() == fresh.batch(torch.arange(len(fresh))).images["front"][:, 0, 0, 0].tolist()
    )
    dataset.forget_features()
    assert same(dataset.batch(torch.arange(len(fresh))), fresh.batch(torch.arange(len(fresh))))
    assert same(dataset.sample(generator(), 20), fresh.sample(generator(), 20)), "and so are the draws"


def test_half_of_a_mixed_batch_is_online():
    offline, online = WindowDataset([windows("a")]), WindowDataset([windows("b", value=50)])
    batch = next(mixed_batches(offline, online, generator(), 8))
    assert (batch.state[:, 0, 0] >= 50).tolist() == [False] * 4 + [True] * 4
    np.testing.assert_array_equal(np.array(seen(batch, "front"))[:, 0], batch.state[:, 0, 0])


def test_a_share_of_the_online_half_is_drawn_from_preferred_windows_alone():
    offline = WindowDataset([windows("a")])
    online = WindowDataset([windows("b", value=50), windows("c", value=60), windows("d", value=70)])
    rows = online.rows({"c", "elsewhere"})
    assert rows.tolist() == [5, 6, 7, 8, 9]
    draws = islice(mixed_batches(offline, online, generator(), 16, 0.5, preferred=lambda: (rows, 0.75)), 20)
    drawn = torch.stack([batch.state[:, 0, 0] for batch in draws])
    assert (drawn[:, :8] < 50).all(), "half of it is offline, as ever"
    assert set(drawn[:, 10:].flatten().tolist()) == {60, 61, 62, 63, 64}, "6 of the other 8"
    assert {value // 10 for value in drawn[:, 8:10].flatten().tolist()} == {5, 6, 7}
    online.remove({"b"})
    assert online.rows({"c"}).tolist() == [0, 1, 2, 3, 4], "rows move up"


def test_preferred_windows_are_drawn_by_the_weight_of_idle_ones():
    online = WindowDataset([windows("b", value=50), windows("c", value=60, idle=(0, 1))])
    assert online.rows({"c"}, idle=False).tolist() == [7, 8, 9]
    rows = online.rows({"c"})
    assert set(online.sample(generator(), 200, 0.0, rows).state[:, 0, 0].tolist()) == {62, 63, 64}
    with pytest.raises(DataError, match="idle_weight=0 leaves nothing: all 2 windows are idle"):
        online.sample(generator(), 4, 0.0, torch.tensor([5, 6]))


def test_all_of_a_mixed_batch_is_offline_before_the_first_correction():
    batch = next(mixed_batches(WindowDataset([windows("a")]), WindowDataset(), generator(), 8))
    assert batch.size == 8 and batch.state.max() < 50


def test_batches_go_on_for_ever_and_differ():
    first, second = islice(batches(WindowDataset([windows("a")]), generator(), 20), 2)
    assert not torch.equal(first.state, second.state)


def test_a_task_without_cameras_has_no_frames():
    dataset = WindowDataset([windows("a", cameras=())])
    batch = dataset.sample(generator(), 4)
    assert batch.images == {} and batch.n_frames == 0 and batch.features is None
    joined = concatenate([batch, batch])
    assert joined.size == 8


def looking_ahead(name, count=5, value=0, score=None):
    """The same windows with what is 1 and 3 policy steps ahead."""
    given = windows(name, count, value)
    ahead = np.arange(count)[:, None] + [1, 3]
    mask = ahead < count
    ahead = np.where(mask, ahead, np.arange(count)[:, None])
    future = FutureSet(given.frame_index[ahead, -1], given.state[ahead, -1], mask)
    return dataclasses.replace(given, future=future, score=score)


def test_a_batch_carries_what_is_ahead_and_still_holds_each_frame_once():
    dataset = WindowDataset([looking_ahead("a"), looking_ahead("b", value=50)])
    batch = dataset.batch(torch.tensor([0, 6, 8]))
    assert seen(batch, "front") == [[0, 1], [51, 52], [53, 54]]
    future = batch.future
    assert batch.images["front"][:, 0, 0, 0][future.frame_index].tolist() == [[2, 4], [53, 55], [55, 54]]
    assert future.mask.tolist() == [[True, True], [True, True], [True, False]]
    assert future.state[:, :, 0].tolist() == [[1, 3], [52, 54], [54, 53]]
    assert batch.n_frames == 9, "frames 0, 1, 2 and 4 of a, 51 to 55 of b"
    joined = concatenate([batch, batch.to("cpu")])
    assert joined.future.frame_index.tolist()[3:] == (future.frame_index + 9).tolist()


def test_frames_that_are_seen_only_ahead_stay_with_the_windows_that_have_a_label():
    given = looking_ahead("a")
    given.mask[1:] = False
    dataset = WindowDataset([given])
    batch = dataset.batch(torch.tensor([0]))
    assert dataset.n_frames == 4
    assert batch.images["front"][:, 0, 0, 0][batch.future.frame_index].tolist() == [[2, 4]]


def test_windows_that_look_elsewhere_ahead_do_not_fit():
    with pytest.raises(
        ShapeError, match=r"episode b: shapes=.*'future': \(0,\).* must be .*'future': \(2,\)"
    ):
        WindowDataset([looking_ahead("a"), windows("b")])


def test_nothing_is_ahead_and_no_return_is_known_unless_asked_for():
    batch = WindowDataset([windows("a")]).batch(torch.tensor([0]))
    assert batch.future is None and batch.returns is None


def test_windows_are_drawn_by_the_weight_of_their_episodes():
    once, thrice = looking_ahead("a"), dataclasses.replace(looking_ahead("b", value=50), weight=3.0)
    dataset = WindowDataset([once, thrice, dataclasses.replace(looking_ahead("c", value=90), weight=0.0)])
    drawn = dataset.sample(torch.Generator().manual_seed(0), 4000).state[:, 0, 0]
    values = {float(value): int((drawn == value).sum()) for value in drawn.unique()}
    of_a = sum(count for value, count in values.items() if value in set(once.state[:, 0, 0].tolist()))
    # a quarter, give or take four standard deviations of 27
    assert abs(of_a - 1000) < 110 and not set(values) & set(
        dataset.state[dataset.rows(["c"])][:, 0, 0].tolist()
    )
    with pytest.raises(DataError, match="weight=0 of their episodes leaves none of"):
        dataset.sample(torch.Generator(), 1, among=dataset.rows(["c"]))


def test_the_return_of_a_window_is_the_score_of_its_episode():
    dataset = WindowDataset([looking_ahead("a", score=0.25), looking_ahead("b", value=50)], returns=True)
    batch = dataset.batch(torch.tensor([0, 4, 5]))
    assert batch.returns[:2].tolist() == [0.25, 0.25] and batch.returns[2].isnan()
    assert concatenate([batch, batch]).returns.shape == (6,)
    without = WindowDataset([looking_ahead("a")]).batch(torch.tensor([0]))
    with pytest.raises(ShapeError, match="has returns"):
        concatenate([batch, without])
    with pytest.raises(ShapeError, match=r"returns must have B=3 rows like state, got \(2,\)"):
        dataclasses.replace(batch, returns=batch.returns[:2])


def test_an_empty_dataset_says_so():
    with pytest.raises(DataError, match="no window with a valid label"):
        WindowDataset().sample(generator(), 1)


def test_what_does_not_fit_is_refused_and_named():
    dataset = WindowDataset([windows("a")])
    with pytest.raises(ShapeError, match=r"episode b: shapes=.* must be .*'front': \(4, 5\)"):
        dataset.add(windows("b", size=6))
    with pytest.raises(DataError, match="episode a is in the dataset already"):
        dataset.add(windows("a"))
    broken = windows("c")
    broken.frames["wrist"].encoded[4] = b""
    with pytest.raises(DataError, match=r"frame stamped 0\.4.*: png cannot be decoded"):
        dataset.add(broken)
    dataset.add(windows("d"))
    assert dataset.episode_ids == ["a", "d"] and seen(dataset.batch(torch.tensor([5])), "wrist") == [
        [100, 101]
    ]


def test_batches_with_and_without_features_cannot_be_joined():
    plain = WindowDataset([windows("a")]).batch(torch.tensor([0]))
    cached = WindowDataset([windows("a")])
    cached.encode(FeatureTable(), [lambda images: images["front"].flatten(1).float()])
    with pytest.raises(ShapeError, match="must agree in"):
        concatenate([plain, cached.batch(torch.tensor([0]))])


def test_a_batch_checks_its_shapes_and_moves_between_devices():
    batch = WindowDataset([windows("a")]).batch(torch.tensor([0, 1]))
    assert torch.equal(batch.to("cpu").frame_index, batch.frame_index)
    with pytest.raises(ShapeError, match=r"mask must be \(2, 3\), got \(2, 2\)"):
        Batch(batch.images, batch.frame_index, None, batch.state, batch.actions, batch.mask[:, :2])
    with pytest.raises(ShapeError, match=r"actions must have B=2 rows like state, got \(1, 3, 2\)"):
        Batch(batch.images, batch.frame_index, None, batch.state, batch.actions[:1], batch.mask)


def test_idle_windows_are_drawn_as_often_as_asked_for():
    dataset = WindowDataset([windows("a", count=10, idle=range(5))])
    assert dataset.idle.tolist() == [True] * 5 + [False] * 5

    def idle_share(weight):
        state = dataset.sample(generator(), 10_000, weight).state[:, 0, 0]
        return float((state < 5).float().mean())

    assert idle_share(0.0) == 0.0
    assert idle_share(1.0) == pytest.approx(0.5, abs=0.02)
    assert idle_share(0.25) == pytest.approx(0.2, abs=0.02)  # 1 in 5: a quarter as often as the others


def test_batches_are_the_same_to_the_bit_where_idle_windows_weigh_as_much():
    plain, idle = WindowDataset([windows("a")]), WindowDataset([windows("a", idle=[1, 2])])
    before, now = plain.sample(generator(), 50).state, idle.sample(generator(), 50, 1.0).state
    assert torch.equal(before, now)
    assert torch.equal(before, plain.sample(generator(), 50, 0.1).state), "and where there are none"


def test_a_dataset_of_pauses_alone_is_refused_without_them():
    with pytest.raises(DataError, match="idle_weight=0 leaves nothing: all 5 windows are idle"):
        WindowDataset([windows("a", idle=range(5))]).sample(generator(), 1, 0.0)
