"""The house: no circle of modules, imports inside functions included, and who may know what."""

from __future__ import annotations

import ast
import csv
import dataclasses
import importlib.util
import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import scalesearch
from scalesearch.cli import alternate, cli
from scalesearch.cli.help import Option
from scalesearch.cli.options import FORMS, Form, listed, option_of
from scalesearch.cli.running import show
from scalesearch.commands.alternate.run import AlternateSettings
from scalesearch.commands.audit.run import AuditSettings
from scalesearch.commands.compare.run import CompareSettings
from scalesearch.commands.fidelity.run import FidelitySettings
from scalesearch.commands.grid.view import grid_page
from scalesearch.commands.law.settings import LawSettings
from scalesearch.commands.measure.run import MeasureSettings
from scalesearch.commands.scale.run import FamilyTrainingSettings, ScaleSettings
from scalesearch.commands.search.run import SearchSettings
from scalesearch.commands.sweep.run import SweepSettings
from scalesearch.fields import Topic, setting, settings_of
from scalesearch.networks import baselines
from scalesearch.page import columns, tables
from scalesearch.plain import Limit
from scalesearch.runs.kept import kept_run
from scalesearch.runs.kinds import KINDS, Kind, Outcome, loaded
from scalesearch.study import grid_plan
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.settings import Computing, RoundingSettings
from scalesearch.workers.executor import DeviceExecutor, Executor, ProcessExecutor

