"""Decoded images kept on disk, in the user's cache folder, by the digests of the files that they come from.

A training run sees each image many times and a search sees it in many runs; a photograph takes milliseconds
to decode and no time to be looked up. Pixels are found by what was in their file, so a changed file is just
another one. Each process appends to files of its own, pixels first and then where they lie, with a checksum:
a torn end is as good as none. What can't be written is kept in memory as far as there is room.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import secrets
import shutil
import struct
import threading
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL
import torch
from torchvision.transforms.v2 import functional as F

from scalesearch.proxy.decoding import DECODING
from scalesearch.proxy.inspection import memory_folder

__all__ = ["PixelStore"]

Pixels = npt.NDArray[np.uint8]

# Digest of the file, where its pixels begin, height, width, and the pixels' checksum.
RECORD = struct.Struct("<32sQIII")
MOST_BYTES = 64 * 2**30
"""Of all stores together; those not used for longest are removed beyond it."""
FREE_BYTES = 2 * 2**30
"""Nothing is added to a disk that has no more than that left."""
CHECKED_EVERY = 64 * 2**20
MEMORY_BYTES = 2 * 2**30
"""Pixels kept in memory, by each process, where the disk takes none."""


class PixelStore:
    """The images of one dataset as uint8 (channels, height, width), decoded to one size.

    Attributes:
        short_side: the most pixels that an image's shorter side has.
        smallest: the fewest that an image's shorter and longer side had before it was decoded.
    """

    def __init__(self, root: str, channels: int, short_side: int, smallest: tuple[int, int] = (1, 1)) -> None:
        """The store of the dataset at ``root``.

        Args:
            root: the dataset's own path.
            channels: of every image.
            short_side: the most pixels that an image's shorter side has.
            smallest: the fewest that its shorter and longer side must have had.
        """
        self.short_side = short_side
        self.smallest = smallest
        self._channels = channels
        self._lock = threading.Lock()
        self._places: dict[bytes, tuple[Path, int, int, int, int]] = {}
        self._maps: dict[Path, Pixels] = {}
        self._sound: set[bytes] = set()
        self._memory: dict[bytes, torch.Tensor] = {}
        self._room = MEMORY_BYTES
        self._writer: _Writer | None = None
        folder = memory_folder()
        what = (os.fsencode(root), channels, short_side, *smallest, DECODING, PIL.__version__)
        name = f"pixels-{hashlib.sha256(repr(what).encode()).hexdigest()[:24]}"
        self._folder = None if folder is None else folder / name
        if self._folder is not None:
            self._read()

    def __contains__(self, digest: str) -> bool:
        """Whether the image of the file with that SHA-256 is there; it may turn out to be damaged."""
        key = bytes.fromhex(digest)
        return key in self._memory or key in self._places

    def get(self, digest: str) -> torch.Tensor | None:
        """The image of the file with that SHA-256 (hexadecimal); None where it has to be decoded."""
        key = bytes.fromhex(digest)
        if key in self._memory:
            return self._memory[key]
        place = self._places.get(key)
        if place is None:
            return None
        path, begin, height, width, checksum = place
        count = self._channels * height * width
        flat = self._mapped(path, begin + count)
        pixels = None if flat is None else flat[begin : begin + count]
        if pixels is None or (key not in self._sound and zlib.crc32(pixels.data) != checksum):
            del self._places[key]
            return None
        self._sound.add(key)
        return torch.from_numpy(pixels).view(self._channels, height, width)

    def put(self, digest: str, decoded: Pixels) -> torch.Tensor:
        """Keeps what the file with that digest was decoded to, (height, width, channels), and gives it back.

        Returns:
            uint8 (channels, height, width), its shorter side as this store has it.
        """
        key = bytes.fromhex(digest)
        image = torch.from_numpy(np.ascontiguousarray(decoded.transpose(2, 0, 1)))
        if min(image.shape[1:]) > self.short_side:  # an array: images come smaller
            image = F.resize(image, [self.short_side], antialias=True)
        pixels = image.numpy()
        with self._lock:
            if self._folder is not None and (self._writer is None or self._writer.process != os.getpid()):
                self._writer = _Writer(self._folder)
            begin = None if self._writer is None else self._writer.append(key, pixels)
            if begin is not None and self._writer is not None:
                _, height, width = pixels.shape
                self._places[key] = (self._writer.path, begin, height, width, zlib.crc32(pixels.data))
            elif self._room >= pixels.nbytes:
                self._room -= pixels.nbytes
                self._memory[key] = image
        return image

    def _read(self) -> None:
        """Learns what lies where from the files of earlier processes."""
        assert self._folder is not None
        with suppress(OSError):
            os.utime(self._folder)  # it was asked for
        # What was decoded again, as it was damaged, was written later.
        for index in sorted(self._folder.glob("*.index"), key=lambda file: (_changed(file), file)):
            path = index.with_suffix(".pixels")
            try:
                records, length = index.read_bytes(), path.stat().st_size
            except OSError:
                continue
            for key, begin, height, width, checksum in RECORD.iter_unpack(
                records[: len(records) // RECORD.size * RECORD.size]
            ):
                if begin + self._channels * height * width <= length and height and width:
                    self._places[key] = (path, begin, height, width, checksum)

    def _mapped(self, path: Path, end: int) -> Pixels | None:
        """A file of pixels, at least as far as ``end``; None where it is shorter or gone."""
        flat = self._maps.get(path)
        if flat is None or len(flat) < end:
            try:
                with path.open("rb") as file:
                    # Of one's own: torch takes no memory that may not be written.
                    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            except (OSError, ValueError):
                return None
            flat = self._maps[path] = np.frombuffer(mapped, dtype=np.uint8)
        return flat if len(flat) >= end else None

    def __getstate__(self) -> dict[str, Any]:
        """Without what another process can't take over."""
        state = self.__dict__.copy()
        return state | {"_lock": None, "_maps": {}, "_writer": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()


class _Writer:
    """The files that one process appends to."""

    def __init__(self, folder: Path) -> None:
        self.process = os.getpid()
        self.path = folder / f"{self.process}-{secrets.token_hex(4)}.pixels"
        self._end = 0
        self._checked = -CHECKED_EVERY
        self._handles: tuple[int, int] | None = None
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _make_room(folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
            paths = (self.path, self.path.with_suffix(".index"))
            self._handles = (os.open(paths[0], flags, 0o600), os.open(paths[1], flags, 0o600))

    def append(self, key: bytes, pixels: Pixels) -> int | None:
        """Writes an image and where it begins, which it returns; None where that failed."""
        if self._handles is None:
            return None
        data, index = self._handles
        try:
            if self._end - self._checked >= CHECKED_EVERY:
                self._checked = self._end
                if shutil.disk_usage(self.path.parent).free < FREE_BYTES:
                    raise OSError("the disk is nearly full")
            _, height, width = pixels.shape
            begin = self._end
            _write(data, pixels.data.cast("B"))
            _write(index, memoryview(RECORD.pack(key, begin, height, width, zlib.crc32(pixels.data))))
        except OSError:
            # Half an image may be there now: nothing is written behind it.
            self._handles = None
            for handle in (data, index):
                os.close(handle)
            return None
        self._end += pixels.nbytes
        return begin


def _changed(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _write(handle: int, data: memoryview) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _make_room(folder: Path) -> None:
    """Removes the stores not used for longest where all together are too large."""
    stores = []
    for store in folder.parent.glob("pixels-*"):
        with suppress(OSError):
            used = sum(file.stat().st_size for file in store.iterdir())
            stores.append((store.stat().st_mtime, used, store))
    excess = sum(used for _, used, _ in stores) - MOST_BYTES
    for changed, used, store in sorted(stores):
        if excess <= 0:
            return
        if store != folder and time.time() - changed > 3600:  # nor one that is in use
            shutil.rmtree(store, ignore_errors=True)
            excess -= used
