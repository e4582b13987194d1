"""What a large study costs in its database: how long it loads, and what the driver itself does for a run.

    python experiments/benchmarks/storage_load.py load --runs 100000 --storage sqlite:////tmp/load.db
    python experiments/benchmarks/storage_load.py load --runs 100000 --storage postgresql://me@host/empty
    python experiments/benchmarks/storage_load.py drive --runs 10000 --storage postgresql://me@host/empty2

Each wants a database of its own, empty or filled by this program before. ``load`` fills it with a grid of so
many networks of one run each, its trials as the driver leaves them (the network's table, its run with eight
looks, the numbers for Optuna's own tools), then opens it in a process of its own and reads the record of
everything, from which tables and pages are made. ``drive`` has the product's own driver go through so many
networks, whose looks and results are made up at once: what is left is what the driver costs, the looks' files
included. It prints wall-clock and processor seconds, peak memory, and the statements that the database got
for a run.

The networks are those of a small grid over and over, under keys of their own: planning a hundred thousand
different ones takes longer than anything here.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import click
import sqlalchemy
from optuna.trial import FrozenTrial

sys.path.insert(0, str(Path(__file__).parent))

from load import MadeUp, Quiet, _finished, _parameters

from scalesearch.hardware.machine import machine, versions
from scalesearch.runs.kinds import program_of
from scalesearch.study.driver import Events, events_folder, run_search
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.study.plan import Plan, Planned
from scalesearch.study.storage import masked
from scalesearch.study.study import find_study, open_study
from scalesearch.training.dataset import PHOTOGRAPHS_SIZE

NAME = "storage-load"


def plan_of(networks: int) -> Plan:
    """A grid of so many networks, those of a small one over and over."""
    settings = GridSettings(step=0.05, max_networks=60, seeds=1, latency=False, jobs=8)
    small = plan_grid(settings, PHOTOGRAPHS_SIZE)
    chosen = [_again(small.chosen[i % len(small.chosen)], i) for i in range(networks)]
    return replace(small, chosen=tuple(chosen), skipped=(), order=tuple(p.record.key for p in chosen))


def _again(planned: Planned, number: int) -> Planned:
    key = hashlib.sha256(f"{planned.record.key} {number}".encode()).hexdigest()[: len(planned.record.key)]
    return replace(planned, record=replace(planned.record, key=key))


def facts_of(plan: Plan) -> Mapping[str, Any]:
    """What a study keeps of its run."""
    return plan.facts(name=NAME, command="scalesearch (made up)", machine=machine("cpu"), versions=versions())


def fill(url: str, runs: int) -> None:
    """A finished study of so many networks, in a database without one."""
    plan, start = plan_of(runs), perf_counter()
    study = open_study(url, NAME, create=True)
    parameters = _parameters(list(plan.chosen), plan.kind)

    def trials() -> Iterator[FrozenTrial]:
        for number, (planned, (params, ranges)) in enumerate(zip(plan.chosen, parameters, strict=True)):
            trial = _finished(planned, plan.settings, params, ranges, None)
            record = planned.record
            trial.user_attrs |= {
                "params": record.params,
                "macs": record.macs,
                "resolution": record.resolution,
            }
            yield trial
            if (number + 1) % 10_000 == 0:
                click.echo(f"  {number + 1:,} made up in {perf_counter() - start:.0f} s", err=True)

    with study.opened() as opened:
        study._storage.create_trials(opened._study_id, trials())
    study.begin(facts_of(plan), plan.chosen, ())
    study.set_session(0, 12.0 * runs)


def load(url: str) -> dict[str, float]:
    """Opens a study in this process and reads all of it; seconds, and MiB of memory at most."""
    wall, processor = perf_counter(), process_time()
    study = find_study(url, NAME)
    assert study is not None
    record = study.record()
    return {
        "networks": len(record.candidates),
        "runs": sum(len(candidate.runs) for candidate in record.candidates),
        "wall_s": perf_counter() - wall,
        "cpu_s": process_time() - processor,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def drive(url: str, runs: int) -> dict[str, float]:
    """Has the driver go through a study; milliseconds and statements for each run."""
    plan = plan_of(runs)
    study = open_study(url, NAME, create=True)
    asked: Counter[str] = Counter()
    made_up, made_up_cpu = [0.0], [0.0]

    class Timed(MadeUp):
        def submit(self, job: Any, on_step: Any, on_look: Any = None) -> Any:
            begun, processor = perf_counter(), process_time()
            future = super().submit(job, on_step)
            made_up[0] += perf_counter() - begun
            made_up_cpu[0] += process_time() - processor
            curve = future.result()["curve"]
            for looks in range(len(curve) + 1):
                on_look(curve[:looks], 1.5 * looks)
            return future

    with tempfile.TemporaryDirectory() as name, study.owned(Path(name), print):
        folder, begun = Path(name), perf_counter()
        study.begin(facts_of(plan), plan.chosen, ())
        enqueued = perf_counter() - begun

        @sqlalchemy.event.listens_for(study._storage.engine, "after_cursor_execute")
        def _count(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            asked[" ".join(statement.split()[:3])] += 1

        begun, processor = perf_counter(), process_time()
        run_search(
            study,
            plan.settings,
            folder / "checkpoints",
            lambda _jobs: Timed(),
            Quiet(),
            program_of(plan.kind),
            folder,
            events=Events(events_folder(folder, plan.kind, NAME), print, require_owned=study.require_owned),
        )
        wall, cpu = perf_counter() - begun, process_time() - processor
    for statement, number in asked.most_common(12):
        click.echo(f"  {number / runs:6.2f} a run: {statement}", err=True)
    return {
        "runs": runs,
        "enqueue_ms_a_run": 1000 * enqueued / runs,
        "wall_ms_a_run": 1000 * (wall - made_up[0]) / runs,
        "cpu_ms_a_run": 1000 * (cpu - made_up_cpu[0]) / runs,
        "statements_a_run": sum(asked.values()) / runs,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


@click.command
@click.argument("what", type=click.Choice(["load", "drive", "load-here"]))
@click.option("--runs", default=100_000, show_default=True)
@click.option("--storage", required=True, envvar="SCALESEARCH_STORAGE")
@click.option("--rounds", default=3, show_default=True, help="Times that it is loaded.")
def main(what: str, runs: int, storage: str, rounds: int) -> None:
    """Fill a database, load it, or have the driver go through one."""
    if what == "load-here":
        click.echo(json.dumps(load(storage)))
        return
    click.echo(f"machine: {machine('cpu')}")
    click.echo(f"storage: {masked(storage)}")
    if what == "drive":
        click.echo(json.dumps(drive(storage, runs)))
        return
    there = find_study(storage, NAME)
    if there is None or there.run is None:
        fill(storage, runs)
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, __file__, "load-here", "--storage", storage],
            check=True,
            capture_output=True,
            text=True,
        )
        click.echo(done.stdout.strip())


if __name__ == "__main__":
    main()
