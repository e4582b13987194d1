"""The Python API: the same runs, tables and errors as the command line's."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import scalesearch as ss
from scalesearch.cli import cli
from scalesearch.records import CandidateRecord
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
    assert ss.__all__ == [
        *("Answer", "EmptyGridError", "FolderError", "Measurements", "Network", "Run", "RunFailedError"),
        *(
            "ScalesearchError",
            "StoppedError",
            "StudyError",
            "baselines",
            "count",
            "family",
            "grid",
            "measure",
        ),
        *("open", "scale", "search", "sweep"),
    ]
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


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sed": 1}, "^`sed` is no setting of grid; did you mean seed"),
        ({"step": 0}, "^`step` must be"),
        ({"images": "many"}, "^`images` must be"),
        ({"baseline": "resnet"}, "^`baseline` must be one of"),
        ({"dataset": "mnist"}, "^`dataset` must be one of"),
        ({"dataset": 7}, "^`dataset` must be a dataset's name, a torch Dataset"),
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
        (lambda: ss.family(phi=()), "`phi` must be a number, or at least one in a list or a range, got ()"),
        (
            lambda: ss.family(phi="0..3"),
            "`phi` must be a number, or at least one in a list or a range, got '0..3'",
        ),
        (
            lambda: ss.sweep(phi=None),
            "`phi` must be a number, or at least one in a list or a range, got None",
        ),
        (lambda: ss.family(0.5, 1, 1, phi=1), "`alpha` must be >= 1, got 0.5"),
        (
            lambda: ss.grid(dataset=lambda: 3),
            "a function that returns them, got a function that returned int",
        ),
        (lambda: ss.open(__file__), f"`dir` must be a run's folder, got {__file__}: a file"),
    ],
    ids=[
        *("a misspelt rule", "no number", "no phi", "a text of phi", "phi that is none", "alpha below 1"),
        *("a function of no images", "a file"),
    ],
)
def test_bad_arguments_name_themselves(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_a_family_of_one_phi() -> None:
    assert list(ss.family(phi=1)["phi"]) == [1.0]
    assert repr(ss.scale("resnet-18", resolution=0.5)) == "<Network resnet-18 at 112 px>"
