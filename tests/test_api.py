"""The Python API: the same runs, tables and errors as the command line's."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from click.testing import CliRunner

import scalesearch as ss
from scalesearch.cli import cli
from scalesearch.page.markdown import plain_lines
from scalesearch.records import CandidateRecord
from tests.golden.make import REPORTS, STORED, restored
from tests.study.conftest import Lab

TINY: dict[str, Any] = {
    "step": 0.2,
    "tolerance": 0.3,
    "max_networks": 3,
    "baseline_width": 0.125,
    "baseline_resolution": 16,
    "images": 64,
    "batch_size": 16,
    "held_out": 18,
    "seeds": 2,
    "latency": False,
    "device": "cpu",
    "jobs": 1,
    "match": "none",
}
TABLES = ("candidates.csv", "pareto.csv", "runs.csv", "looks.csv")


@pytest.fixture(autouse=True)
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    """In place of worker processes."""
    made = Lab()
    for module in ("scalesearch.runs.planning", "scalesearch.workers.executor"):
        monkeypatch.setattr(f"{module}.ProcessExecutor", made.executor)
    return made


def _options(settings: dict[str, Any]) -> list[str]:
    return [
        f"--{'' if value is not False else 'no-'}{name.replace('_', '-')}"
        + (f"={value}" if value is not False else "")
        for name, value in settings.items()
    ]


def test_the_public_names() -> None:
    errors = [
        "EmptyGridError",
        "FolderError",
        "RunFailedError",
        "ScalesearchError",
        "StoppedError",
        "StudyError",
    ]
    kinds = [
        "alternate",
        "audit",
        "compare",
        "fidelity",
        "grid",
        "law",
        "measure",
        "search",
        "sweep",
        "transfer",
    ]
    others = ["baselines", "count", "family", "hand_over", "open", "scale", "train_family"]
    assert ss.__all__ == sorted(["Answer", "Measurements", "Network", "Run", *errors, *kinds, *others])
    assert all(getattr(ss, name).__doc__ for name in ss.__all__)
    assert set(ss.__all__) <= set(dir(ss))
    with pytest.raises(AttributeError, match="no attribute 'gird'"):
        _ = ss.gird  # type: ignore[attr-defined]


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, scalesearch as ss; net = ss.scale('efficientnet-b0', depth=1.4); net.macs; ss.baselines(); "
        "print([name for name in ('torch', 'numpy', 'optuna', 'pandas', 'click') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_network_is_scaled_counted_and_built() -> None:
    net = ss.scale("efficientnet-b0", depth=1.4, width=1.2, resolution=1.34)
    assert (net.resolution, net.macs) == (300, ss.count(net).macs)
    assert "M multiply-adds" in net.card()
    small = ss.scale("efficientnet-b0", width=0.125, resolution=0.15)
    assert sum(p.numel() for p in small.build().parameters()) == small.params
    assert ss.scale(small).spec == small.spec


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("efficientnet-b9", r"^`network` must be one of .*, got 'efficientnet-b9'; did you mean"),
        (
            lambda **_: None,
            "^`network` must be a function of a module .* put it into a file",
        ),
    ],
)
def test_what_is_no_network_is_refused(network: object, message: str) -> None:
    with pytest.raises(ss.ScalesearchError, match=message) as refused:
        ss.scale(network)
    assert (refused.value.field, refused.value.exit_code) == ("network", 2)


def test_a_grid_is_the_command_lines(tmp_path: Path) -> None:
    heard: list[CandidateRecord] = []
    run = ss.grid(phi=1, out=tmp_path / "api", on_result=heard.append, **TINY)
    result = CliRunner().invoke(cli, ["grid", "--phi=1", f"--out={tmp_path / 'cli'}", *_options(TINY)])
    assert result.exit_code == 0, result.output
    for name in TABLES:
        assert (run.folder / name).read_bytes() == (tmp_path / "cli" / name).read_bytes(), name
    assert len(heard) == 6
    assert {len(candidate.runs) for candidate in heard} == {1}
    assert len(run.table) == len(ss.open(run.folder).table)
    assert set(run.pareto["key"]) <= set(run.table["key"])
    assert run.answer.best is None
    assert run.answer.lines[0].startswith("No answer yet")
    assert repr(run.answer) == "\n".join(run.answer.lines)
    assert repr(run) == f"scalesearch.open({str(run.folder)!r})"
    assert run.report() == run.folder / "report.html"


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path, lab: Lab) -> None:
    def stop(_: CandidateRecord) -> None:
        raise KeyboardInterrupt

    with pytest.raises(ss.StoppedError, match="kept.*Go on with: scalesearch resume"):
        ss.grid(out=tmp_path / "run", on_result=stop, **TINY)
    ss.grid(out=tmp_path / "run", **TINY)
    trained = len(lab.ledger)
    ss.grid(out=tmp_path / "run", **TINY)
    assert len(lab.ledger) == trained


def _same(folder: Path, other: Path, *names: str) -> None:
    """Two folders have the same tables, and their runs the same settings."""
    for name in names:
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name
    kind = ss.open(folder).kind
    settings = [tomllib.loads((place / "run.toml").read_text())[kind] for place in (folder, other)]
    assert settings[0] == settings[1]


def _run(*arguments: object) -> None:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


def _without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in TINY.items() if name not in names}


GRIDS_OWN = ("step", "tolerance", "max_networks", "match")


def test_rounds_are_the_command_lines(tmp_path: Path) -> None:
    tiny = TINY | {"max_rounds": 1}
    run = ss.alternate(out=tmp_path / "api", **tiny)
    _run("alternate", f"--out={tmp_path / 'cli'}", *_options(tiny))
    _same(run.folder, tmp_path / "cli", "runs.csv", "looks.csv")
    assert len(run.table) == 1
    assert run.answer.lines[1].startswith("The answer has not settled: the answer still changed")
    page = (run.folder / "report.md").read_text("utf-8")
    assert run.answer.lines == plain_lines(page.split("\n\n")[1])
    assert run.resume().folder == run.folder


def test_a_trained_family_is_the_command_lines(tmp_path: Path) -> None:
    tiny = _without(*GRIDS_OWN) | {"seeds": 1}
    run = ss.train_family(phi=(0, 1), out=tmp_path / "api", **tiny)
    _run("scale", "--train", "--phi=0,1", f"--out={tmp_path / 'cli'}", *_options(tiny))
    _same(run.folder, tmp_path / "cli", "trained.csv", "family.csv", "runs.csv")
    assert (run.kind, run.table["phi"].tolist()) == ("scale", [0, 1])
    assert run.answer.lines[0].startswith("Does accuracy rise with phi here?")


def test_an_audit_is_the_command_lines(tmp_path: Path) -> None:
    run = ss.audit(baselines="mobilenet-v2", out=tmp_path / "api")
    _run("audit", "--baseline=mobilenet-v2", f"--out={tmp_path / 'cli'}")
    _same(run.folder, tmp_path / "cli", "audit.csv", "rules.csv")
    assert set(run.table["baseline"]) == {"mobilenet-v2"}
    assert len(run.answer.lines) == 3
    tiny = _without(*GRIDS_OWN) | {"seeds": 1}
    trained = ss.audit(baselines="mobilenet-v2", train=True, phi=1, out=tmp_path / "api", **tiny)
    _run(
        *("audit", "--train", "--baseline=mobilenet-v2", "--phi=1", f"--out={tmp_path / 'cli'}"),
        *_options(tiny),
    )
    _same(trained.folder, tmp_path / "cli", "audit.csv", "order.csv")
    with pytest.raises(ss.ScalesearchError, match="^`seeds` must come with `train`"):
        ss.audit(seeds=2)
    with pytest.raises(ValueError, match="^`baselines` must be one or more of mobilenet-v1, .*, got b0$"):
        ss.audit(baselines="b0")
    with pytest.raises(ValueError, match="^`baselines` must be one or more of .*, got resnet-50, b0$"):
        ss.audit(baselines=["resnet-50", "b0"])


def test_a_network_is_exported_as_on_the_command_line(tmp_path: Path, finished_run: Path) -> None:
    weights = ss.hand_over(ss.open(finished_run), to=("safetensors",), out=tmp_path / "api")
    _run("export", finished_run, "--to=safetensors", f"--out={tmp_path / 'cli'}")
    for name in ("spec.json", "network.safetensors"):
        assert (weights.folder / name).read_bytes() == (tmp_path / "cli" / name).read_bytes()
    assert [item.format for item in weights.files] == ["safetensors"]
    with pytest.raises(
        ss.ScalesearchError, match="^`canditate` is no setting of hand_over; did you mean candi"
    ):
        ss.hand_over("b0", canditate="x")
    with pytest.raises(ValueError, match="^`opset` must be at most 23, got 99$"):
        ss.hand_over("b0", untrained=True, opset=99)
    with pytest.raises(ValueError, match="^`to` must be one or more of onnx, .*got tflite$"):
        ss.hand_over("b0", untrained=True, to=["tflite"])


@pytest.mark.slow
def test_a_grid_is_judged_and_compared_as_on_the_command_line(tmp_path: Path) -> None:
    tiny = TINY | {"seeds": 1, "max_networks": 8, "step": 0.1}
    grids = [ss.grid(out=tmp_path / name, seed=seed, **tiny) for seed, name in enumerate(("a", "b"))]
    shutil.copytree(grids[0].folder, tmp_path / "cli" / "a")
    run = ss.fidelity(grids[0], lengths=(2,), networks=7)
    assert (run.kind, run.folder) == ("fidelity", grids[0].folder / "fidelity")
    assert run.table["multiple"].tolist() == [1, 2]
    assert run.answer.lines
    _run("fidelity", tmp_path / "cli" / "a", "--lengths=2", "--networks=7")
    _same(run.folder, tmp_path / "cli" / "a" / "fidelity", "fidelity.csv", "networks.csv")
    both = ss.transfer(*grids, out=tmp_path / "both")
    _run("transfer", *(grid.folder for grid in grids), f"--out={tmp_path / 'cli' / 'both'}")
    _same(both.folder, tmp_path / "cli" / "both", "pairs.csv", "rates.csv")
    assert len(both.table) == 2
    assert len(both.answer.lines) == 3
    assert both.report().is_file()
    with pytest.raises(
        ss.FolderError,
        match=r"^`dir` must hold a run of grid, search, sweep .*one of transfer: that has a table and an answer$",
    ):
        _ = both.pareto
    with pytest.raises(ss.ScalesearchError, match="^`lengths` must be multiples"):
        ss.fidelity(grids[0], lengths=(1,))
    with pytest.raises(ss.ScalesearchError, match="^`job` must be one of jobs, .*did you mean jobs"):
        ss.fidelity(grids[0], job=1)


# Runs of every kind, as tests/golden has them: what is opened, and the CSV file of its table.
OPENED = {
    "grid-design": ("run", "candidates.csv"),
    "search-tpe": ("run", "trials.csv"),
    "sweep-one": ("run", "sweep.csv"),
    "scale-train": ("run", "trained.csv"),
    "alternate": ("run", "rounds.csv"),
    "fidelity": ("run/fidelity", "fidelity.csv"),
    "audit": ("run", "audit.csv"),
    "audit-train": ("run", "audit.csv"),
    "measure": ("run", "measurements.csv"),
    "law": ("run", "laws.csv"),
    "compare": ("run", ""),
}


@pytest.mark.parametrize("name", OPENED)
def test_a_folder_of_every_kind_is_opened(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, csv = OPENED[name]
    shutil.copytree(STORED / name, tmp_path / "here")
    restored(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    run = ss.open(folder)
    assert run.kind == name.partition("-")[0]
    table = run.table
    assert len(table)
    assert all(run.answer.lines)
    # Nothing was written so far.
    assert {path: path.read_bytes() for path in Path().rglob("*") if path in before} == before
    assert run.report() == Path(folder) / "report.html"
    if csv:
        pd.testing.assert_frame_equal(
            pd.read_csv(io.StringIO(table.to_csv(index=False))), pd.read_csv(Path(folder) / csv)
        )


def test_finished_measurements_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(STORED / "compare-stored", tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    before = ss.open("before")
    run = ss.compare(before, "after", out="both")
    assert run.kind == "compare-stored"
    assert run.table["difference"].isin(["shown", "not shown"]).all()
    assert any("B takes" in line for line in run.answer.lines)
    _run("compare", "before", "after", "--out=cli")
    assert Path("both/samples.csv").read_bytes() == Path("cli/samples.csv").read_bytes()
    with pytest.raises(ss.ScalesearchError, match="^`a` and `b` must both be networks or both be finished"):
        ss.compare(before, "b0")
    # The tables of measurements stand in for their raw files; without samples.csv the one of figures is left.
    whole = before.table
    page = before.report().read_bytes()
    Path("before/networks.json").unlink()
    assert before.report().read_bytes() == page
    assert ss.compare("before", "after", out="again").table.equals(run.table)
    with pytest.raises(
        ss.FolderError, match=r"its tables are enough for scalesearch report before, not to go on"
    ):
        before.resume()
    Path("before/samples.csv").unlink()
    assert len(ss.open("before").table) == len(whole)
    with pytest.raises(ss.FolderError, match=r"^`dir` must hold the raw files .*to measure again.*measure"):
        before.report()


@pytest.mark.parametrize("name", ["law-215546cd", "measure-b0-b7"])
def test_a_committed_report_of_times_says_what_its_tables_do(name: str) -> None:
    run = ss.open(REPORTS / name)
    assert any("unstable" in line for line in run.answer.lines)
    assert len(run.table) == len(
        pd.read_csv(REPORTS / name / ("laws.csv" if "law" in name else "measurements.csv"))
    )
    with pytest.raises(ss.FolderError, match=r"holds one of (law|measure): that has a table and an answer"):
        _ = run.pareto


def test_of_a_report_without_all_that_it_was_made_of_the_table_is_left() -> None:
    run = ss.open(REPORTS / "step1-equal-cost-quick" / "fidelity")
    assert (run.kind, run.table["multiple"].tolist()) == ("fidelity", [0.5, 1, 4])
    with pytest.raises(
        ss.FolderError, match=r"its page is what is left; to train anew: scalesearch fidelity"
    ):
        _ = run.answer


def test_a_folder_without_a_run_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(
        ss.FolderError,
        match=r"holds what scalesearch scale wrote.*family\.csv.* shows its page, which ends with its command$",
    ):
        ss.open(REPORTS / "step2-efficientnet-b0")
    with pytest.raises(ss.FolderError, match="^`dir` must be the folder of a run of grid, .*holds none$"):
        ss.open(tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sed": 1}, "^`sed` is no setting of grid; did you mean seed"),
        ({"step": 0}, "^`step` must be"),
        ({"images": "many"}, "^`images` must be"),
        ({"baseline": "resnet"}, "^`baseline` must be one of"),
        ({"dataset": "mnist"}, "^`dataset` must be one of"),
        ({"dataset": 7}, "^`dataset` must be a dataset's name, a torch Dataset"),
        ({"phi": 0}, "^`phi` must be another number than 0 for a search, got 0: "),
        (
            {"phi": 2, "budget": "macs=1G"},
            "^`phi` must be left out beside `budget`, .* got 2 beside macs=1G$",
        ),
        ({"rungs": ("3:1",), "time_budget": 60.0}, "^`time_budget` says how many"),
    ],
)
def test_bad_settings_name_themselves_and_leave_nothing(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ss.grid(out=tmp_path / "run", **TINY | changed)
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    ss.grid(out=tmp_path / "run", **TINY)
    with pytest.raises(ss.FolderError, match=r"^`out` must be a folder without a run of other settings"):
        ss.grid(out=tmp_path / "run", **TINY | {"images": 32})
    with pytest.raises(ss.FolderError, match=r"^`dir` must be a run's folder"):
        ss.open(tmp_path / "nothing")


class _Squares(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.full((3, 16, 16), index / 40), index % 2


def test_a_dataset_is_written_once_and_is_one_for_the_command_line(tmp_path: Path) -> None:
    run = ss.grid(out=tmp_path / "run", dataset=_Squares(), **TINY)
    items = [_Squares()[i] for i in range(40)]
    images, labels = torch.stack([i for i, _ in items]), torch.tensor([label for _, label in items])
    ss.grid(out=tmp_path / "run", dataset=lambda: (images, labels), **TINY)
    (file,) = (run.folder / "data").iterdir()
    options = [f"--out={tmp_path / 'cli'}", f"--dataset=tensors:{file}", *_options(TINY)]
    assert CliRunner().invoke(cli, ["grid", *options]).exit_code == 0
    assert (run.folder / "runs.csv").read_bytes() == (tmp_path / "cli" / "runs.csv").read_bytes()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ss.scale("resnet-18", depht=2), "`depht` must be one of depth, width, resolution, "),
        (lambda: ss.scale("resnet-18", depth="2"), "`depth` must be a number > 0, got '2'"),
        (
            lambda: ss.family(phi=()),
            "`phi` must be a number, or at least one in a list or a range, such as range(4) or [0, 1.5], got ()",
        ),
        (
            lambda: ss.family(phi="0..3"),
            "`phi` must be a number, or at least one in a list or a range, such as range(4) or [0, 1.5], got '0..3'",
        ),
        (
            lambda: ss.sweep(phi=None),
            "`phi` must be a number, or at least one in a list or a range, such as range(4) or [0, 1.5], got None",
        ),
        (lambda: ss.family(0.5, 1, 1, phi=1), "`alpha` must be >= 1, got 0.5"),
        (
            lambda: ss.grid(dataset=lambda: 3),
            "a function that returns them, got a function that returned int",
        ),
        (lambda: ss.open(__file__), f"`dir` must be a run's folder, got {__file__}: a file"),
        (
            lambda: ss.transfer(REPORTS / "step1-efficientnet-b0"),
            "`dirs` must be two runs or more, each an argument, got 1: "
            "scalesearch.transfer('reports/A', 'reports/B')",
        ),
        (
            lambda: ss.fidelity(REPORTS / "step1-efficientnet-b0", lengths="2"),
            "`lengths` must be a number, or at least one in a list or a range, such as [0.5, 2, 4], got '2'",
        ),
    ],
    ids=[
        *("a misspelt rule", "no number", "no phi", "a text of phi", "phi that is none", "alpha below 1"),
        *("a function of no images", "a file", "one run", "a text of lengths"),
    ],
)
def test_bad_arguments_name_themselves(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_a_family_of_one_phi() -> None:
    assert list(ss.family(phi=1)["phi"]) == [1.0]
    assert repr(ss.scale("resnet-18", resolution=0.5)) == "<Network resnet-18 at 112 px>"
