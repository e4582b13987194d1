"""What files come to as pixels, whatever they are, and that damage is told in one line."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalesearch.training.dataset import DataError, DataSpec
from scalesearch.training.folders import decode, open_file, quiet, readable_endings
from scalesearch.training.images import PixelStore, list_folder, load

WIDE = np.zeros((20, 40, 3), np.uint8)
WIDE[:, :20] = (250, 0, 0)
WIDE[:10, 20:] = (0, 0, 250)


def pixels(path: Path, in_channels: int = 3) -> np.ndarray:
    with quiet(), open_file(str(path)) as file:
        return decode(file, str(path), in_channels)


def fault(path: Path, in_channels: int = 3) -> str:
    with pytest.raises(DataError) as caught:
        pixels(path, in_channels)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_pillow_s_own_formats_are_read_and_no_other_program_is_asked() -> None:
    endings = readable_endings()
    assert {
        ".png",
        ".jpg",
        ".jpeg",
        ".jfif",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".webp",
        ".avif",
        ".npy",
    } <= endings
    assert not {".eps", ".ps", ".pdf", ".wmf", ".emf", ".mpg", ".h5"} & endings


def test_postscript_under_an_images_name_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    assert "holds a broken image" in fault(path)


@pytest.mark.parametrize(
    "ending",
    ["png", "bmp", "gif", "webp", "tiff", "ppm", "tga", "pcx", "jp2", "ico", "avif", "dds", "qoi", "sgi"],
)
def test_every_format_has_its_pixels(ending: str, tmp_path: Path) -> None:
    options = {"webp": {"lossless": True}, "avif": {"quality": 100}, "ico": {"sizes": [(40, 20)]}}.get(
        ending, {}
    )
    got = pixels(saved(tmp_path / f"x.{ending}", Image.fromarray(WIDE), **options))
    assert got.shape == WIDE.shape
    assert np.abs(got.astype(int) - WIDE)[:, np.r_[2:18, 22:38]].max() <= (250 if ending == "avif" else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("larger", [1, 40])
def test_a_photograph_stands_upright(orientation: int, ending: str, larger: int, tmp_path: Path) -> None:
    """As Pillow turns it; a large JPEG is made smaller while it is decoded."""
    from PIL import ImageOps

    image = Image.fromarray(WIDE.repeat(larger, 0).repeat(larger, 1))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / f"x.{ending}", image, exif=exif)
    with Image.open(path) as again:
        upright = ImageOps.exif_transpose(again).convert("RGB")
    got = pixels(path)
    assert (
        got.shape[:2] == ((40, 20) if orientation > 4 else (20, 40))
        if larger == 1
        else min(got.shape[:2]) == 256
    )
    whole = np.asarray(upright.resize((got.shape[1], got.shape[0])), dtype=int)
    assert np.abs(got - whole).mean() < 6


def test_damaged_exif_leaves_the_picture(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.jpg", Image.fromarray(WIDE), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")
    assert pixels(path).shape == WIDE.shape


@pytest.mark.parametrize("ending", ["gif", "png", "webp", "tiff"])
def test_of_a_moving_picture_the_first_counts(ending: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    options = {"webp": {"lossless": True}}.get(ending, {})
    path = saved(tmp_path / f"x.{ending}", frames[0], save_all=True, append_images=frames[1:], **options)
    with Image.open(path) as image:
        assert image.n_frames == 3
    assert (pixels(path) == (200, 0, 0)).all()


def _palette(transparency: int | bytes) -> Callable[[Path], Path]:
    def save(path: Path) -> Path:
        image = Image.new("P", (8, 6), 1)
        image.putpalette([0, 0, 0, 200, 100, 50, 9, 9, 9])
        return saved(path, image, transparency=transparency)

    return save


MODES = {
    "palette": (_palette(0), (200, 100, 50), 255),
    "palette, its colour transparent": (_palette(1), (200, 100, 50), 0),
    "palette, alpha of each": (_palette(bytes([0, 128, 255])), (200, 100, 50), 128),
    "grey and alpha": (lambda p: saved(p, Image.new("LA", (8, 6), (70, 90))), (70, 70, 70), 90),
    "colour and alpha": (lambda p: saved(p, Image.new("RGBA", (8, 6), (10, 20, 30, 40))), (10, 20, 30), 40),
    "black and white": (lambda p: saved(p, Image.new("1", (8, 6), 1)), (255, 255, 255), 255),
    "grey": (lambda p: saved(p, Image.new("L", (8, 6), 77)), (77, 77, 77), 255),
    "grey of 16 bits": (lambda p: saved(p, Image.new("I;16", (8, 6), 257 * 77)), (77, 77, 77), 255),
}


@pytest.mark.parametrize(("save", "colour", "alpha"), MODES.values(), ids=MODES)
def test_every_mode_has_its_colours(
    save: Callable[[Path], Path], colour: tuple[int, ...], alpha: int, tmp_path: Path
) -> None:
    path = save(tmp_path / "x.png")
    assert (pixels(path) == colour).all()
    assert (pixels(path, 4) == (*colour, alpha)).all()
    red, green, blue = colour
    assert np.abs(pixels(path, 1).astype(int) - round(0.299 * red + 0.587 * green + 0.114 * blue)).max() <= 1


@pytest.mark.parametrize("ending", ["jpg", "tiff"])
def test_cmyk_is_ink_on_white(ending: str, tmp_path: Path) -> None:
    path = saved(tmp_path / f"x.{ending}", Image.new("CMYK", (16, 16), (0, 255, 255, 0)))
    assert np.abs(pixels(path).astype(int) - (255, 0, 0)).max() <= 3


def test_of_32_bits_white_is_not_known(tmp_path: Path) -> None:
    assert "32 bits whose white is not known" in fault(
        saved(tmp_path / "x.tiff", Image.new("F", (8, 6), 0.5))
    )


def _png(width: int, height: int) -> bytes:
    """A PNG that is right in every way, all black: 20,000 x 10,000 pixels take 24 kB."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(height * (1 + (width + 7) // 8)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_an_image_of_too_many_pixels_is_named(tmp_path: Path) -> None:
    path = tmp_path / "big.png"
    path.write_bytes(_png(20_000, 10_000))
    assert "must hold images of at most 178,956,970 pixels, got a larger one" in fault(path)
    path = saved(tmp_path / "x.bmp", Image.new("RGB", (8, 8)))
    path.write_bytes(path.read_bytes()[:18] + struct.pack("<ii", 60_000, 60_000) + path.read_bytes()[26:])
    assert "at most 178,956,970 pixels" in fault(path)


