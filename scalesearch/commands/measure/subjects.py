"""What is measured: networks by name, file, weights, or code."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scalesearch.files import read_toml
from scalesearch.networks.baselines import (
    built_in,
    chosen_baseline,
    published_network,
    published_networks,
    read_network,
    rounding_of,
)
from scalesearch.networks.cost import count
from scalesearch.networks.matching import with_repeats
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import (
    TARGET,
    Arch,
    ArchSpec,
    Rounding,
    arch_from_dict,
    blamed_on,
    require_resolution,
)
from scalesearch.networks.user_code import can_be_found
from scalesearch.plain import checked
from scalesearch.records.timings import Setup, parse_changes
from scalesearch.scaling import Multipliers
from scalesearch.study.settings import SIDES, WIDTHS
from scalesearch.text import bare, near, size_text

# ----------------------------------------------------------------------------------------------------
# Networks out of the tables of finished runs: rebuilt from their multipliers, checked against their row.

FAMILY = "family.csv"
TABLES = ("candidates.csv", "trials.csv", "sweep.csv", "trained.csv", FAMILY)
"""The tables of runs that describe networks, in the order in which a folder is searched for them."""
HIGHEST = ("highest", "winner")
"""What names the network of the highest mean top-1; the second is the word of versions before 0.3.0."""
PHI = "phi="
NEEDED = ("depth", "width", "resolution")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The network that multipliers scale, and how. Resolution 0 stands for the baseline's own.

    ``given`` is the baseline itself, where it isn't built in; ``resolution_width`` the input's width, where
    it is not ``resolution``. ``rules`` are those of the rounding that were asked for, by the names of
    ``Rounding``'s fields; the others are the baseline's own.

    Raises:
        ValueError: if the baseline is unknown, or a number is out of range.
    """

    baseline: str = "efficientnet-b0"
    given: Arch | None = None
    stem_stride: int | None = None
    in_channels: int | None = None
    width: float = 1.0
    resolution: int = 0
    resolution_width: int | None = None
    classes: int = 1000
    rules: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        WIDTHS.require("baseline_width", self.width)
        if self.resolution:
            SIDES.require("baseline_resolution", self.resolution)
        require_resolution(self.arch, "baseline_resolution")

    @property
    def rounding(self) -> Rounding:
        """How multipliers become whole numbers."""
        return rounding_of(self.baseline, self.rules)

    @property
    def arch(self) -> Arch:
        """The network itself."""
        full = chosen_baseline(self.baseline, self.given, self.stem_stride, self.in_channels)
        reduced = reduce(
            full,
            self.width,
            self.rounding,
            resolution=self.resolution,
            resolution_width=self.resolution_width,
        )
        return replace(reduced, classes=self.classes)

    @property
    def label(self) -> str:
        """The baseline's name, with the width that it was reduced by: ``efficientnet-b0x0.25``."""
        return self.baseline if self.width == 1 else f"{self.baseline}x{self.width:g}"

    def scaled(
        self,
        depth: float,
        width: float,
        resolution: int | float,
        *,
        across: int | None = None,
        repeats: tuple[int, ...] = (),
    ) -> tuple[str, Arch]:
        """A name and the network; a whole ``resolution`` is in pixels, any other a multiplier.

        ``across`` is the input's width in pixels, where it is not the height in pixels. ``repeats`` are the
        blocks of each stage where a match chose them; without them ``depth`` says how many there are.

        Raises:
            ValueError: if the network cannot be, or has another number of stages.
        """
        pixels = resolution if isinstance(resolution, int) else None
        multipliers = Multipliers(
            depth=depth, width=width, resolution=1.0 if pixels is not None else resolution
        )
        arch = scale(self.arch, multipliers, self.rounding, resolution=pixels)
        if across is not None:
            arch = replace(arch, resolution_width=across)
        if repeats and isinstance(arch, ArchSpec):
            if len(repeats) != len(arch.stages):
                raise ValueError(
                    f"`repeats` must be the blocks of {len(arch.stages)} stages, got {len(repeats)} numbers"
                )
            arch = with_repeats(arch, repeats)
        name = f"{self.label}-d{depth:.4g}-w{width:.4g}-r{size_text(arch.input_size)}"
        return name, replace(arch, name=name)


