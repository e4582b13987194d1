from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalesearch.networks.baselines import baseline
from scalesearch.networks.scaled import reduce
from scalesearch.networks.spec import Rounding
from scalesearch.study.settings import TrainingSettings, differences
from scalesearch.training.dataset import DataError, DataSpec
from scalesearch.training.images import from_rgb, input_facts, load, statistics
from scalesearch.training.loop import train
from scalesearch.training.recipe import RECIPES
from scalesearch.training.step import Normalise


def _folder(root: Path, write: object, count: int = 6) -> Path:
    """Two classes of ``count`` files each, written by ``write(path without suffix, index)``.

    What follows an image's end is no part of it, but makes every file another one: copies are left out.
    """
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for index in range(count):
            write(root / name / str(index), index)  # type: ignore[operator]
        for path in (root / name).iterdir():
            if path.suffix != ".npy":
                path.write_bytes(path.read_bytes() + f"{name}/{path.name}".encode())
    return root


def _arrays(root: Path, channels: int, dtype: type = np.uint8) -> Path:
    generator = np.random.default_rng(0)
    return _folder(
        root,
        lambda path, _index: np.save(path, generator.integers(0, 256, (20, 24, channels)).astype(dtype)),
    )


def _loaded(root: Path, channels: int) -> torch.Tensor:
    spec = DataSpec(name=f"folder:{root}", held_out=2, in_channels=channels)
    return load(spec, check=True).train[0][0]


def test_images_become_grey_colour_or_opaque(tmp_path: Path) -> None:
    colour = (200, 100, 50)
    root = _folder(tmp_path, lambda path, _: Image.new("RGB", (9, 7), colour).save(f"{path}.png"))
    grey, rgb, rgba = (_loaded(root, channels) for channels in (1, 3, 4))
    assert grey.shape == (1, 7, 9)
    assert grey.unique().tolist() == [round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)]
    assert rgb[:, 0, 0].tolist() == list(colour)
    assert rgba[:, 0, 0].tolist() == [*colour, 255]


def test_a_file_s_own_alpha_is_kept(tmp_path: Path) -> None:
    root = _folder(tmp_path, lambda path, _: Image.new("RGBA", (9, 7), (1, 2, 3, 40)).save(f"{path}.png"))
    assert _loaded(root, 4)[:, 0, 0].tolist() == [1, 2, 3, 40]
    assert _loaded(root, 3)[:, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_arrays_are_taken_as_they_are(tmp_path: Path, channels: int) -> None:
    root = _arrays(tmp_path, channels)
    source = load(DataSpec(name=f"folder:{root}", held_out=2, in_channels=channels), check=True)
    expected = {np.load(path).tobytes() for path in root.rglob("*.npy")}
    assert {image.permute(1, 2, 0).contiguous().numpy().tobytes() for image, _ in source.train} <= expected


def test_a_grey_array_may_lack_its_last_axis_and_a_large_one_shrinks(tmp_path: Path) -> None:
    def write(path: Path, index: int) -> None:
        array = np.full((300, 520), 7, np.uint8)
        array[0, 0] = index + 100 * (path.parent.name == "a")
        np.save(path, array)

    image = _loaded(_folder(tmp_path, write), 1)
    assert image.shape == (1, 256, 443)
    assert image[:, 5:].unique().tolist() == [7]


def _tiff(endian: str, values: np.ndarray, sample_format: int) -> bytes:
    """A grey TIFF without compression; 1 is unsigned, 2 signed, 3 floating point."""
    order = ">" if endian == "MM" else "<"
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    (height, width), bits = values.shape, 8 * values.dtype.itemsize
    # Width, height, bits, no compression, black is 0, where the pixels are, channels, rows, bytes, format.
    fields = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: height}
    fields |= {279: len(data), 339: sample_format}
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in fields.items())
    head = endian.encode() + struct.pack(f"{order}HI", 42, 8 + len(data))
    return head + data + struct.pack(f"{order}H", len(fields)) + entries + struct.pack(f"{order}I", 0)


SIXTEEN = np.array([[0, 1000], [30000, 65535]], np.uint16)


