"""What breaks first at a thousand nodes and a million runs: costs measured here, the rest simulated.

    python experiments/scale_simulation.py --out experiments/scale_simulation.md --storage postgresql://me@host/x

Ten minutes on two cores, and an empty database for each round (their names are the URL's with ``-1``, ``-2``,
... behind; without ``--storage`` they are files of SQLite). What is measured, several times, medians with
the least and the greatest: what the driver does for a run with its looks (made up, see
``benchmarks/storage_load.py``), for a look alone, and for a run when the study is begun; how long a study
takes to load and its report to write, for each network; what a run takes in memory, in the database and in
the folder. Then a driver with these costs serves nodes whose training runs last a minute, ten or an hour, by
events: a node that is done waits until the driver has taken its result and handed it the next run. Expect
nodes that hardly wait, and memory and the report as what gives way first.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import click

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import storage_load
from load import _trained

from scalesearch.hardware.machine import machine
from scalesearch.networks.baselines import baseline
from scalesearch.networks.cost import count
from scalesearch.records import RunRecord
from scalesearch.runs.kept import write_tables
from scalesearch.runs.kinds import write_report
from scalesearch.study.driver import Events
from scalesearch.study.storage import database_file
from scalesearch.study.study import find_study
from scalesearch.training.recipe import RECIPES
from scalesearch.workers.ray_engine import CHECKPOINT_BYTES_S

NODES = (1, 10, 100, 1000, 10_000)
RUN_S = (60.0, 600.0, 3600.0)
SEEDS = (0, 1, 2)
SIMULATED_RUNS = 20
"""Runs of each node that are simulated: what a driver can't keep up with shows within a few."""
SPREAD = 0.2
"""Of the lengths of runs, as the standard deviation over the mean."""
MEBIBYTE = 2**20
LOOKS = RECIPES["steady"].looks


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost as it was measured: its median over rounds, and the least and the greatest."""

    name: str
    unit: str
    rounds: tuple[float, ...]

    @property
    def value(self) -> float:
        """The median."""
        return median(self.rounds)

    @property
    def row(self) -> str:
        """As a row of a table."""
        least, greatest = min(self.rounds), max(self.rounds)
        return f"| {self.name} | {self.value:.3g} {self.unit} | {least:.3g} to {greatest:.3g} |"


def look_ms(folder: Path, runs: int) -> float:
    """Milliseconds of the driver for a look at held-out images, which it appends to the run's file."""
    planned = storage_load.plan_of(1).chosen[0]
    settings = storage_load.plan_of(1).settings
    job = {
        "key": "0",
        "arch": planned.arch.to_dict(),
        "recipe": settings.proxy_recipe.to_dict() | {"seed": 0},
        "until": None,
        "count": False,
    }
    curve = _trained(job)["curve"]
    run = {"network": planned.record.key, "recipe": job["recipe"], "seed": 0, "data": ""}
    events = Events(folder / "events", print)
    begun = process_time()
    for number in range(runs):
        for looks in range(1, len(curve) + 1):
            events.heard(f"{number}-seed0", run, curve[:looks], 1.0)
    return 1000 * (process_time() - begun) / (runs * len(curve))


def report_s(record: RunRecord, folder: Path) -> float:
    """Processor seconds that the tables and the page of a run take."""
    begun = process_time()
    write_tables([record], folder)
    write_report(record, folder)
    return process_time() - begun