def named_networks(
    path: Path, wanted: str, base: Base, argument: str = "network"
) -> tuple[tuple[str, Arch], ...]:
    """The networks of a table, or of the table in a run's folder, with a name for each.

    A run.toml beside the table says how its networks were made; without one ``base`` does.

    Args:
        path: of the file or folder.
        wanted: ``highest`` for the one of the highest mean top-1, the first letters of a key, or
            ``phi=2`` for a member of a family; empty for all that the run has not skipped.
        base: the baseline and the rounding.
        argument: what the errors call it.

    Raises:
        ValueError: if there is no such table or network, or a rebuilt network is not the row's.
    """
    table = _table(path, argument)
    rows = _rows(table, argument)
    base = _base_beside(table, base, argument)
    chosen = _chosen(rows, wanted, table, argument)
    distinct = {
        arch.key: (name, arch) for name, arch in (_rebuilt(row, base, table, argument) for row in chosen)
    }
    uses = Counter(name for name, _ in distinct.values())
    named = ((f"{name}-{arch.key[:6]}" if uses[name] > 1 else name, arch) for name, arch in distinct.values())
    return tuple((name, replace(arch, name=name)) for name, arch in named)


def _table(path: Path, argument: str) -> Path:
    if not path.is_dir():
        return path
    for name in TABLES:
        if (path / name).is_file():
            return path / name
    raise ValueError(
        f"`{argument}` must be a run's folder with one of {', '.join(TABLES)}, got {path}, which has none"
    )


def _rows(table: Path, argument: str) -> list[dict[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"`{argument}` must be a readable CSV file, got {table}: {error}") from error
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise ValueError(
            f"`{argument}` must be a table with columns {', '.join(NEEDED)}, got {table} without "
            f"{', '.join(missing)}"
        )
    if not rows:
        raise ValueError(f"`{argument}` must be a table with at least one network, got {table} with none")
    return rows


def _base_beside(table: Path, base: Base, argument: str) -> Base:
    """How the run was made that the table belongs to; a trained run's family is of full size."""
    file = table.parent / "run.toml"
    try:
        recorded = read_toml(file)
        run = recorded["run"]
        settings: Mapping[str, Any] = recorded[run["kind"]]
        whole = table.name == FAMILY
        rules = {
            "channel_divisor": settings["channel_divisor" if whole else "baseline_channel_divisor"],
            "min_kept_fraction": settings["min_kept_fraction"],
            "repeats_rule": settings["repeats_rule"],
            "resolution_multiple": settings["resolution_multiple"],
            "channels_rule": settings.get("channels_rule", "nearest"),
        }
        return Base(
            baseline=settings["baseline"],
            given=None if (known := settings.get("baseline_arch")) is None else arch_from_dict(known),
            stem_stride=settings.get("stem_stride"),
            in_channels=settings.get("in_channels"),
            resolution_width=None if whole else settings.get("baseline_resolution_width"),
            width=1.0 if whole else settings["baseline_width"],
            resolution=0 if whole else settings["baseline_resolution"],
            classes=base.classes if whole else run["classes"],
            rules=rules,
        )
    except FileNotFoundError:
        return base
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"`{argument}` must be a table whose run can be read, got {table}: {file} does not say how its "
            f"networks were made ({error!r})"
        ) from error


def _chosen(
    rows: Sequence[Mapping[str, str]], wanted: str, table: Path, argument: str
) -> list[Mapping[str, str]]:
    if not wanted:
        return [row for row in rows if row.get("status") != "skipped"]
    if wanted in HIGHEST:
        trained = [row for row in rows if row.get("status") == "completed" and row.get("top1")]
        if not trained:
            raise ValueError(
                f"`{argument}` must name a run with a trained network to have a highest top-1, got {table} "
                "with none"
            )
        # Of equal ones the cheapest, as the run's own report has it.
        return [max(trained, key=lambda row: (_number(row, "top1"), -_number(row, "macs")))]
    if wanted.startswith(PHI):
        return [_at_phi(rows, wanted, table, argument)]
    found = [row for row in rows if row.get("key", "").startswith(wanted)]
    if len(found) != 1:
        keys = [key for row in rows if (key := row.get("key", ""))]
        raise ValueError(
            f"`{argument}` must name one network of {table} by the first letters of its key "
            f"({', '.join(keys[:3]) or 'it has no keys'}{', ...' if len(keys) > 3 else ''}) or as "
            f"{HIGHEST[0]}, got {wanted!r}, which is "
            f"{'none of them' if not found else f'{len(found)} of them'}"
        )
    return found


def _at_phi(rows: Sequence[Mapping[str, str]], wanted: str, table: Path, argument: str) -> Mapping[str, str]:
    found = [row for row in rows if row.get("phi") and f"{_number(row, 'phi'):g}" == wanted.removeprefix(PHI)]
    if len(found) != 1:
        phis = ", ".join(dict.fromkeys(f"{_number(row, 'phi'):g}" for row in rows if row.get("phi")))
        raise ValueError(
            f"`{argument}` must name one network of {table} by a phi of it ({phis or 'it has none'}), "
            f"got {wanted!r}, which is {'none of them' if not found else f'that of {len(found)} of them'}"
        )
    return found[0]


