"""Covers through torchvision's models: preprocessing, pooling, shapes, devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hetmusic.errors import ConfigError, FeatureError
from hetmusic.features import describe, extractors
from hetmusic.features.extractor import Absent
from hetmusic.features.vision.embedding import ResNet50, TorchvisionEmbedding, middle
from hetmusic.features.vision.network import cut_head

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(scope="session")
def loaded(resnet50_file) -> ResNet50:
    extractor = ResNet50(str(resnet50_file))
    extractor.load("cpu")
    return extractor


@pytest.fixture
def covers(tmp_path) -> list[Path]:
    rng = np.random.default_rng(0)
    for number, size in enumerate([(300, 300), (260, 400), (64, 30)]):
        values = rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
        Image.fromarray(values).save(tmp_path / f"{number}.png")
    return sorted(tmp_path.glob("*.png"))


def test_the_weight_file_has_the_published_signature(resnet50_file):
    """As torchvision documents ResNet-50: 25,557,032 parameters."""
    state = torch.load(resnet50_file, weights_only=True)
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert sum(v.numel() for k, v in state.items() if not k.endswith(statistics)) == 25_557_032
    assert len(state) == 320
    assert state["conv1.weight"].shape == (64, 3, 7, 7)
    assert state["layer4.2.conv3.weight"].shape == (2048, 512, 1, 1)
    assert state["fc.weight"].shape == (1000, 2048)


def test_vectors_are_the_mean_of_the_last_feature_map(loaded, resnet50, covers):
    prepared = [loaded.prepare(path) for path in covers]
    values = loaded.extract(prepared)
    assert (values.shape, values.dtype) == ((3, 2048), np.float32)
    with torch.inference_mode():
        maps = torch.stack(prepared)
        for part in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"):
            maps = getattr(resnet50, part)(maps)
    assert maps.shape == (3, 2048, 7, 7)
    by_hand = maps.numpy().astype(np.float64).sum(axis=(2, 3)) / 49
    np.testing.assert_allclose(values, by_hand, rtol=2e-4, atol=2e-5 * np.abs(by_hand).max())
    assert np.abs(values[0] - values[1]).max() > 1e-3 * np.abs(values).max()


def test_a_batch_is_its_pictures_one_by_one(loaded, covers):
    prepared = [loaded.prepare(path) for path in covers]
    alone = np.concatenate([loaded.extract([one]) for one in prepared])
    np.testing.assert_allclose(loaded.extract(prepared), alone, rtol=1e-3, atol=1e-5 * np.abs(alone).max())


def test_a_plain_picture_is_normalised_by_hand(loaded, tmp_path):
    Image.new("RGB", (31, 47), (255, 128, 0)).save(tmp_path / "plain.png")
    prepared = loaded.prepare(tmp_path / "plain.png")
    assert (prepared.shape, prepared.dtype) == ((3, 224, 224), torch.float32)
    expected = (np.array([1, 128 / 255, 0]) - MEAN) / STD
    np.testing.assert_allclose(
        prepared.numpy(), np.broadcast_to(expected[:, None, None], (3, 224, 224)), atol=1e-5
    )


def test_the_centre_counts_by_hand(loaded, tmp_path):
    """A picture of 256 x 300 whose columns are numbered in red and rows in green: not scaled, cut to the middle."""
    values = np.zeros((300, 256, 3), np.uint8)
    values[..., 0] = np.arange(256)
    values[..., 1] = np.arange(300)[:, None] % 256
    Image.fromarray(values).save(tmp_path / "ramp.png")
    prepared = loaded.prepare(tmp_path / "ramp.png").numpy()
    # (256 - 224) / 2 = 16 columns and (300 - 224) / 2 = 38 rows are left out on each side
    columns = (np.arange(16, 240) / 255 - MEAN[0]) / STD[0]
    rows = (np.arange(38, 262) % 256 / 255 - MEAN[1]) / STD[1]
    np.testing.assert_allclose(prepared[0], np.tile(columns, (224, 1)), atol=1e-5)
    np.testing.assert_allclose(prepared[1], np.tile(rows[:, None], (1, 224)), atol=1e-5)


def test_scaling_by_hand(loaded, tmp_path):
    """512 columns that rise by half a level each, scaled to 256: a symmetric filter keeps a straight line, so that
    output column x is the line's value at 2 x + 0.5, the centre of the two columns it stands for."""
    line = np.floor(np.arange(512) / 2).astype(np.uint8)
    Image.fromarray(np.tile(line[None, :, None], (512, 1, 3))).save(tmp_path / "line.png")
    prepared = loaded.prepare(tmp_path / "line.png").numpy()
    levels = (prepared * STD[:, None, None] + MEAN[:, None, None]) * 255
    np.testing.assert_allclose(levels, np.broadcast_to(np.arange(16, 240.0), (3, 224, 224)), atol=0.51)