def measured(url: str, folder: Path, runs: int) -> Mapping[str, tuple[str, float]]:
    """One round: each cost with its unit, by name."""
    driven = storage_load.drive(url, runs)
    study = find_study(url, storage_load.NAME)
    assert study is not None
    begun = process_time()
    record = study.record()
    loaded = process_time() - begun
    tracemalloc.start()
    study.record()
    grown = tracemalloc.get_traced_memory()[1] / 1024
    tracemalloc.stop()
    few, many = (replace(record, candidates=record.candidates[:n]) for n in (runs // 4, runs))
    report_s(few, folder / "warm")  # what is imported and laid out for the first time
    slope = (report_s(many, folder / "many") - report_s(few, folder / "few")) / (runs - runs // 4)
    file = database_file(url)
    events = folder / "looks"
    per_look = look_ms(events, 200)
    files = list(events.rglob("*.jsonl"))
    costs = {
        "driver, a run with its looks (processor)": ("ms", driven["cpu_ms_a_run"]),
        "driver, a run with its looks (wall clock)": ("ms", driven["wall_ms_a_run"]),
        "driver, statements of the database a run": ("", driven["statements_a_run"]),
        "driver, of that a look": ("ms", per_look),
        "beginning a study, a run": ("ms", driven["enqueue_ms_a_run"]),
        "loading, a run (processor)": ("ms", 1000 * loaded / runs),
        "report, a network (processor)": ("ms", 1000 * slope),
        "memory while it loads, a run": ("KiB", grown / runs),
        "events, a run": ("KiB", sum(path.stat().st_size for path in files) / len(files) / 1024),
        "tables, a run": (
            "KiB",
            sum(path.stat().st_size for path in (folder / "many").glob("*.csv")) / runs / 1024,
        ),
    }
    if file is not None:
        costs["database, a run"] = ("KiB", file.stat().st_size / runs / 1024)
    return costs


def simulate(nodes: int, run_s: float, serve_s: float, runs: int, seed: int) -> tuple[float, float]:
    """Runs handed out by one driver that does one thing at a time.

    Returns:
        The part of their time that nodes wait for it, and the part of its time that it is busy.
    """
    draw = random.Random(seed)

    def length() -> float:
        return max(0.1 * run_s, draw.gauss(run_s, SPREAD * run_s))

    free, busy, waited, trained = 0.0, 0.0, 0.0, 0.0
    ends: list[tuple[float, int]] = []
    for node in range(nodes):  # all of them are handed their first run one after another
        free += serve_s
        lasts = length()
        heapq.heappush(ends, (free + lasts, node))
        trained += lasts
    busy = free
    left = runs - nodes
    while ends and left > 0:
        done, node = heapq.heappop(ends)
        start = max(done, free)
        free, busy = start + serve_s, busy + serve_s
        waited += free - done
        lasts = length()
        trained += lasts
        heapq.heappush(ends, (free + lasts, node))
        left -= 1
    return waited / (waited + trained), busy / free


def page(costs: Sequence[Cost], storage: str, command: str, rounds: int, runs: int) -> str:
    """The figures as a page of Markdown."""
    by_name = {cost.name: cost for cost in costs}

    def of(name: str) -> float:
        return by_name[name].value

    lines = [
        "# A thousand nodes and a million runs, simulated",
        "",
        f"`{command}`, {rounds} rounds of {runs:,} runs, study in {storage}. The machine, with load averages "
        f"of {', '.join(f'{load:.1f}' for load in os.getloadavg())} (others worked on it):",
        "",
        "```json",
        json.dumps(machine("cpu"), indent=2),
        "```",
        "",
        "| measured | median | least to greatest |",
        "| :-- | --: | --: |",
        *(cost.row for cost in costs),
        "",
        "Simulated: the part of their time that nodes wait for the driver, and in brackets how busy it is "
        f"(three seeds, the worst; lengths of runs vary by {SPREAD:.0%}; {SIMULATED_RUNS} runs a node).",
    ]
    for way, name in (("processor time alone", "processor"), ("wall clock", "wall clock")):
        serve = of(f"driver, a run with its looks ({name})") / 1000
        lines += [
            "",
            f"| nodes, {way} | " + " | ".join(f"runs of {run_s:,.0f} s" for run_s in RUN_S) + " |",
            "| --: |" + " --: |" * len(RUN_S),
        ]
        for nodes in NODES:
            cells = []
            for run_s in RUN_S:
                ways = (simulate(nodes, run_s, serve, SIMULATED_RUNS * nodes, seed) for seed in SEEDS)
                waits, busy = max(ways)
                cells.append(f"{waits:.2%} ({busy:.1%})")
            lines.append(f"| {nodes:,} | " + " | ".join(cells) + " |")
    serve = of("driver, a run with its looks (processor)") / 1000
    total: list[tuple[str, Callable[[int], str]]] = [
        ("driver, all runs", lambda n: f"{n * serve / 3600:.2g} h"),
        ("beginning the study", lambda n: f"{n * of('beginning a study, a run') / 60_000:.2g} min"),
        ("loading it", lambda n: f"{n * of('loading, a run (processor)') / 60_000:.2g} min"),
        ("report", lambda n: f"{n * of('report, a network (processor)') / 60_000:.2g} min"),
        ("memory while it loads", lambda n: f"{n * of('memory while it loads, a run') / MEBIBYTE:.2g} GiB"),
        ("events", lambda n: f"{n * of('events, a run') / MEBIBYTE:.2g} GiB in {n:,} files"),
        ("tables", lambda n: f"{n * of('tables, a run') / MEBIBYTE:.2g} GiB"),
    ]
    if "database, a run" in by_name:
        total.append(("database", lambda n: f"{n * of('database, a run') / MEBIBYTE:.2g} GiB"))
    sizes = (10_000, 100_000, 1_000_000)
    lines += [
        "",
        "Extrapolated in proportion to the number of runs, one run a network:",
        "",
        "| | " + " | ".join(f"{size:,} runs" for size in sizes) + " |",
        "| :-- |" + " --: |" * len(sizes),
        *(f"| {name} | " + " | ".join(map(told, sizes)) + " |" for name, told in total),
        "",
    ]
    return "\n".join([*lines, *checkpoints()])


def checkpoints() -> list[str]:
    """What comes back to the driver's machine: weights, their mean and two moments, as often as it may."""
    proxy = storage_load.plan_of(1).chosen[0].record.params
    full = count(baseline("efficientnet-b0")).params
    sizes = {"the default proxy": proxy, "EfficientNet-B0": full}
    lines = [
        f"Checkpoints that reach the driver's machine from nodes of a cluster, at most {LOOKS} a run, four "
        "float32 numbers for each parameter (worked out, not measured): MiB/s, and in brackets what it would "
        "be if each look had one. A run sends one when as many bytes have had their turn, so that all of "
        f"them stay below {CHECKPOINT_BYTES_S / 1e6:.0f} MB/s. One whose node is lost loses at most what it "
        "trained in the time of the third column.",
        "",
        "| nodes | network | between two | "
        + " | ".join(f"runs of {run_s:,.0f} s" for run_s in RUN_S)
        + " |",
        "| --: | :-- | --: |" + " --: |" * len(RUN_S),
    ]
    for nodes in NODES[2:]:
        for name, params in sizes.items():
            size = 16 * params
            apart = size * nodes / CHECKPOINT_BYTES_S
            cells = []
            for run_s in RUN_S:
                sent = min(LOOKS, int(run_s / apart))
                rates = (nodes * looks * size / run_s / MEBIBYTE for looks in (sent, LOOKS))
                cells.append("{:,.3g} ({:,.3g})".format(*rates))
            told = " | ".join(cells)
            lines.append(f"| {nodes:,} | {name} ({params:,} parameters) | {apart:,.3g} s | {told} |")
    return [*lines, ""]


@click.command
@click.option("--storage", default="", help="URL of a database; its rounds are others beside it.")
@click.option("--runs", default=2000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--round-here", hidden=True, default="")
def main(storage: str, runs: int, rounds: int, out: Path | None, round_here: str) -> None:
    """Measure, simulate, and print a page of it."""
    if round_here:
        with tempfile.TemporaryDirectory() as name:
            click.echo(json.dumps(measured(round_here, Path(name), runs)))
        return
    found: dict[str, tuple[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        for number in range(1, rounds + 1):
            url = f"{storage}-{number}" if storage else f"sqlite:///{name}/{number}.db"
            done = subprocess.run(  # a process of its own, whose memory is that of one study
                [sys.executable, __file__, "--round-here", url, "--runs", str(runs)],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            for what, (unit, value) in json.loads(done.stdout).items():
                found.setdefault(what, (unit, []))[1].append(value)
    costs = [Cost(what, unit, tuple(values)) for what, (unit, values) in found.items()]
    where = " --storage URL" if storage else ""
    command = f"python experiments/scale_simulation.py --runs {runs} --rounds {rounds}{where}"
    begun = perf_counter()
    text = page(costs, "PostgreSQL" if storage else "SQLite", command, rounds, runs)
    click.echo(f"simulated in {perf_counter() - begun:.0f} s", err=True)
    if out is not None:
        out.write_text(text, "utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