def _rebuilt(row: Mapping[str, str], base: Base, table: Path, argument: str) -> tuple[str, Arch]:
    try:
        across = int(float(text)) if (text := row.get("resolution_width")) else None
        height = int(float(row["resolution"]))
        repeats = tuple(int(number) for number in (row.get("repeats") or "").split("-") if number)
        name, arch = base.scaled(
            float(row["depth"]), float(row["width"]), height, across=across, repeats=repeats
        )
        cost = count(arch)
        known = {what: int(float(row[what])) for what in ("params", "macs") if row.get(what)}
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(
            f"`{argument}` must be a table of networks that can be built, got {table}: {bare(error)}"
        ) from error
    for what, there in known.items():
        if getattr(cost, what) != there:
            raise ValueError(
                f"`{argument}` must be a table whose networks --baseline, --baseline-width, "
                f"--baseline-resolution and the rounding options make again, got {table}: depth "
                f"{row['depth']}, width {row['width']} at {height}{f'x{across}' if across else ''} px has "
                f"{there:,} {what} there and {getattr(cost, what):,} rebuilt from {base.label}"
            )
    return name, arch


def _number(row: Mapping[str, str], column: str) -> float:
    try:
        return float(row[column])
    except (KeyError, ValueError, TypeError):
        return -math.inf


# ----------------------------------------------------------------------------------------------------
# Which networks a command is about: published names, baselines with multipliers, tables of finished runs.
#
# What a user may write for one::
#
#     b3, efficientnet-b3, lite3               a published network
#     b0..b7, lite0..lite4                     a range of them
#     efficientnet-b0                          a baseline
#     efficientnet-b0:1.2,1.1,1.15             a baseline scaled in depth, width and resolution
#     blog, blog:1.2,1.1,1                     a variant likewise, by its own rounding rules
#     my_net.toml, my_net.toml:1,1.2,1         the network of a file, as it is or scaled
#     package.module:function:1,1.2,1          what a user's own code builds, as it is or scaled
#     reports/scale/family.csv, reports/scale  the networks of a table, or of a run's folder
#     reports/grid:highest, reports/grid:8492a one network of a run: of the highest mean top-1, by its key
#     b0@dtype=bf16,batch=8                    any of them in another setup than the command's


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network, what it goes by, and in what its setup differs from the command's.

    ``changes`` holds values of fields of ``Setup``.
    """

    name: str
    arch: Arch
    changes: Mapping[str, Any] = field(default_factory=dict)

    def setup(self, common: Setup) -> Setup:
        """The command's setup with this network's own changes.

        Raises:
            ValueError: if the two do not go together.
        """
        return replace(common, **self.changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return {"name": self.name, "arch": self.arch.to_dict(), "changes": dict(self.changes)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Subject:
        """The subject that :meth:`to_dict` gave.

        Raises:
            ValueError: if it is none.
        """
        subject = cls(**checked(cls, {**data, "arch": arch_from_dict(data.get("arch", {}))}))
        # A change that no setup knows, or of another type, is found now.
        checked(Setup, subject.changes)
        return subject


def parse_subjects(
    texts: Sequence[str], base: Base | None = None, argument: str = "network"
) -> tuple[Subject, ...]:
    """The networks that ``texts`` name, in that order, each once.

    Args:
        texts: as the head of this module shows.
        base: the baseline of tables without a run.toml beside them, and their rounding, which is that of a
            baseline with multipliers too; EfficientNet-B0 and the official rounding if None.
        argument: what the errors call a text.

    Raises:
        ValueError: if one names no network, or one that cannot be built.
    """
    base = base or Base()
    subjects: list[Subject] = []
    for text in texts:
        # Two names of one network, such as b0 and efficientnet-b0, are one subject under the first.
        known = [(s.arch.key, s.changes) for s in subjects]
        subjects += [s for s in _parse(text, base, argument) if (s.arch.key, s.changes) not in known]
    return told_apart(subjects)


def parse_subject(text: str, base: Base | None = None, argument: str = "network") -> Subject:
    """The one network that ``text`` names; see :func:`parse_subjects`.

    Raises:
        ValueError: if it names none, or several.
    """
    subjects = parse_subjects([text], base, argument)
    if len(subjects) != 1:
        names = ", ".join(subject.name for subject in subjects[:3])
        raise ValueError(
            f"`{argument}` must be one network, got {text!r}, which is {len(subjects)}: {names}"
            f"{', ...' if len(subjects) > 3 else ''}"
        )
    return subjects[0]


def in_its_layout(subject: Subject) -> Subject:
    """The subject, channels first where its own code can't be run channels last and nobody asked for that."""
    if not subject.arch.code or "channels_last" in subject.changes:
        return subject
    from scalesearch.networks.build import runs_channels_last  # loads torch

    if runs_channels_last(subject.arch):
        return subject
    return replace(subject, changes={**subject.changes, "channels_last": False})


