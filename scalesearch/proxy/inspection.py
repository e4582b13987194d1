"""Every file of a dataset read once, on all cores: its digest, and its pixels, which a store keeps.

What was learnt of a file is remembered, in the user's cache folder, for as long as the file stays what it was
by its device, inode, size and times. The memory is a help alone: a torn or foreign one is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from scalesearch.files import write_text
from scalesearch.proxy.dataset import DataError
from scalesearch.proxy.decoding import Stamp, decode, open_file, quiet
from scalesearch.text import printable

__all__ = ["Inspected", "Progress", "inspect", "memory_folder", "on_all_cores"]

MEMORY_VERSION = 2
MOST_MEMORIES = 64
"""So many datasets are remembered; those not asked for longest are forgotten."""
SETTLED_NS = 2 * 10**9
"""A file changed so shortly before it was read may change again without its times telling."""
AT_A_TIME = 512
ENDS = 4096
"""Bytes that are read at either end of a file, where there are too many files to read whole."""
MOST_THREADS = 32

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]


_Item = TypeVar("_Item")
_Given = TypeVar("_Given")


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is known of a file: what it was, and a digest of its bytes."""

    stamp: Stamp
    digest: str


class Store(Protocol):
    """Keeps what files were decoded to, by their digests."""

    short_side: int
    smallest: tuple[int, int]

    def __contains__(self, digest: str) -> bool:
        """Whether it has the image."""

    def put(self, digest: str, decoded: npt.NDArray[np.uint8]) -> object:
        """Keeps what a file was decoded to: (height, width, channels)."""


def inspect(
    files: Sequence[tuple[str, Stamp]],
    root: str,
    *,
    channels: int,
    store: Store | None = None,
    whole: bool = True,
    progress: Progress = lambda items, _count, _label: items,
) -> list[str]:
    """The digest of each file, its bytes read only where they are not remembered.

    Args:
        files: paths and stamps.
        root: the dataset's own path, which its memory goes by.
        channels: to decode files to.
        store: has every file decoded into it, but for those that it has; None has the bytes read alone.
        whole: have every byte read; else a file's digest is of its length, its first and last bytes.
        progress: wraps what is done one by one, with their number and a label, to show how far it is.

    Raises:
        DataError: if files are broken, can't be read, or change meanwhile: one named, the others counted.
    """
    memory, settled = _memory_path(root if whole else f"{root}, ends alone"), time.time_ns() - SETTLED_NS
    remembered = {} if memory is None else _recall(memory)
    seen = {path: remembered[path] for path, stamp in files if _is_of(remembered.get(path), stamp)}
    todo = [
        file
        for file in files
        if file[0] not in seen or (store is not None and seen[file[0]].digest not in store)
    ]
    problems: list[DataError] = []

    def look(file: tuple[str, Stamp]) -> tuple[str, Inspected | DataError]:
        return file[0], _inspected(*file, seen.get(file[0]), channels, store, whole=whole)

    try:
        with quiet():
            done: Iterable[tuple[str, Inspected | DataError]] = on_all_cores(look, todo)
            if todo and (store is not None or not whole):
                done = progress(done, len(todo), "Reading images")
            for path, outcome in done:
                if isinstance(outcome, DataError):
                    problems.append(outcome)
                else:
                    seen[path] = outcome
    finally:
        # What was learnt before Ctrl-C is remembered too.
        if memory is not None and todo:
            _remember(memory, seen, settled)
    if problems:
        more = len(problems) - 1
        also = f", and {more:,} file{'s' * (more > 1)} more with faults" if more else ""
        raise DataError(f"{problems[0]}{also}") from problems[0]
    return [seen[path].digest for path, _ in files]


def _inspected(
    path: str, stamp: Stamp, before: Inspected | None, channels: int, store: Store | None, *, whole: bool
) -> Inspected | DataError:
    try:
        with open_file(path, stamp) as file:
            digest = _digest_of(file, whole=whole) if before is None else before.digest
            if store is not None and digest not in store:
                file.seek(0)
                store.put(digest, decode(file, path, channels, store.short_side, store.smallest))
    except DataError as error:
        return error
    except OSError as error:
        return DataError(
            f"`dataset` holds a file that cannot be read: {printable(path)} ({error.strerror or error})"
        )
    return Inspected(stamp, digest)


def _digest_of(file: BufferedReader, *, whole: bool) -> str:
    if whole:
        return hashlib.file_digest(file, "sha256").hexdigest()
    length = file.seek(0, os.SEEK_END)
    digest = hashlib.sha256(str(length).encode())
    for place in (0, max(0, length - ENDS)):
        file.seek(place)
        digest.update(file.read(ENDS))
    return digest.hexdigest()


def on_all_cores(look: Callable[[_Item], _Given], items: Sequence[_Item]) -> Iterator[_Given]:
    """``look`` at every item, in order. Pillow and hashlib let other threads run while they work."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ThreadPoolExecutor(min(cores, MOST_THREADS), thread_name_prefix="images")
    try:
        left = iter(items)
        # So many at a time: a million waiting tasks would take a gigabyte.
        while batch := list(islice(left, AT_A_TIME)):
            yield from pool.map(look, batch)
    finally:
        pool.shutdown(cancel_futures=True)


def memory_folder() -> Path | None:
    """The folder of what is remembered, ``$XDG_CACHE_HOME/scalesearch``; None for a user without a home."""
    place = os.environ.get("XDG_CACHE_HOME", "")
    # A relative one is to be ignored, by the specification.
    if place and Path(place).is_absolute():
        return Path(place) / "scalesearch"
    with suppress(RuntimeError):
        return Path.home() / ".cache" / "scalesearch"
    return None


def _memory_path(root: str) -> Path | None:
    folder = memory_folder()
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:24]
    return None if folder is None else folder / f"images-{name}.json"


def _is_of(entry: Inspected | None, stamp: Stamp) -> bool:
    return entry is not None and entry.stamp == stamp


def _recall(memory: Path) -> dict[str, Inspected]:
    """What a memory holds; nothing where it is torn or something else."""
    try:
        content = json.loads(memory.read_text("utf-8"))
        if content["version"] != MEMORY_VERSION:
            return {}
        recalled = {
            str(path): Inspected(_stamp(stamp), _digest(digest))
            for path, (stamp, digest) in content["files"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    with suppress(OSError):
        os.utime(memory)  # it was asked for
    return recalled


def _stamp(values: Sequence[Any]) -> Stamp:
    device, inode, size, modified, changed = (int(value) for value in values)
    return device, inode, size, modified, changed


def _digest(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 64:
        raise ValueError("no SHA-256")
    return value


def _remember(memory: Path, seen: dict[str, Inspected], settled: int) -> None:
    """Writes what is known of a dataset's files; a cache folder that cannot be written is done without.

    ``settled`` is a time in nanoseconds: files changed later may change again without their times telling.
    """
    files = {
        path: (entry.stamp, entry.digest) for path, entry in seen.items() if max(entry.stamp[3:]) < settled
    }
    with suppress(OSError):
        write_text(memory, json.dumps({"version": MEMORY_VERSION, "files": files}))
        others = sorted(memory.parent.glob("images-*.json"), key=lambda path: path.stat().st_mtime_ns)
        for forgotten in others[:-MOST_MEMORIES]:
            forgotten.unlink(missing_ok=True)
