"""A run carried on: only with the data, files and labels, that it was begun with."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scalesearch.cli.main import Fail
from scalesearch.files import write_bytes
from scalesearch.proxy.dataset import DataSize, DataSpec, ImageRow
from scalesearch.text import printable

if TYPE_CHECKING:
    from scalesearch.search.study import SearchStudy

__all__ = ["IMAGES_FILE", "changes", "require_same_data"]

IMAGES_FILE = "images.csv.gz"
"""In a run's folder: every image of a folder's data, its class, its side, and its digest."""


def require_same_data(folder: Path, study: SearchStudy, data: DataSpec, now: DataSize) -> None:
    """Refuses to go on with a study where the data is no longer what it was; a new study learns what it is.

    Args:
        folder: of the run.
        study: the run's.
        data: its data by name.
        now: what that data is now.

    Raises:
        Fail: if files were added, removed or changed, or have other labels.
    """
    before = study.data_digest
    if not before:
        if now.images:
            write_bytes(folder / IMAGES_FILE, _packed(now.images))
        study.set_data_digest(now.digest)
    elif before != now.digest:
        there = _unpacked(folder / IMAGES_FILE)
        what = "other files or labels" if now.images else "another version of it"
        what = changes(there, now.images) if there and now.images else what
        raise Fail(
            f"--dataset {printable(data.name)} must be the data that the run in {folder} was begun with, got "
            f"{what}; put that right, or begin anew in another folder (--out)"
        )


def changes(before: Sequence[ImageRow], now: Sequence[ImageRow]) -> str:
    """What became of the images of a dataset, in words: how many of each kind, and one of them.

    An image is known by its bytes: one whose file was renamed is the same.
    """
    labels = {row.sha256: row.label for row in before}
    there = {row.sha256 for row in now}
    fresh = {row.file for row in now if row.sha256 not in labels}
    gone = {row.file for row in before if row.sha256 not in there}
    kinds = {
        "under another label": {r.file for r in now if labels.get(r.sha256, r.label) != r.label},
        "changed": fresh & gone,
        "added": fresh - gone,
        "removed": gone - fresh,
    }
    told = [
        f"{_count(names)} {kind} (such as {printable(min(names))})" for kind, names in kinds.items() if names
    ]
    return ", ".join(told) or "the same images under other names or in another split"


def _count(names: Collection[str]) -> str:
    return f"{len(names):,} image{'s' * (len(names) > 1)}"


def _packed(rows: Iterable[ImageRow]) -> bytes:
    """Rows as a compressed table; names that are no UTF-8 come back as they were."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(ImageRow._fields)
    table.writerows(rows)
    # Without the time, so that the same data gives the same file.
    return gzip.compress(text.getvalue().encode("utf-8", "surrogateescape"), mtime=0)


def _unpacked(path: Path) -> tuple[ImageRow, ...]:
    """The rows of a run's table; none where it is gone or damaged."""
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "surrogateescape")
        head, *rows = csv.reader(io.StringIO(text, newline=""))
        return tuple(map(ImageRow._make, rows)) if tuple(head) == ImageRow._fields else ()
    except (OSError, EOFError, ValueError, TypeError, csv.Error, zlib.error):
        return ()
