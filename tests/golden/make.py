"""The golden records: small stored runs of every kind, made by hand with the commands that are written here.

Run from the root of the repository, with the names of records, or with none for all::

    python -m tests.golden.make grid-design search-tpe

Each record is made anew in a folder of its own by the command line. Networks of most are trained by the fake workers of
``tests/study/conftest.py``, whose accuracies differ as those of tiny networks, trained for seconds, do not; what is
killed, exported or timed is real (some minutes for all). A record is in ``tests/golden/stored/NAME`` without the
pages, tables and figures that ``scalesearch report`` makes of it. A study is kept as SQL text. Then
``pytest tests/golden --update-golden`` writes what today's code makes of the records to ``tests/golden/expected``.
That alone is what a change of words or tables needs: records are made again only where their form changes.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from scalesearch.cli import cli
from tests.processes import started
from tests.study.conftest import Lab

__all__ = ["RECORDS", "REPORTS", "SLOW", "STORED", "TABLES_OF_RUNS", "Record", "packed", "restored"]

HERE = Path(__file__).parent
STORED = HERE / "stored"
REPORTS = HERE.parents[1] / "reports"
TABLES_OF_RUNS = ("run.toml", "study.csv", "plan.csv", "runs.csv", "looks.csv", "latency.csv")
"""What ``report`` reads of a run without its study."""

TINY = (
    "--baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 "
    "--held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings"
)
"""Networks of an eighth of the width at 16 px, six steps of training: a second or two for each run."""
COARSE = "--step=0.25 --tolerance=0.3"
"""Few networks, so that tables are short."""
QUICK = "--processes=2 --min-time=0.02s --threads=1 --device=cpu"
"""Of measurements: few samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A stored run, and the command whose page, tables and terminal text are compared with what is expected.

    Attributes:
        made: the command lines that make it, one after another, from a folder of its own.
        shown: the command line that the test gives, in a copy of that folder.
        read: committed reports (``reports/NAME``) whose tables of single runs ``shown`` reads as well.
        machine: the page tells of the machine that ``shown`` runs on, so that this part is left out.
        killed: ``made`` is killed while its third network trains.
        real: training is.
        trains: ``shown`` trains, so that only what every processor gives is compared.
    """

    made: tuple[str, ...] = ()
    shown: str
    read: tuple[str, ...] = ()
    machine: bool = False
    killed: bool = False
    real: bool = False
    trains: bool = False


SLOW = ("scale", "sweep-committed")
"""They take the seconds of ten others: EfficientNet-B7 is counted, a power law is fitted again and again."""


def _run(command: str, *, shown: str = "report run", real: bool = False) -> Record:
    return Record(made=(f"{command} --out run",), shown=shown, real=real)


RECORDS = {
    # Answers: the committed reports of real runs, which have what tiny ones can't show.
    "grid-committed": Record(read=("step1-efficientnet-b0",), shown="report reports/step1-efficientnet-b0"),
    "grid-confirmed": Record(
        read=("step1-efficientnet-b0-16000",), shown="report reports/step1-efficientnet-b0-16000"
    ),
    "grid-grown": Record(read=("start-grown", "start-scratch"), shown="report reports/start-grown"),
    "sweep-committed": Record(read=("sweep-efficientnet-b0",), shown="report reports/sweep-efficientnet-b0"),
    "transfer-committed": Record(
        read=("step1-efficientnet-b0", "step1-mobilenet-v2", "step1-resnet-18"),
        shown="transfer reports/step1-efficientnet-b0 reports/step1-mobilenet-v2 reports/step1-resnet-18 --out run",
    ),
    "grid-design": _run(
        f"grid --phi 1 --seeds 2 --max-networks 8 --step=0.1 --check-recipe --confirm 2 --no-latency {TINY}"
    ),
    "grid-paper-rule": _run(f"grid --phi 1 --match none --max-networks 8 --seeds 2 {COARSE} {TINY}"),
    "grid-few": _run(f"grid --phi 1 --max-networks 3 {COARSE} {TINY}"),
    "grid-rungs": _run(
        f"grid --phi 1 --rungs 4:0.5,2:1 --seeds 2 --no-latency {COARSE} {TINY}",
        shown="report run --format csv",
    ),
    "grid-rungs-smaller": _run(f"grid --phi -1 --rungs 3:0.5,1:1 --match none {COARSE} {TINY}"),
    "search-tpe": _run(f"search --phi 1 --sampler tpe --trials 4 --no-latency {TINY}"),
    "search-nsga2": _run(
        f"search --objectives top1,macs --sampler nsga2 --trials 6 --seeds 2 {TINY}",
        shown="report run --format json",
    ),
    "sweep": _run(f"sweep --phi 0.5,1 --seeds 2 --no-latency {TINY}"),
    "sweep-one": _run(f"sweep --phi 1 {TINY}"),
    "alternate": _run(f"alternate --max-networks 3 --max-rounds 2 --no-latency {COARSE} {TINY}"),
    "alternate-macs": _run(
        f"alternate --budget macs --budget-ratio 2 --max-networks 2 --max-rounds 2 --seeds 2 {COARSE} {TINY}"
    ),
    "fidelity": Record(
        made=(
            f"grid --phi 1 --max-networks 7 --step=0.1 --seeds 1 --no-latency {TINY} --out run",
            "fidelity run --lengths 2",
        ),
        shown="report run/fidelity",
    ),
    "scale": Record(
        shown="scale --alpha 1.2 --beta 1.1 --gamma 1.15 --phi 0..7 --no-latency --out run", machine=True
    ),
    "scale-budget": Record(
        shown="scale --baseline mobilenet-v2 --alpha 1.1 --beta 1.2 --gamma 1.1 --budget macs=800M --no-latency --out run",
        machine=True,
    ),
    "scale-train": _run(
        f"scale --train --train-phi=0,1,2 --phi=0,1 --seeds=2 --no-latency --alpha=1.2 --beta=1.1 --gamma=1.15 {TINY}"
    ),
    "scale-train-one": _run(f"scale --train --train-phi=0,1 --phi=0,1 --baseline resnet-18 {TINY}"),
    "transfer": Record(
        made=tuple(
            f"grid --phi 1 --max-networks 8 --step=0.1 --seeds 2 --no-latency --baseline {name} {TINY} --out {name}"
            for name in ("mobilenet-v2", "efficientnet-lite0")
        ),
        shown="transfer mobilenet-v2 efficientnet-lite0 --out run",
    ),
    "audit": _run("audit"),
    "audit-train": _run(f"audit --train --baseline=mobilenet-v2 --phi=1 --seeds=2 --no-latency {TINY}"),
    "measure": _run(
        f"measure efficientnet-b0:1,0.25,0.3 mobilenet-v2:1,0.25,0.3 --batch-size 1,4 {QUICK}", real=True
    ),
    "measure-train": _run(
        f"measure resnet-18:1,0.25,0.2 --mode training --no-memory --batch-size 4 {QUICK}", real=True
    ),
    "compare": _run(
        f"compare efficientnet-b0:1,0.25,0.3 mobilenet-v2:1,0.25,0.3 --pairs 5 {QUICK.replace('--min-time=0.02s', '')}",
        real=True,
    ),
    "compare-stored": Record(
        made=tuple(
            f"measure mobilenet-v2:1,0.25,0.3 --no-memory {QUICK} --out {name}"
            for name in ("before", "after")
        ),
        shown="compare before after --out run",
        real=True,
    ),
    "law": _run(f"law --random 8 --baseline-width 0.25 --baseline-resolution 32 {QUICK}", real=True),
    "explain-b4": Record(shown="explain b4 --out run"),
    # Steps of rounding that are most of the gap, more than it, and of the other sign.
    "explain-b1": Record(shown="explain b1"),
    "explain-b7": Record(shown="explain b7"),
    "explain-lite4": Record(shown="explain lite4"),
    "explain-rule": Record(shown="explain efficientnet-b0 --alpha 1.2 --beta 1.1 --gamma 1.15 --phi 1"),
    "explain-variants": Record(shown="explain --list"),
    "explain-notebook": Record(shown="explain --variant notebook-keras"),
    "explain-mobilenet": Record(
        shown="explain mobilenet-v2 --depth 1.4 --width 1.2 --resolution 1.3 --format json"
    ),
    "explain-variant": Record(shown="explain --variant blog"),
    "describe": Record(shown="describe resnet-18"),
    "describe-toml": Record(shown="describe mobilenet-v2 --format toml"),
    "export-card": Record(
        made=(
            f"grid --phi 1 --max-networks 2 {COARSE} {TINY.replace('--no-keep-weights', '--baseline-width=0.04')} "
            "--no-latency --out run",
        ),
        shown="export run --to safetensors",
        real=True,
    ),
    "export-untrained": Record(shown="export efficientnet-b0:0.1,0.1,0.15 --untrained --to safetensors"),
    "killed": Record(
        made=(
            f"grid --phi 1 --max-networks 3 --no-latency {COARSE} {TINY.replace('--jobs=2', '--jobs=1')} "
            "--seeds=1 --dataset=photographs --out run",
        ),
        shown="resume run",
        real=True,
        killed=True,
        trains=True,
    ),
}

# What `report` makes again, and what it doesn't read.
MADE_AGAIN = ("*.md", "*.html", "figures", "logs", "events", ".begun-in", "driver.lock", "*.pid")


def packed(folder: Path, *, tables: bool) -> None:
    """Leaves of a run's folder what is read, with studies as SQL text; ``tables`` are kept where they are, too."""
    for pattern in MADE_AGAIN if tables else (*MADE_AGAIN, "*.csv"):
        for path in sorted(folder.rglob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in sorted(folder.rglob("study.db")):
        with sqlite3.connect(path) as database:
            path.with_suffix(".sql").write_text("\n".join(database.iterdump()) + "\n")
        database.close()
        path.unlink()


def restored(folder: Path) -> None:
    """A copy of a packed folder with its studies as databases again."""
    for path in sorted(folder.rglob("study.sql")):
        database = sqlite3.connect(path.with_suffix(".db"))
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(path.read_text())
        database.close()
        path.unlink()


def _drawings(folder: Path) -> None:
    """Three classes of small images that a few steps tell apart, though not all: noise with a tint or a stripe."""
    generator = np.random.default_rng(0)
    for label in range(3):
        (folder / f"kind{label}").mkdir(parents=True)
        for index in range(100):
            pixels = generator.normal(110, 55, (16, 16, 3))
            pixels[:, :, label] += 45 * generator.uniform(0, 1.4)
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(folder / f"kind{label}" / f"{index:03}.png")


def _scalesearch(command: str, folder: Path, *, killed: bool = False) -> None:
    arguments = [sys.executable, "-m", "scalesearch", *command.split()]
    paths = os.pathsep.join((str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    print("scalesearch", command, file=sys.stderr, flush=True)
    lines = ""
    with started(*arguments, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            lines += line
            if killed and line.startswith("[2/"):
                os.killpg(process.pid, signal.SIGKILL)
        if process.wait() != 0 and not killed:
            sys.exit(lines)


def _with_fake_workers(command: str, folder: Path) -> None:
    from tests.conftest import Rendering  # here, as it changes how figures are made

    Rendering.wanted, Rendering.laid_out, lab = False, False, Lab()
    print("scalesearch", command, file=sys.stderr, flush=True)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("scalesearch.runs.planning", "scalesearch.workers.executor"):
            patch.setattr(f"{module}.ProcessExecutor", lab.executor)
        patch.chdir(folder)
        patch.setattr("sys.argv", ["scalesearch", *command.split()])
        result = CliRunner().invoke(cli, command.split())
    if result.exit_code != 0:
        sys.exit(result.output)


def make(name: str) -> None:
    """Makes a record anew."""
    record = RECORDS[name]
    if not record.made:
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _drawings(folder / "drawings")
        for command in record.made:
            if record.real:
                _scalesearch(command, folder, killed=record.killed)
            else:
                _with_fake_workers(command, folder)
        shutil.rmtree(folder / "drawings")
        packed(folder, tables=record.shown.startswith("export"))
        shutil.rmtree(STORED / name, ignore_errors=True)
        shutil.copytree(folder, STORED / name)


if __name__ == "__main__":
    for asked in sys.argv[1:] or RECORDS:
        make(asked)