def test_published_weights_bring_their_own_preprocessing(tmp_path):
    Image.new("RGB", (10, 10)).save(tmp_path / "a.png")
    for model, weights, resize, crop in [
        ("resnet50", "IMAGENET1K_V1", 256, 224),
        ("resnet50", "DEFAULT", 232, 224),
        ("resnet50", "ResNet50_Weights.IMAGENET1K_V2", 232, 224),
        ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1", 384, 384),
        ("inception_v3", "DEFAULT", 342, 299),
    ]:
        extractor = TorchvisionEmbedding(model, weights)
        stated = extractor.settings()
        assert (stated["resize"], stated["crop"]) == (resize, crop)
        assert extractor.prepare(tmp_path / "a.png").shape == (3, crop, crop)
    assert stated["interpolation"] == "bilinear"
    assert TorchvisionEmbedding("vit_b_16", "IMAGENET1K_SWAG_E2E_V1").settings()["interpolation"] == "bicubic"


#: one of each family, with the size of a picture and of its vectors
FAMILIES = {
    "alexnet": (64, 4096),
    "convnext_tiny": (32, 768),
    "densenet121": (32, 1024),
    "efficientnet_b0": (32, 1280),
    "googlenet": (32, 1024),
    "inception_v3": (75, 2048),
    "mnasnet0_5": (32, 1280),
    "mobilenet_v2": (32, 1280),
    "mobilenet_v3_small": (32, 1024),
    "regnet_x_400mf": (32, 400),
    "resnet18": (32, 512),
    "shufflenet_v2_x0_5": (32, 1024),
    "swin_t": (32, 768),
    "vit_b_32": (224, 768),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_left_gives_what_the_last_layer_was_given(make_model, name):
    """The layer that was cut off, applied to the vectors, gives the whole model's scores."""
    side, dim = FAMILIES[name]
    arguments = {"aux_logits": False, "init_weights": False} if name in {"googlenet", "inception_v3"} else {}
    model = make_model(name, **arguments)
    pictures = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        scores = model(pictures)
        layers = dict(model.named_modules())
        head = layers[cut_head(model)]
        vectors = model(pictures)
        assert vectors.shape == (2, dim)
        torch.testing.assert_close(head(vectors), scores)


def test_a_model_without_a_linear_layer_is_averaged_over_the_picture(make_model):
    model = make_model("squeezenet1_1")
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert cut_head(model) == "classifier.1"
        torch.testing.assert_close(model(pictures), model.features(pictures).mean(dim=(2, 3)))
    with pytest.raises(FeatureError, match="Sequential has no linear layer"):
        cut_head(torch.nn.Sequential(torch.nn.ReLU()))


def test_reports_of_broken_covers(loaded, covers, tmp_path):
    (tmp_path / "broken.png").write_bytes(covers[0].read_bytes()[:300])
    found = describe(
        loaded, [covers[0], tmp_path / "broken.png", None, tmp_path / "nowhere.png"], device="cpu"
    )
    assert found.reasons == (None, "truncated", "none given", "no such file")
    assert found.values.shape == (4, 2048)


@settings(max_examples=60, deadline=None)
@given(width=st.integers(1, 3_000), height=st.integers(1, 3_000))
def test_what_is_far_from_square_is_cut_to_its_middle(width, height):
    cut = middle(Image.new("1", (width, height)))
    assert max(cut.size) <= 8 * min(cut.size)
    assert min(cut.size) == min(width, height)
    assert cut.size == (width, height) or max(width, height) > 8 * min(width, height)


def test_the_middle_is_in_the_middle():
    values = np.tile(np.arange(100, dtype=np.uint8)[:, None], (1, 2))
    assert np.asarray(middle(Image.fromarray(values)))[:, 0].tolist() == list(range(42, 58))


def test_what_is_far_from_square_is_cut_before_it_is_scaled(loaded, tmp_path, monkeypatch):
    """Scaled by its shorter side, a picture of 1 x 32,000 would have two billion pixels."""
    seen = []

    class Watched:
        resize_size = loaded._preset.resize_size

        def __call__(self, picture: Image.Image) -> None:
            seen.append(picture.size)

    Image.new("RGB", (1, 32_000)).save(tmp_path / "a.png")
    monkeypatch.setattr(loaded, "_prepare", Watched())
    loaded.prepare(tmp_path / "a.png")
    assert seen == [(1, 8)]


@pytest.mark.parametrize("size", [(1, 1), (1, 32_000), (32_000, 1), (3, 5_000)])
def test_extreme_covers_give_vectors(loaded, tmp_path, size):
    Image.new("RGB", size, (200, 30, 90)).save(tmp_path / "a.png")
    values = loaded.extract([loaded.prepare(tmp_path / "a.png")])
    assert np.isfinite(values).all()
    expected = (np.array([200, 30, 90]) / 255 - MEAN) / STD
    np.testing.assert_allclose(loaded.prepare(tmp_path / "a.png").mean(dim=(1, 2)), expected, atol=1e-4)


def test_large_jpegs_decoded_smaller_are_nearly_the_same(loaded, tmp_path):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    coarse.resize((2_400, 2_400), Image.Resampling.BICUBIC).save(tmp_path / "a.jpg", quality=90)
    with Image.open(tmp_path / "a.jpg") as picture:
        exact = loaded._preset(picture.convert("RGB"))
    difference = (loaded.prepare(tmp_path / "a.jpg") - exact).abs()
    assert 0 < difference.mean() < 0.02  # of a standard deviation


def test_both_names_are_registered(resnet50_file):
    for spec in ("torchvision", "resnet50", "hetmusic.features.vision.embedding:ResNet50"):
        extractor = extractors.make(spec, weights=str(resnet50_file))
        assert (extractor.model, extractor.kind) == ("resnet50", "image")
    with pytest.raises(ConfigError, match="has no argument 'model'"):
        extractors.make("resnet50", model="vgg11")


def test_settings_say_all_that_matters_and_not_where(resnet50_file, tmp_path):
    stated = ResNet50(str(resnet50_file)).settings()
    assert stated["weights"] == "resnet50.pth"
    assert len(stated["sha256"]) == 64
    assert stated == TorchvisionEmbedding(weights=resnet50_file).settings()
    (tmp_path / "resnet50.pth").write_bytes(resnet50_file.read_bytes())
    assert ResNet50(str(tmp_path / "resnet50.pth")).settings() == stated
    with (tmp_path / "resnet50.pth").open("ab") as stream:
        stream.write(b"\0")
    assert ResNet50(str(tmp_path / "resnet50.pth")).settings() != stated


def test_the_model_lies_on_the_device_with_channels_last(loaded, covers, monkeypatch):
    assert loaded._network.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    seen = []
    monkeypatch.setattr(loaded, "_network", lambda x: seen.append(x) or torch.zeros(len(x), 2048))
    loaded.extract([loaded.prepare(covers[0])] * 2)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert seen[0].is_inference()


def test_the_batch_goes_to_the_device_of_the_model(resnet50_file, monkeypatch):
    extractor = ResNet50(str(resnet50_file))
    monkeypatch.setattr("hetmusic._device.choose_device", lambda name: torch.device("meta"))
    extractor.load("auto")
    seen = []
    monkeypatch.setattr(
        extractor, "_network", lambda x: seen.append(x.device.type) or torch.zeros(len(x), 2048)
    )
    extractor.extract([torch.zeros(3, 224, 224)])
    assert seen == ["meta"]


def test_lack_of_memory_reaches_the_machinery(loaded, covers, monkeypatch):
    prepared = [loaded.prepare(path) for path in covers]
    whole = loaded._network

    def small(batch: torch.Tensor) -> torch.Tensor:
        if len(batch) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(batch)

    monkeypatch.setattr(loaded, "_network", small)
    with pytest.raises(torch.OutOfMemoryError):
        loaded.extract(prepared)
    monkeypatch.setattr(loaded, "load", lambda device: None)
    assert describe(loaded, covers).reasons == (None, None, None)


def test_a_device_too_small_for_the_model_is_one_line(resnet50_file, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(FeatureError, match="resnet50 does not fit into the memory of cpu"):
        ResNet50(str(resnet50_file)).load("cpu")


def test_order_of_calls_and_devices(resnet50_file, covers):
    extractor = ResNet50(str(resnet50_file))
    with pytest.raises(FeatureError, match="load has to come before extract"):
        extractor.extract([extractor.prepare(covers[0])])
    with pytest.raises(ConfigError, match="unknown device"):
        extractor.load("tpu9")
    with pytest.raises(Absent):
        extractor.prepare(covers[0].parent)
