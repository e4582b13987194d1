"""Which networks a command is about: published names, baselines with multipliers, tables of finished runs.

What a user may write for one::

    b3, efficientnet-b3, lite3               a published network
    b0..b7, lite0..lite4                     a range of them
    efficientnet-b0                          a baseline
    efficientnet-b0:1.2,1.1,1.15             a baseline scaled in depth, width and resolution
    blog, blog:1.2,1.1,1                     a variant likewise, by its own rounding rules
    my_net.toml, my_net.toml:1,1.2,1         the network of a file, as it is or scaled
    package.module:function:1,1.2,1          what a user's own code builds, as it is or scaled
    reports/scale/family.csv, reports/scale  the networks of a table, or of a run's folder
    reports/grid:highest, reports/grid:8492a one network of a run: of the highest mean top-1, by its key
    b0@dtype=bf16,batch=8                    any of them in another setup than the command's
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scalesearch.architecture.baselines import BASELINES, built_in
from scalesearch.architecture.checks import blamed_on
from scalesearch.architecture.code_import import can_be_found
from scalesearch.architecture.code_spec import TARGET, CodeSpec
from scalesearch.architecture.published import published_network, published_networks
from scalesearch.architecture.spec import Arch, arch_from_dict
from scalesearch.architecture.table_file import read_network
from scalesearch.architecture.variants import VARIANTS
from scalesearch.bench.network_files import Base, named_networks
from scalesearch.plain import checked
from scalesearch.records.setup_text import parse_changes
from scalesearch.records.timing import Setup
from scalesearch.text import near

__all__ = ["Base", "Subject", "in_its_layout", "parse_subject", "parse_subjects"]


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
    return _told_apart(subjects)


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
    if not isinstance(subject.arch, CodeSpec) or "channels_last" in subject.changes:
        return subject
    from scalesearch.architecture.code_layout import runs_channels_last  # loads torch

    if runs_channels_last(subject.arch):
        return subject
    return replace(subject, changes={**subject.changes, "channels_last": False})


def _told_apart(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
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
    raise ValueError(
        f"`{argument}` must be a published network ({', '.join(published)}), a range such as b0..b7, "
        f"a baseline ({', '.join(BASELINES)}) or a variant ({', '.join(VARIANTS)}) with or without "
        f"multipliers such as efficientnet-b0:1.2,1.1,1.15, a network's .toml file or "
        "package.module:function likewise, a family or candidates file, or a run's folder, got "
        f"{text!r}{', which is not there' if '/' in text else near(name, (*published, *built_in()))}"
    )


def _of_code(target: str, after: str | None, base: Base, text: str, argument: str) -> tuple[str, Arch]:
    from scalesearch.architecture.code_network import code_baseline  # loads torch

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
        reason = str(error).replace("`", "")
        raise ValueError(
            f"`{argument}` must be a baseline with three multipliers > 0, of depth, width and resolution, "
            f"such as efficientnet-b0:1.2,1.1,1.15, got {text!r}: {reason}"
        ) from error
