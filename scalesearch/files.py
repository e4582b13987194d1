"""Files that are either the old one or the whole new one, and texts of data that anybody may have written."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scalesearch.text import visible

LARGEST_TEXT = 64 * 2**20
"""Bytes of a file of settings, samples or laws: one past this is none of ours, or has no end at all."""

LONGEST_NAME = 200
"""Bytes of a name; file systems take 255, and endings are added."""


def inside(folder: Path, *names: str) -> Path:
    """The path of a file in ``folder``, by names that may come from a study or a file of anybody's.

    Every path that is composed of such names goes through here before it is read, written or removed.

    Args:
        folder: a folder that the user named.
        names: of folders within it, and of the file last.

    Raises:
        ValueError: naming ``dir``, if a name is not one alone (a path, ``..``, a drive, a control character,
            too long), or a link in the folder leads out of it.
    """
    for name in names:
        plain = isinstance(name, str) and name.isprintable() and not set(name) & set('/\\:*?"<>|')
        if not plain or name[:1] in ("", "~", " ") or name[-1] in ". " or len(name.encode()) > LONGEST_NAME:
            raise ValueError(f"`dir` must hold plain names of files, got {str(name)[:60]!r}")
    path = folder.joinpath(*names)
    # Without a link on the way there is nothing to look up, which is nearly always; Windows has other kinds.
    places = (str(path), *map(str, path.parents))[: len(names)]
    if (os.name == "nt" or any(map(os.path.islink, places))) and not _leads_into(path, folder):
        raise ValueError(f"`dir` must hold no link that leads out of it, got {path}")
    return path


def _leads_into(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link to itself
        return False


def identity(path: Path) -> tuple[int, int] | None:
    """What tells a file or folder from another one of its name; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


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
        # Never through a link that somebody put there.
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:
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
