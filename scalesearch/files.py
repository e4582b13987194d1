"""Files that are either the old one or the whole new one, and texts of data that anybody may have written."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scalesearch.text import visible

__all__ = ["read_json", "read_toml", "write_bytes", "write_page", "write_text"]

LARGEST_TEXT = 64 * 2**20
"""Bytes of a file of settings, samples or laws: one past this is none of ours, or has no end at all."""


def write_bytes(path: Path, data: bytes) -> Path:
    """Puts ``data`` at ``path`` in one step, making the folders it needs.

    The bytes reach the disk under a temporary name in the same folder before they take the real name, so a
    reader never meets half a file.

    Raises:
        OSError: if it cannot be written, as when no space is left; a file from before stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of one fixed name, so that a killed writer leaves at most one behind, which its successor overwrites.
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105  # the atomic one, by its name
        _sync_folder(path.parent)
    except OSError as error:
        # A failed write does not say of which file.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    """Puts ``text`` at ``path`` as UTF-8 with its line ends as they are; see :func:`write_bytes`."""
    # A lone surrogate (an undecodable byte of a file name) must not lose the whole page.
    return write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_page(path: Path, text: str) -> Path:
    """Puts a page that is read at ``path``: as :func:`write_text`, with what cannot be seen shown."""
    return write_text(path, visible(text))


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, with or without a byte order mark.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no TOML; the message says why, and does not name the file.
    """
    tables: dict[str, Any] = _parsed(path, tomllib.loads)
    return tables


def read_json(path: Path) -> Any:
    """What a JSON file holds; see :func:`read_toml`."""
    return _parsed(path, json.loads)


def _parsed(path: Path, parse: Callable[[str], Any]) -> Any:
    with path.open("rb") as file:
        data = file.read(LARGEST_TEXT + 1)
    if len(data) > LARGEST_TEXT:
        raise ValueError(f"it is longer than {LARGEST_TEXT >> 20} MiB")
    try:
        return parse(data.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders, and renames durably without
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