ROOT = Path(scalesearch.__file__).parent


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """What a file imports, wherever in it an import stands; imports for types alone aside."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    names: list[str] = []
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)


@pytest.fixture(scope="module")
def house() -> dict[str, set[str]]:
    """Each module of the package, with the modules of the package that it imports."""
    paths = {_name(path): path for path in ROOT.rglob("*.py")}
    return {
        name: {other for other in _imports(path) if other in paths} - {name} for name, path in paths.items()
    }


def test_no_circle_of_modules(house: dict[str, set[str]]) -> None:
    # A package's own file holds its face alone: importing a module of it is no import of that.
    faces = {_name(path) for path in ROOT.rglob("__init__.py")}
    left = {name: others - faces for name, others in house.items() if name not in faces}
    while free := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in free}
    assert not left, f"in a circle, or above one: {sorted(left)}"


def test_no_module_is_left_that_nobody_imports(house: dict[str, set[str]]) -> None:
    # Loaded by name: the public names, the commands, the kinds of run, engines, the file that is copied into an export, and a process's
    # first. Loaded by others: what their executors are put to.
    by_name = {"scalesearch.__main__", "scalesearch.export.template", "scalesearch", "scalesearch.api"}
    by_name |= {"scalesearch.workers.contract"}
    imported = set().union(*house.values())
    texts = [
        (ROOT / place).read_text("utf-8") for place in ("cli/main.py", "runs/kinds.py", "workers/engines.py")
    ]
    named = set(re.findall(r'"(scalesearch[.a-z_]+)[:"]', "".join(texts)))
    lost = {name for name in house if name not in imported | by_name | named}
    assert not {name for name in lost if not (ROOT.parent / Path(*name.split("."))).is_dir()}


def test_only_the_command_line_knows_click() -> None:
    paths = [path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] != "cli"]
    assert paths
    assert not [path for path in paths if any(name.partition(".")[0] == "click" for name in _imports(path))]


# Where CONTRIBUTING.md says that things are added: each shown to be the one place.


def test_a_baseline_is_added_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = dataclasses.replace(baselines.BASELINES["resnet-18"], name="resnet-mine")
    monkeypatch.setattr(baselines, "BASELINES", {**baselines.BASELINES, spec.name: spec})
    assert CliRunner().invoke(cli, ["describe", spec.name]).exit_code == 0
    assert f"\n{spec.name},224," in CliRunner().invoke(cli, ["describe", "--format", "csv"]).output
    assert GridSettings(baseline=spec.name).full_baseline == spec


def test_every_baseline_is_in_the_manual() -> None:
    page = (ROOT.parent / "docs" / "own-network.md").read_text("utf-8")
    assert [
        name for name in baselines.BASELINES if name != "efficientnet-b0" and f"`{name}`" not in page
    ] == []


def test_a_column_is_added_in_one_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = kept_run(ROOT.parent / "reports" / "start-grown").record
    column = columns.Column(
        name="sharper",
        value=lambda row: row.candidate.resolution_multiplier,
        terminal=columns.Cell("{:.2f} x", head="sharper by"),
        head="times as sharp",
        page=lambda row: f"{row.candidate.resolution_multiplier:.3f} times",
    )
    table = dataclasses.replace(tables.CANDIDATES, columns=(*tables.CANDIDATES.columns, column))
    monkeypatch.setattr(tables, "CANDIDATES", table)
    monkeypatch.setenv("COLUMNS", "300")
    outcome = Outcome(
        kind="grid",
        folder=tmp_path,
        record=run,
        table=tables.candidates_table(run),
        page=tmp_path / "report.md",
    )
    trained = [c for c in run.candidates if c.status == "completed"]

    show(outcome, "csv")
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [float(row["sharper"]) for row in rows] == pytest.approx(
        [c.resolution_multiplier for c in run.candidates]
    )
    show(outcome, "table")
    printed = capsys.readouterr().out
    assert "sharper by" in printed
    assert all(f"{c.resolution_multiplier:.2f} x" in printed for c in trained)
    page = grid_page(run, figures=frozenset())
    (head,) = (line for line in page.splitlines() if "times as sharp" in line)
    assert head.startswith("| alpha, beta, gamma |")
    assert all(f" {c.resolution_multiplier:.3f} times |" in page for c in trained)


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.columns])
def test_a_terminal_shows_columns_of_the_csv_file(kind: Kind) -> None:
    chosen = loaded(kind.columns)
    assert isinstance(chosen, columns.Columns)
    assert chosen.cells
    assert set(chosen.cells) <= set(chosen.names)
    assert len(set(chosen.names)) == len(chosen.names)


SETTINGS: dict[str, tuple[type, ...]] = {
    "grid": (GridSettings,),
    "search": (SearchSettings,),
    "sweep": (SweepSettings,),
    "alternate": (AlternateSettings,),
    "scale": (ScaleSettings, FamilyTrainingSettings),
    "audit": (AuditSettings,),
    "fidelity": (FidelitySettings, Computing),
    "measure": (MeasureSettings, RoundingSettings),
    "compare": (CompareSettings,),
    "law": (LawSettings,),
    "explain": (RoundingSettings,),
    "resume": (Computing,),
}
# What is kept of what `--baseline`, `--recipe` and `--baseline-resolution` name, and what a command does not ask.
NOT_ASKED = {
    "": {"baseline_arch", "recipe_values", "baseline_resolution_width", "scratch_run"},
    "alternate": set(alternate.NOT_ASKED),
    "scale": {"phis", "start", "pretrained"},
    "audit": {"baseline", "start", "pretrained"},
    "fidelity": {"device", "usual_jobs"},
    "measure": {"networks"},
    "compare": {"a", "b"},
    "resume": {"usual_jobs"},
}


@pytest.mark.parametrize("command", SETTINGS)
def test_an_option_is_what_its_setting_makes_it(command: str) -> None:
    """No option of a command has a type, bounds, a default or a help beside those of the field."""
    loaded = cli.get_command(click.Context(cli), command)
    assert loaded is not None
    options = {param.name: param for param in loaded.params if isinstance(param, click.Option)}
    made: dict[str, list[object]] = {}
    for settings in SETTINGS[command]:
        for name in (name for name, told in settings_of(settings).items() if told.help and name in options):
            forms = {**FORMS, "lengths": Form(options[name].type, listed)}
            (param,) = click.command(option_of(settings, name, forms)(lambda: None)).params
            made.setdefault(name, []).append(_said(param))
    assert made
    assert [name for name, likely in made.items() if _said(options[name]) not in likely] == []
    fields = {field.name for settings in SETTINGS[command] for field in dataclasses.fields(settings)}
    assert fields - options.keys() <= NOT_ASKED[""] | NOT_ASKED.get(command, set())


def _said(option: click.Parameter) -> dict[str, object]:
    """What an option takes and says."""
    assert isinstance(option, Option)
    info = option.to_info_dict()
    return {**info, "group": option.group, "common": option.common, "more": option.more}


def test_an_option_is_added_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class WarmerSettings(GridSettings):
        warmth: float = setting(
            2.5, limit=Limit(0, 9, above=True), topic=Topic.TRAINING, help="How warm networks are trained."
        )
        order: str = setting("up", choices=("up", "down"), topic=Topic.SPACE, help="Where it starts.")

    begun = []

    @contextmanager
    def begin(_folder: Path, asked: GridSettings, *_others: object) -> Iterator[None]:
        begun.append(asked)
        yield

    monkeypatch.setattr(grid_plan, "GridSettings", WarmerSettings)
    monkeypatch.setattr("scalesearch.runs.lifecycle.begin_grid", begin)
    monkeypatch.setattr("scalesearch.runs.lifecycle.carry_on", lambda run: run)
    monkeypatch.setattr("scalesearch.cli.running.show", lambda *_: None)
    spec = importlib.util.spec_from_file_location("cli_of_warmer_grids", ROOT / "cli" / "grid.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    page = " ".join(CliRunner().invoke(module.grid, ["--help-all"]).output.split())
    assert "--warmth NUMBER How warm networks are trained. [default: 2.5; x>0]" in page
    assert "--order [up|down] Where it starts. [default: up]" in page
    result = CliRunner().invoke(module.grid, ["--warmth", "3", "--order", "down"])
    assert result.exit_code == 0, result.output
    assert [(asked.warmth, asked.order) for asked in begun] == [(3.0, "down")]
    assert CliRunner().invoke(module.grid, []).exit_code == 0
    assert begun[1].to_dict() == {**begun[0].to_dict(), "warmth": 2.5, "order": "up"}
    for words in (["--warmth", "0"], ["--warmth", "10"], ["--order", "left"]):
        assert CliRunner().invoke(module.grid, words).exit_code == 2
    with pytest.raises(ValueError, match=re.escape("`warmth` must be at most 9, got 10")):
        WarmerSettings(warmth=10)
    with pytest.raises(ValueError, match=re.escape("`order` must be one of up, down, got 'left'")):
        WarmerSettings(order="left")


def test_an_executor_is_added_in_one_place() -> None:
    """No other file makes one of a device, and what runs jobs knows the protocol's two methods alone."""
    makers = [path for path in ROOT.rglob("*.py") if "DeviceExecutor(" in path.read_text("utf-8")]
    assert [path.relative_to(ROOT).as_posix() for path in makers] == ["workers/executor.py"]
    for name in (name for name in vars(Executor) if not name.startswith("_")):
        parameters = list(inspect.signature(getattr(Executor, name)).parameters)
        for executor in (ProcessExecutor, DeviceExecutor):
            assert list(inspect.signature(getattr(executor, name)).parameters) == parameters


def test_every_command_with_a_page_makes_it_the_one_way() -> None:
    views = sorted((ROOT / "commands").glob("*/view.py"))
    assert len(views) > 8
    for view in views:
        text = view.read_text("utf-8")
        assert "write_pages(" in text, view
        template = view.with_name("page.md.j2")
        text += template.read_text("utf-8") if template.exists() else ""
        assert "words_and_numbers(" in text or view.parent.name == "explain", view
    writers = [p for p in ROOT.rglob("*.py") if 'PAGE = "report.html"' in p.read_text("utf-8")]
    assert len(writers) == 1