def told_apart(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    """The subjects, with the key in the name of those whose name another network has too."""
    keys: dict[str, set[str]] = {}
    for subject in subjects:
        keys.setdefault(subject.name, set()).add(subject.arch.key)
    return tuple(
        replace(s, name=f"{s.name}-{s.arch.key[:6]}") if len(keys[s.name]) > 1 else s for s in subjects
    )


def _parse(text: str, base: Base, argument: str) -> list[Subject]:
    network, at, after = text.rpartition("@")
    # A folder may have the sign in its name.
    if not at or Path(text).exists():
        network, at = text, ""
    changes = parse_changes(after, argument) if at else {}
    return [Subject(name=n, arch=a, changes=changes) for n, a in _networks(network, base, argument)]


def _networks(text: str, base: Base, argument: str) -> Sequence[tuple[str, Arch]]:
    if not text.strip():  # as of a variable that a script forgot: not the current folder
        raise ValueError(f"`{argument}` must name a network, such as b0, got {text!r}")
    published = published_networks()
    if (one := published_network(text)) is not None:
        arch = one.arch()
        return [(arch.name, arch)]
    if match := re.fullmatch(r"(?:efficientnet-)?(b|lite)(\d+)\.\.(?:efficientnet-)?\1(\d+)", text):
        kind, first, last = match[1], int(match[2]), int(match[3])
        names = [f"{kind}{index}" for index in range(first, min(last, len(published)) + 1)]
        if names and all(name in published for name in (names[0], f"{kind}{last}")):
            archs = [published[name].arch() for name in names]
            return [(arch.name, arch) for arch in archs]
        raise ValueError(
            f"`{argument}` must be a rising range of published networks such as b0..b7, got {text!r}; "
            f"published are {', '.join(published)}"
        )
    name, colon, after = text.partition(":")
    if name.endswith(".toml") and Path(name).is_file():
        with blamed_on(f"`{argument}`"):
            given = read_network(Path(name))
        own = Base(baseline=given.name, given=given, classes=given.classes, rules=base.rules)
        return [_multiplied(own, after, text, argument)] if colon else [(given.name, given)]
    if name in built_in():
        own = Base(baseline=name, rules=base.rules)
        return [_multiplied(own, after, text, argument)] if colon else [(name, own.arch)]
    if Path(text).exists():
        return named_networks(Path(text), "", base, argument)
    path, _, wanted = text.rpartition(":")
    if path and wanted and Path(path).exists():
        return named_networks(Path(path), wanted, base, argument)
    code = re.fullmatch(f"({TARGET})(?::(.*))?", text)
    if code is not None and can_be_found(target := code[1]):
        return [_of_code(target, code[code.re.groups], base, text, argument)]
    is_path = "/" in text or re.search(r"\.\w*[a-z]\w*$", text)
    raise ValueError(
        f"`{argument}` must be a network that scalesearch describe lists, a range such as b0..b7, a baseline "
        "with multipliers such as efficientnet-b0:1.2,1.1,1.15, a .toml file or package.module:function with "
        "or without them, a family or candidates file, or a run's folder, got "
        f"{text!r}{', which is not there' if is_path else near(name, (*published, *built_in()))}"
    )


def _of_code(target: str, after: str | None, base: Base, text: str, argument: str) -> tuple[str, Arch]:
    from scalesearch.networks.user_network import code_baseline  # loads torch

    with blamed_on(f"`{argument}`"):
        given = code_baseline(target)
    own = Base(baseline=given.name, given=given, classes=given.classes, rules=base.rules)
    return (given.name, given) if after is None else _multiplied(own, after, text, argument)


def _multiplied(base: Base, after: str, text: str, argument: str) -> tuple[str, Arch]:
    try:
        if after.count(",") != 2:
            raise ValueError(f"{after.count(',') + 1} of them")
        depth, width, resolution = (float(part) for part in after.split(","))
        return base.scaled(depth, width, resolution)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"`{argument}` must be a baseline with three multipliers > 0, of depth, width and resolution, "
            f"such as efficientnet-b0:1.2,1.1,1.15, got {text!r}: {bare(error)}"
        ) from error
