"""A network as a TOML file: the same table as a built-in baseline's, to read and to write."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args

import tomli_w

from scalesearch.architecture.baselines import built_in
from scalesearch.architecture.spec import ArchSpec, BlockKind, StageSpec, require_resolution
from scalesearch.architecture.stage import NONE, UNSAID, seldom
from scalesearch.files import read_toml

__all__ = ["network_toml", "read_network"]

# A network's name becomes part of folders' names.
NAME = r"[a-z0-9][a-z0-9._-]*"


def read_network(path: Path) -> ArchSpec:
    """The network that a TOML file describes; without a ``name`` it is called like the file.

    Raises:
        ValueError: if the file can't be read, a key is missing or unknown, a value can't be, the strides
            leave next to nothing of the input, or a built-in baseline has the name but another table.
    """
    try:
        data = read_toml(path)
    except OSError as error:
        raise ValueError(
            f"`baseline` must be a file that can be read, got {path}: {error.strerror}"
        ) from error
    except ValueError as error:
        raise ValueError(f"`baseline` must be a TOML file, got {path}: {error}") from error
    try:
        return _network({"name": path.stem.lower()} | data)
    except ValueError as error:
        reason = str(error).replace("`", "")
        raise ValueError(f"`baseline` must describe a network, got {path}: {reason}") from error


def _network(data: dict[str, Any]) -> ArchSpec:
    _require_keys(ArchSpec, data)
    if not (isinstance(data["name"], str) and re.fullmatch(NAME, data["name"])):
        raise ValueError(
            f"name must be of small letters, digits, dots, dashes and underscores, got {data['name']!r}"
        )
    rows = data["stages"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("stages must be a list of tables, one for each stage")
    stages = []
    for number, row in enumerate(rows, start=1):
        try:
            block = row.get("block", "mbconv")
            if block not in get_args(BlockKind):
                raise ValueError(f"block must be one of {', '.join(get_args(BlockKind))}, got {block!r}")
            plain = {name: NONE[name] for name in UNSAID[block]}
            _require_keys(StageSpec, plain | row)
            stages.append(StageSpec(**plain | row))
        except ValueError as error:
            raise ValueError(f"stage {number}: {error}") from error
    arch = ArchSpec(**data | {"stages": tuple(stages)})
    require_resolution(arch, "resolution")
    known = built_in().get(arch.name)
    if known is not None and known != arch:
        raise ValueError(
            f"name must not be that of a built-in network with another table, got {arch.name!r}: change name "
            "in the file, or leave it out: the network is then called like the file"
        )
    return arch


def _require_keys(owner: type[ArchSpec] | type[StageSpec], data: dict[str, Any]) -> None:
    known = {field.name: field.default is MISSING for field in fields(owner)}
    for name in data:
        if name not in known:
            raise ValueError(f"unknown key {name!r}; there may be {', '.join(known)}")
    missing = [name for name, required in known.items() if required and name not in data]
    if missing:
        raise ValueError(f"{missing[0]} is missing")


def network_toml(arch: ArchSpec) -> str:
    """The file that :func:`read_network` reads ``arch`` from, a line for each row of its table."""
    values = {field.name: getattr(arch, field.name) for field in fields(arch) if field.name != "stages"}
    silent = {field.name for field in fields(arch) if field.metadata.get("seldom")}.difference(seldom(arch))
    said = {name: value for name, value in values.items() if value is not None and name not in silent}
    rows = arch.to_dict()["stages"]
    assert isinstance(rows, list)  # as from_dict wants it
    # What JSON writes for texts, numbers and truth values is TOML too.
    lines = ("{ " + ", ".join(f"{name} = {json.dumps(v)}" for name, v in row.items()) + " }" for row in rows)
    return tomli_w.dumps(said) + "stages = [\n" + "".join(f"    {line},\n" for line in lines) + "]\n"