@pytest.mark.parametrize("kind", ["png", "tif", "big.tif", "pgm"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, kind: str, channels: int) -> None:
    def write(path: Path, _index: int) -> None:
        place = Path(f"{path}.{kind}")
        if kind == "pgm":
            place.write_bytes(b"P5 2 2 65535\n" + SIXTEEN.astype(">u2").tobytes())
        elif kind == "big.tif":
            place.write_bytes(_tiff("MM", SIXTEEN, 1))
        else:
            Image.fromarray(SIXTEEN).save(place)

    image = _loaded(_folder(tmp_path, write), channels)
    assert image.shape == (channels, 2, 2)
    assert image[: min(channels, 3)].flatten(1).tolist() == [[0, 4, 117, 255]] * min(channels, 3)


def test_large_images_of_sixteen_bits_shrink(tmp_path: Path) -> None:
    root = _folder(
        tmp_path,
        lambda path, _: Image.fromarray(np.full((300, 520), 30000, np.uint16)).save(f"{path}.png"),
    )
    image = _loaded(root, 1)
    assert image.shape == (1, 256, 444)
    assert image.unique().tolist() == [117]


@pytest.mark.parametrize(("dtype", "sample_format", "mode"), [(np.int32, 2, "I"), (np.float32, 3, "F")])
def test_images_whose_range_is_not_known_are_refused(
    tmp_path: Path, dtype: type, sample_format: int, mode: str
) -> None:
    root = _folder(
        tmp_path,
        lambda path, _: Path(f"{path}.tif").write_bytes(_tiff("II", SIXTEEN.astype(dtype), sample_format)),
    )
    with pytest.raises(DataError) as caught:
        _loaded(root, 1)
    message = (
        f"`dataset` must hold images of 8 or 16 bits a channel, got one of mode {mode}, 32 bits whose white is "
        f"not known: {root}"
    )
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(".tif, and 11 files more with faults")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_stray_array_beside_images_is_none_of_the_data(tmp_path: Path, channels: int) -> None:
    root = _folder(tmp_path, lambda path, i: Image.new("RGB", (9, 7), (i, i, i)).save(f"{path}.png"))
    spec = DataSpec(name=f"folder:{root}", held_out=4, in_channels=channels)
    before = load(spec, check=True)
    np.save(root / "a" / "0-mask.npy", np.zeros((7, 9), np.float64))
    after = load(spec, check=True)
    assert len(after.train) == len(before.train)
    for one, other in zip(before.train, after.train, strict=True):
        assert torch.equal(one[0], other[0])


def test_a_class_of_arrays_among_classes_of_images_is_refused(tmp_path: Path) -> None:
    root = _folder(tmp_path, lambda path, _: Image.new("RGB", (9, 7)).save(f"{path}.png"))
    (root / "c").mkdir()
    np.save(root / "c" / "0.npy", np.zeros((7, 9, 3), np.uint8))
    with pytest.raises(
        DataError, match="at least 2 images per class, got 0 of 'c'; left out .npy arrays beside images: 1"
    ):
        _loaded(root, 3)


def test_wrong_arrays_are_named_with_their_shape(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        _loaded(_arrays(tmp_path / "five", 5), 4)
    assert str(caught.value).startswith(
        "`dataset` must hold arrays of uint8 and shape (height, width, 4) for 4 channels in, got uint8 of shape "
        f"(20, 24, 5): {tmp_path / 'five'}"
    )
    with pytest.raises(DataError, match=r"got float64 of shape \(20, 24, 5\): .*npy"):
        _loaded(_arrays(tmp_path / "floats", 5, np.float64), 5)  # type: ignore[arg-type]


def test_one_wrong_file_among_right_ones_is_found(tmp_path: Path) -> None:
    root = _arrays(tmp_path, 5)
    wrong = root / "b" / "3.npy"
    np.save(wrong, np.zeros((20, 24, 2), np.uint8))
    with pytest.raises(DataError, match=rf"got uint8 of shape \(20, 24, 2\): {wrong}"):
        load(DataSpec(name=f"folder:{root}", held_out=4, in_channels=5), check=True)


def test_a_pickle_is_never_read_and_images_do_not_pass_for_arrays(tmp_path: Path) -> None:
    pickled = _folder(
        tmp_path / "pickled",
        lambda path, _: np.save(path, np.array([{str(path): 1}], object), allow_pickle=True),
    )
    with pytest.raises(DataError, match="must hold arrays of uint8 .* got object of shape"):
        _loaded(pickled, 3)
    images = _folder(tmp_path / "images", lambda path, _: Image.new("RGB", (9, 7)).save(f"{path}.png"))
    with pytest.raises(DataError, match=r"must hold .npy arrays .* for 6 channels, got an image: .*png"):
        _loaded(images, 6)


@pytest.mark.parametrize("channels", [1, 4])
def test_the_photographs_come_in_grey_and_with_alpha(channels: int) -> None:
    colour = load(DataSpec(held_out=36)).held_out[5][0]
    other = load(DataSpec(held_out=36, in_channels=channels)).held_out[5][0]
    assert other.shape == (channels, *colour.shape[1:])
    assert torch.equal(other, from_rgb(colour, channels))
    if channels == 4:
        assert torch.equal(other[:3], colour)


def test_data_without_such_channels_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        DataSpec(name="cifar10", in_channels=5)
    assert str(caught.value) == (
        "`in_channels` must be 1 (grey), 3 (RGB) or 4 (RGBA) for cifar10, got 5; any other number takes folder:PATH "
        "with .npy arrays (height, width, channels)"
    )


def test_colours_are_normalised_by_the_usual_figures() -> None:
    images = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    usual = (images / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    assert torch.allclose(Normalise(3, torch.device("cpu"), torch.channels_last)(images), usual, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 4, 7])
def test_any_channel_comes_out_about_centred(channels: int) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (8, channels, 32, 32), dtype=torch.uint8, generator=generator)
    found = Normalise(channels, torch.device("cpu"), torch.channels_last)(images)
    assert found.shape == images.shape
    assert found.mean(dim=(0, 2, 3)).abs().max() < 0.5
    deviations = found.std(dim=(0, 2, 3)).tolist()
    assert 0.8 < min(deviations) <= max(deviations) < 1.4
    facts = input_facts((32, 32), channels)
    assert [len(facts[name]) for name in ("mean", "std")] == [channels, channels]
    assert facts["channels"] == {1: "grey", 4: "RGBA", 7: "7 channels of an array"}[channels]
    assert facts["mean"] == [round(value / 255, 6) for value in statistics(channels)[0]]


def test_a_network_of_any_number_of_channels_trains(tmp_path: Path) -> None:
    root = _arrays(tmp_path, 5)
    base = reduce(
        baseline("mobilenet-v2"), 0.125, Rounding(channel_divisor=2), resolution=24, resolution_width=16
    )
    arch = replace(base, classes=2, in_channels=5)
    recipe = replace(RECIPES["steady"], images=8, batch_size=4, looks=1)
    source = load(DataSpec(name=f"folder:{root}", held_out=2, in_channels=5))
    result = train(arch, recipe, source, dataset=f"folder:{root}", device=torch.device("cpu"))
    assert result.complete
    assert next(iter(result.weights.values())).shape[1] == 5


def test_the_baseline_s_own_channels_are_the_data_s() -> None:
    grey = baseline("efficientnet-b0").to_dict() | {"in_channels": 1, "name": "grey"}
    settings = TrainingSettings.from_dict({"baseline": "grey", "baseline_arch": grey})
    assert settings.data.in_channels == settings.proxy_baseline(2).in_channels == 1
    asked = TrainingSettings(in_channels=1)
    assert asked.data.in_channels == asked.proxy_baseline(2).in_channels == 1
    assert asked.to_dict()["in_channels"] == 1
    assert differences(TrainingSettings().to_dict(), asked.to_dict()) == ["in_channels: None there, 1 asked"]


def test_settings_of_colour_are_what_they_were() -> None:
    said = TrainingSettings(in_channels=3)
    assert said == TrainingSettings()
    assert "in_channels" not in said.to_dict()


def test_autoaugment_is_for_colours_alone() -> None:
    with pytest.raises(ValueError) as caught:
        TrainingSettings(in_channels=1, recipe="paper")
    assert str(caught.value) == (
        "`recipe` must be one without AutoAugment for 1 channel in, got 'paper': its operations on colours are made "
        "for 3"
    )
