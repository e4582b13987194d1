"""Hostile command lines and files end in one line and an exit code, never in a traceback or a hang."""

from __future__ import annotations

import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from click.testing import CliRunner

from scalesearch.cli import cli
from scalesearch.cli.main import FAULT
from scalesearch.text import UNSEEN
from tests.cli.hostile import Place, case
from tests.commands.fakes import Bench, Job
from tests.conftest import TINY
from tests.study.conftest import Lab

CASES = 60
MANY = 2500
CPU_S = 60
"""Seconds of the processor after which a case hangs: none takes more than two."""
SMALL = ("efficientnet-b0:1,0.125,0.1", "efficientnet-b0:2,0.125,0.1", "--threads=1", "--device=cpu")


class Reached(BaseException):
    """The command would now train or measure: nothing was wrong with what it was given."""


class Hung(BaseException):
    """The command does not end."""


def _reached(*_args: object, **_options: object) -> None:
    raise Reached


def _run(*words: object) -> None:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == 0, result.output


def _searches(root: Path, monkeypatch: pytest.MonkeyPatch, *, whole: bool) -> None:
    lab = Lab()
    monkeypatch.setattr("scalesearch.runs.planning.ProcessExecutor", lab.executor)
    monkeypatch.setattr("scalesearch.workers.executor.ProcessExecutor", lab.executor)
    tiny = ("--max-networks=8" if whole else "--max-networks=6", *TINY[1:], "--no-keep-weights")
    rest = tiny[1:]
    _run("grid", f"--out={root / 'grid'}", *tiny)
    if not whole:
        return
    _run("fidelity", root / "grid", "--lengths=0.5,2", "--networks=7")
    _run("search", f"--out={root / 'search'}", "--trials=3", *rest)
    _run("sweep", f"--out={root / 'sweep'}", "--phi=1", *rest)
    _run("alternate", f"--out={root / 'alternate'}", "--max-rounds=2", *tiny)
    no_latency = [word for word in rest if "latency" not in word]
    _run("scale", "--train", "--phi=0,1", f"--out={root / 'scale'}", *no_latency)
    _run(
        "audit",
        "--train",
        "--baseline=resnet-50",
        f"--out={root / 'audit'}",
        *rest,
        "--baseline-resolution=64",
    )
    _run("grid", f"--out={root / 'other'}", *tiny, "--baseline=resnet-18")
    _run("transfer", root / "grid", root / "other", f"--out={root / 'transfer'}")


def _measurements(root: Path, monkeypatch: pytest.MonkeyPatch, *, whole: bool) -> None:
    def fails(job: Job) -> str | None:
        return None if "memory" in job or "pairs" in job else "not faked"

    bench = Bench(fails=fails)
    monkeypatch.setattr("scalesearch.runs.planning.ProcessExecutor", bench.executor)
    monkeypatch.setattr("scalesearch.commands.measure.run.no_room", lambda _arch, _setup: "")
    _run("measure", *SMALL, f"--out={root / 'measure'}")
    if whole:
        _run("compare", *SMALL, f"--out={root / 'compare'}")
        _run("law", "--random=3", *SMALL[2:], "--processes=1", f"--out={root / 'law'}")


def _originals(root: Path, *, whole: bool) -> dict[str, Path]:
    """Finished runs by name: of each kind of command, or with ``whole`` off of two."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _searches(root, monkeypatch, whole=whole)
        _measurements(root, monkeypatch, whole=whole)
    return {path.name: path for path in root.iterdir()}


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return _originals(tmp_path_factory.mktemp("two"), whole=False)


@pytest.fixture(scope="module")
def all_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return _originals(tmp_path_factory.mktemp("all"), whole=True)


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers and exports count as reached, and a case that hangs is ended."""
    monkeypatch.setattr("scalesearch.workers.executor.ProcessExecutor.__init__", _reached)
    monkeypatch.setattr("scalesearch.export.handover.hand_over", _reached)

    def hung(_number: int, _frame: FrameType | None) -> None:
        raise Hung

    # Of the processor's time: a busy machine makes no case a hang.
    before = signal.signal(signal.SIGPROF, hung)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


def _faults(place: Place, seeds: range, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What went wrong, a line for each case: its seed, its words and why."""
    found = []
    for seed in seeds:
        for path in place.root.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        words = case(place, random.Random(seed))
        monkeypatch.setattr(sys, "argv", ["scalesearch", *words])
        if wrong := _wrong(words):
            found.append(f"seed {seed}: {[word[:200] for word in words]}: {wrong}")
    return found


def _wrong(words: list[str]) -> str:
    """What is wrong with how a command line ends; empty where nothing is."""
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    try:
        result = CliRunner().invoke(cli, words)
    except Reached:
        return ""
    except Hung:
        return "it hangs"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return f"it raises {result.exception!r}"
    lines = result.stderr.splitlines()
    if FAULT in result.stderr or "Traceback" in result.stderr:
        return lines[-1]
    if result.exit_code not in (0, 1, 2, 3):
        return f"exit code {result.exit_code}"
    if result.exit_code and not (lines and lines[-1].startswith("Error: ")):
        return f"exit code {result.exit_code} without an error: {lines[-1:]}"
    return "it prints what a terminal obeys" if UNSEEN.search(result.output) else ""


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="needs SIGPROF")
def test_hostile_words_and_files_end_in_one_line(
    tmp_path: Path, two_runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _faults(Place(tmp_path, two_runs), range(CASES), monkeypatch) == []


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="needs SIGPROF")
def test_many_hostile_words_and_files_end_in_one_line(
    tmp_path: Path, all_runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    faults = _faults(Place(tmp_path, all_runs), range(10_000, 10_000 + MANY), monkeypatch)
    assert not faults, "\n".join(faults)