def test_a_large_image_is_no_reason_for_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(_png(10_000, 9_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pixels(path).shape == (256, 284, 3)


def _npy(shape: object, dtype: str = "|u1", fortran: bool = False, data: bytes = b"") -> bytes:
    head = f"{{'descr': {dtype!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head) + 1) + head + b"\n" + data


def _npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=WIDE)
    return file.getvalue()


def _objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}, []], dtype=object), allow_pickle=True)
    return file.getvalue()


BAD_ARRAYS = {
    "an archive": (_npz(), "holds a broken array"),
    "a huge shape": (_npy((10**9, 10**9, 3)), "asks for 3,000,000,000,000,000,000 bytes, it has 0"),
    "a shape past any number": (_npy((10**30, 10**30, 3)), "holds a broken array"),
    "too few bytes": (_npy((8, 8, 3), data=bytes(191)), "asks for 192 bytes, it has 191"),
    "too many bytes": (_npy((8, 8, 3), data=bytes(193)), "asks for 192 bytes, it has 193"),
    "a negative shape": (_npy((-8, -8, 3), data=bytes(192)), "must hold arrays of uint8 and shape"),
    "no size": (_npy((0, 8, 3)), "must hold arrays of uint8 and shape (height, width, 3)"),
    "objects": (_objects(), "must hold arrays of uint8"),
    "floats": (_npy((2, 2, 3), "<f4", data=bytes(48)), "got float32 of shape (2, 2, 3)"),
    "other channels": (_npy((8, 8, 4), data=bytes(256)), "got uint8 of shape (8, 8, 4)"),
    "one number": (_npy(()), "got uint8 of shape ()"),
    "a torn header": (_npy((8, 8, 3), data=bytes(192))[:40], "holds a broken array"),
    "a header that is no literal": (b"\x93NUMPY\x01\x00\x08\x00((((((((", "holds a broken array"),
    "an unknown version": (b"\x93NUMPY\x09\x00" + bytes(90), "holds a broken array"),
    "nothing": (b"", "holds a broken array"),
    "text": (b"no array", "holds a broken array"),
}


