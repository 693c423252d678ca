"""Image encoders and the random shift of training images."""

import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.encoders import (
    CameraEncoder,
    ResNet18,
    ResNetConfig,
    SmallCnn,
    SmallCnnConfig,
    random_shift,
)
from drift_core.encoders.small_cnn import expected_position
from drift_core.errors import ShapeError
from drift_core.observation.spec import CameraSpec


def frames(count=2, height=32, width=48, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator)


def test_expected_position_of_a_single_peak_is_its_place():
    maps = torch.zeros(1, 1, 3, 5)
    maps[0, 0, 2, 1] = 50.0
    # Column 1 of 0..4 is x = -0.5, row 2 of 0..2 is y = 1.
    torch.testing.assert_close(expected_position(maps), torch.tensor([[-0.5, 1.0]]))


def test_expected_position_of_a_flat_map_is_the_centre():
    torch.testing.assert_close(expected_position(torch.zeros(1, 2, 4, 4)), torch.zeros(1, 4))


def test_small_cnn_gives_two_coordinates_and_a_maximum_per_map():
    network = SmallCnn(SmallCnnConfig())
    assert network.feature_dim == 48
    assert network(frames()).shape == (2, 48)
    assert sum(p.numel() for p in network.parameters()) < 20_000


def test_resnet_has_the_parameter_names_and_sizes_of_torchvision():
    with torch.device("meta"):
        network = ResNet18(ResNetConfig())
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
    assert shapes["conv1.weight"] == (64, 3, 7, 7)
    assert shapes["bn1.bias"] == (64,)
    assert shapes["layer1.0.conv1.weight"] == (64, 64, 3, 3)
    assert shapes["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert shapes["layer2.0.downsample.1.weight"] == (128,)
    assert shapes["layer4.1.bn2.weight"] == (512,)
    # torchvision's resnet18 has 11,689,512 with its classifier of 512 * 1000 + 1000.
    assert sum(p.numel() for p in network.parameters()) == 11_176_512
    assert len(shapes) == 60


@pytest.mark.parametrize("pool, size", [("average", 512), ("spatial_softmax", 1024)])
def test_resnet_features_by_pooling(pool, size):
    network = ResNet18(ResNetConfig(pool=pool))
    assert network.feature_dim == size
    assert network(frames(1)).shape == (1, size)


def test_a_frame_s_features_do_not_depend_on_the_others():
    for network in (SmallCnn(SmallCnnConfig()), ResNet18(ResNetConfig())):
        both = network.eval()(frames())
        torch.testing.assert_close(both[:1], network(frames()[:1]), rtol=1e-4, atol=1e-4)


def cameras():
    return CameraEncoder(SmallCnnConfig(maps=2), (CameraSpec("front", 32, 48), CameraSpec("wrist", 16, 16)))


def test_features_of_all_cameras_stand_in_the_order_of_the_specification():
    encoder = cameras()
    images = {"wrist": frames(2, 16, 16), "front": frames(2, 32, 48)}
    features = encoder(images)
    assert features.shape == (2, 12) and encoder.feature_dim == 12
    torch.testing.assert_close(features[:, :6], encoder.networks["front"](images["front"]))


def test_a_missing_camera_is_named():
    with pytest.raises(ShapeError, match=r"images of camera 'wrist' are missing, got \['front'\]"):
        cameras()({"front": frames(2, 32, 48)})


def test_images_of_the_wrong_size_are_refused():
    with pytest.raises(ShapeError, match=r"'front' must be \(F, 3, 32, 48\) uint8, got \(2, 3, 32, 32\)"):
        cameras()({"front": frames(2, 32, 32), "wrist": frames(2, 16, 16)})


def test_every_shift_is_a_whole_number_of_pixels_with_the_edge_repeated():
    image = torch.arange(25, dtype=torch.uint8).view(1, 1, 5, 5).expand(50, 3, 5, 5)
    shifted = random_shift(image, 1, torch.Generator().manual_seed(0))
    assert shifted.dtype == torch.uint8 and shifted.shape == image.shape
    padded = torch.nn.functional.pad(image[:1].float(), (1, 1, 1, 1), mode="replicate")[0, 0]
    allowed = [padded[y : y + 5, x : x + 5] for y in range(3) for x in range(3)]
    kinds = {next(i for i, a in enumerate(allowed) if torch.equal(s[0].float(), a)) for s in shifted}
    assert kinds == set(range(9))


def test_no_shift_returns_the_frames():
    images = frames()
    assert torch.equal(random_shift(images, 0, torch.Generator()), images)


def test_a_negative_shift_is_refused():
    with pytest.raises(ConfigError, match="pixels=-1 must be at least 0"):
        random_shift(frames(), -1, torch.Generator())
