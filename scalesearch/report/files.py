"""Files that are either the old one or the whole new one, also after a crash."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

__all__ = ["write_bytes", "write_text"]


def write_bytes(path: Path, data: bytes) -> Path:
    """Put ``data`` at ``path`` in one step, making the folders it needs.

    The bytes reach the disk under a temporary name in the same folder before they take the real name, so a
    reader never meets half a file.

    Raises:
        OSError: if the folder cannot be made or written; the old file, if any, is then untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return path


def write_text(path: Path, text: str) -> Path:
    """Put ``text`` at ``path`` as UTF-8 with its line ends as they are; see :func:`write_bytes`."""
    # A lone surrogate (an undecodable byte of a file name) must not lose the whole page.
    return write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders, and renames durably without
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