@pytest.mark.parametrize(("content", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_an_array_of_another_kind_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    assert message in fault(path)


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_is_read_in_either_order(order: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.asarray(WIDE, order=order))
    assert (pixels(tmp_path / "x.npy") == WIDE).all()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    assert "must hold plain files" in fault(tmp_path / "x.png")


def test_a_file_that_changed_since_it_was_listed_is_not_used(image_folder: Path) -> None:
    source = load(DataSpec(name=f"folder:{image_folder}"))
    assert isinstance(source.train[0][0], torch.Tensor)
    for path in image_folder.rglob("*.png"):
        path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(DataError, match="must not change while it is used, but this file did: .*blue"):
        source.train[1]


FORMATS = {
    "png": {},
    "jpg": {"quality": 80},
    "bmp": {},
    "gif": {},
    "webp": {},
    "tiff": {},
    "tif": {"compression": "tiff_lzw"},
    "jp2": {},
    "avif": {},
    "ico": {},
    "tga": {},
    "ppm": {},
    "dds": {},
    "psd": None,
    "npy": None,
}


def _damage(content: bytes, generator: np.random.Generator) -> bytes:
    """Cut short, or with bits flipped, mostly in its head, where there is most to go wrong."""
    damaged = bytearray(content)
    if generator.random() < 0.3:
        return bytes(damaged[: generator.integers(0, len(damaged))])
    reach = len(damaged) if generator.random() < 0.3 else min(len(damaged), 120)
    for place in generator.integers(0, reach, generator.integers(1, 12)):
        damaged[place] = (
            generator.integers(256)
            if generator.random() < 0.5
            else damaged[place] ^ (1 << generator.integers(8))
        )
    return bytes(damaged)


def _originals() -> dict[str, bytes]:
    generator = np.random.default_rng(0)
    image = Image.fromarray(generator.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    contents: dict[str, bytes] = {}
    for ending, options in FORMATS.items():
        file = io.BytesIO()
        if ending == "npy":
            np.save(file, np.asarray(image))
        elif options is None:
            file.write(
                b"8BPS\x00\x01" + bytes(6) + struct.pack(">HIIHH", 3, 24, 32, 8, 3) + bytes(14 + 24 * 32 * 3)
            )
        else:
            extra = {"exif": exif} if ending in ("jpg", "png", "webp", "tiff") else {}
            image.save(file, Image.registered_extensions()[f".{ending}"], **options, **extra)
        contents[ending] = file.getvalue()
    return contents


@pytest.mark.parametrize("count", [300, pytest.param(3000, marks=pytest.mark.slow)])
def test_damaged_files_are_pixels_or_one_line(
    count: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(count)
    originals = _originals()
    faults = 0
    for number in range(count):
        ending = list(originals)[number % len(originals)]
        path = tmp_path / f"{number}.{ending}"
        path.write_bytes(_damage(originals[ending], generator))
        array, message = None, ""
        try:
            array = pixels(path)
        except DataError as error:
            message = str(error)
        if array is None:
            faults += 1
            assert str(path) in message, number
            assert "\n" not in message, number
            assert len(message) < 240 + len(str(path)), number
        else:
            assert (array.dtype, array.ndim, array.shape[2]) == (np.uint8, 3, 3), number
        path.unlink()
    assert count / 3 < faults < count
    assert capfd.readouterr() == ("", "")


def test_of_many_damaged_files_the_first_is_named(image_folder: Path) -> None:
    for number in range(40):
        (image_folder / "blue" / f"broken {number:02d}.png").write_bytes(b"no image %d" % number)
    with pytest.raises(DataError) as caught:
        list_folder(image_folder, held_out=9, check=PixelStore(str(image_folder), 3, 256))
    assert str(caught.value) == (
        f"`dataset` holds a broken image: {image_folder / 'blue' / 'broken 00.png'} (cannot identify image file), "
        "and 39 files more with faults"
    )
