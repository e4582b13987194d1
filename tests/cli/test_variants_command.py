"""Variants wherever a baseline is asked for, each by its own rounding rules unless others are given."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from click.testing import Result

from scalesearch.commands.measure.run import MeasureSettings
from scalesearch.commands.measure.subjects import Subject, parse_subject
from scalesearch.networks.baselines import BASELINES, VARIANTS, member_arch
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Multipliers
from scalesearch.study.grid_plan import GridSettings

Run = Callable[..., Result]

RULES = tuple(asdict(Rounding()))
SCALE = ("scale", "--alpha=1.2", "--beta=1.1", "--gamma=1", "--format=json")
SHORT = (
    *("--max-networks=2", "--images=16", "--batch-size=8", "--held-out=18", "--seeds=1", "--no-latency"),
    *("--baseline-width=0.125", "--baseline-resolution=16", "--baseline-channel-divisor=1"),
    *("--device=cpu", "--threads=1", "--jobs=1"),
)


def described(run: Run, *arguments: str) -> tuple[int, int]:
    """(params, macs) of what describe prints."""
    result = run("describe", *arguments, "--format=csv")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    return sum(int(row["params"]) for row in rows), sum(int(row["macs"]) for row in rows)


@pytest.mark.parametrize("name", VARIANTS)
def test_describe(run: Run, name: str) -> None:
    cost = count(VARIANTS[name].arch)
    assert described(run, name) == (cost.params, cost.macs)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_file_of_one_is_that_one(run: Run, name: str, tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(run("describe", name, "--format=toml").stdout, encoding="utf-8")
    table = run("describe", path).stdout
    assert table.splitlines()[0].strip() == name
    assert table == run("describe", name).stdout


def test_scaled_by_its_own_rules_unless_others_are_given(run: Run) -> None:
    variant = VARIANTS["blog"]
    b1 = replace(member_arch(variant, variant.members[1]), resolution=64)
    given = ("blog", "--depth=1.2", "--width=1.1", "--resolution=64")
    assert described(run, *given) == (count(b1).params, count(b1).macs)
    # One rule is given, the others stay the variant's.
    up = scale(
        variant.arch, Multipliers(depth=1.2, width=1.1), replace(variant.rounding, repeats_rule="ceil")
    )
    assert described(run, *given, "--repeats-rule=ceil")[0] == count(up).params
    official = ("--channels-rule=nearest", "--channel-divisor=8", "--repeats-rule=ceil")
    usual = scale(variant.arch, Multipliers(depth=1.2, width=1.1), Rounding())
    assert described(run, *given, *official)[0] == count(usual).params


def test_scale(run: Run, tmp_path: Path) -> None:
    variant = VARIANTS["notebook-pytorch"]
    result = run(
        *SCALE,
        "--phi=0,1",
        "--baseline=notebook-pytorch",
        "--baseline-resolution=32",
        f"--out={tmp_path / 'family'}",
    )
    assert result.exit_code == 0, result.output
    b2 = replace(member_arch(variant, variant.members[2]), resolution=32)
    assert [row["params"] for row in json.loads(result.stdout)] == [
        count(variant.arch).params,
        count(b2).params,
    ]


@pytest.mark.slow
def test_a_grid_keeps_the_rules_and_goes_on_with_them(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    begun = run("grid", "--baseline=blog", f"--out={folder}", *SHORT)
    assert begun.exit_code == 0, begun.output
    kept = tomllib.loads((folder / "run.toml").read_text("utf-8"))["grid"]
    assert (kept["baseline"], kept["channels_rule"], kept["channel_divisor"]) == ("blog", "floor", 4)
    assert kept["repeats_rule"] == "floor"
    assert "baseline_arch" not in kept
    same = run("grid", f"--config={folder / 'run.toml'}", f"--out={folder}")
    assert same.exit_code == 0, same.output
    other = run("grid", "--baseline=blog", "--channels-rule=nearest", f"--out={folder}", *SHORT)
    assert other.exit_code == 2
    assert "(channels_rule: 'floor' there, 'nearest' asked)" in other.stderr
    # Its networks are built again by the same rules.
    highest = parse_subject(f"{folder}:highest")
    rows = csv.DictReader((folder / "candidates.csv").read_text("utf-8").splitlines())
    assert str(count(highest.arch).params) in {row["params"] for row in rows}


def test_settings_say_the_rule_only_where_it_says_something() -> None:
    assert "channels_rule" not in GridSettings().to_dict()
    assert GridSettings(channels_rule="ceil").to_dict()["channels_rule"] == "ceil"
    # The rule that is not the variant's own has to be said, or it would be taken for the default.
    assert GridSettings(baseline="blog").to_dict()["channels_rule"] == "nearest"


def test_a_dry_run(run: Run) -> None:
    result = run("grid", "--baseline=notebook-keras", "--dry-run", *SHORT)
    assert result.exit_code == 0, result.output
    assert "to be trained" in result.stdout


def test_measured_networks_go_by_the_same_rules() -> None:
    variant = VARIANTS["blog"]
    b2 = parse_subject("blog:1.44,1.21,1").arch
    assert b2.key == replace(member_arch(variant, variant.members[2]), name="").key
    assert parse_subject("notes").arch.key == VARIANTS["notes"].arch.key


def test_official_rules_are_taken_where_they_are_given_to_measure(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[MeasureSettings, tuple[str, ...]]] = []

    def remember(
        _folder: Path, settings: MeasureSettings, subjects: Sequence[Subject], **_more: object
    ) -> None:
        seen.append((settings, tuple(subject.arch.key for subject in subjects)))

    monkeypatch.setattr("scalesearch.runs.measuring.measured", remember)
    monkeypatch.setattr("scalesearch.cli.running.show", lambda *_: None)
    variant, at = VARIANTS["blog"], Multipliers(depth=1.2, width=1.1)
    command = ("measure", "blog:1.2,1.1,1", "efficientnet-b0:1.2,1.1,1", f"--out={tmp_path}", "--device=cpu")
    official = ("--channels-rule=nearest", "--channel-divisor=8", "--repeats-rule=ceil")
    for options, rounding in (
        ((), variant.rounding),
        (official, Rounding()),
        (("--repeats-rule=ceil",), replace(variant.rounding, repeats_rule="ceil")),
    ):
        result = run(*command, *options)
        assert result.exit_code == 0, result.output
        settings, keys = seen[-1]
        usual = scale(BASELINES["efficientnet-b0"], at, Rounding())
        assert keys == (scale(variant.arch, at, rounding).key, usual.key)
        # What a folder keeps makes the same networks again, by --config too.
        kept = settings.to_dict()
        assert MeasureSettings.from_dict(kept) == settings
        file = tmp_path / "again.toml"
        table = {name: kept[name] for name in kept if name in RULES}
        file.write_text("[measure]\n" + "".join(f"{name} = {value!r}\n" for name, value in table.items()))
        assert run(*command, f"--config={file}").exit_code == 0
        assert seen[-1][1] == keys
    plain = MeasureSettings(networks=("b0",)).to_dict()
    assert {name: plain.get(name) for name in RULES} == asdict(Rounding()) | {"channels_rule": None}
