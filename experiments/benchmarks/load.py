"""What `report` and `resume` take on thousands of networks, and a dry run of a grid of a million points.

    python experiments/benchmarks/load.py /tmp/load --trials 1000,10000
    python experiments/benchmarks/load.py /tmp/load --dry-run

The runs are real studies, written by scalesearch's own driver; only the workers are made up: they give each
training run's curve from the network's own key and seed, at once. A run of more than 2,000 networks, which
would keep the driver busy for half an hour, is written as finished trials, with the same results. Every kind
of run is tried: a grid of two seeds whose networks many grid points share, the same by rungs, searches of one
and of two objectives, and a sweep over many budgets. Each command then runs in a process of its own; printed
are wall-clock and processor seconds and the peak of its memory, and how large the page and its figures are.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from scalesearch.commands.search.batches import SPACE
from scalesearch.commands.search.run import (
    SEED_POINTS,
    SearchSettings,
    Suggester,
    objective_values,
    plan_search,
    point_of,
    shares_at,
)
from scalesearch.commands.sweep.run import ROLES, SweepSettings, plan_sweep
from scalesearch.hardware.machine import machine
from scalesearch.networks.cost import count
from scalesearch.networks.spec import arch_from_dict
from scalesearch.records import CandidateRecord, RungRecord
from scalesearch.runs.folder import write_run_file
from scalesearch.runs.kinds import program_of
from scalesearch.runs.lifecycle import begin_study
from scalesearch.scaling import Coefficients, shares_of
from scalesearch.study.driver import mean_curve, run_search
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.study.plan import Plan, Planned
from scalesearch.study.reading import RUN, SAME_AS, attributes_of
from scalesearch.study.settings import TrainingSettings
from scalesearch.study.storage import sqlite_url
from scalesearch.study.study import open_study
from scalesearch.training.dataset import PHOTOGRAPHS_SIZE
from scalesearch.training.recipe import ProxyRecipe
from scalesearch.workers.jobs import LatencySpec

WAYS: dict[str, Callable[[int], TrainingSettings]] = {
    "grid": lambda trials: GridSettings(
        step=0.02 if trials <= 2000 else 0.008,
        tolerance=1.0 if trials <= 2000 else 3.0,
        channel_divisor=8 if trials <= 2000 else 2,  # else widths fall together on 2,007 networks
        max_networks=trials,
        seeds=2,
        baseline_width=1.0,
    ),
    "rungs": lambda trials: GridSettings(
        step=0.01,
        tolerance=3.0,
        max_networks=0,
        rungs=(f"{trials}:0.25", f"{trials // 4}:1"),
        seeds=2,
        baseline_width=1.0,
    ),
    "search": lambda trials: SearchSettings(trials=trials, sampler="random", batch=8),
    "front": lambda trials: SearchSettings(
        trials=trials, sampler="random", batch=8, objectives=("top1", "macs")
    ),
    "sweep": lambda trials: SweepSettings(
        phis=tuple(0.5 + 2.5 * i * len(ROLES) / trials for i in range(max(1, trials // len(ROLES)))), seeds=2
    ),
}


class MadeUp:
    """An executor whose workers make their results up: accuracy that grows with the logarithm of compute."""

    def submit(
        self, job: Mapping[str, Any], on_step: Callable[[int, int], None], _on_look: object = None
    ) -> Future[dict[str, Any]]:
        """See ``workers.executor.Executor``."""
        future: Future[dict[str, Any]] = Future()
        future.set_result(_trained(job) if job["kind"] == "train" else _timed(job))
        return future

    def shutdown(self, *, kill: bool = False) -> None:
        """See ``workers.executor.Executor``."""


def _trained(job: Mapping[str, Any]) -> dict[str, Any]:
    arch, recipe = arch_from_dict(job["arch"]), ProxyRecipe(**job["recipe"])
    noise = np.random.default_rng(int(hashlib.sha256(job["key"].encode()).hexdigest()[:12], 16))
    steps = recipe.steps(PHOTOGRAPHS_SIZE.train_images)
    stop = steps if job["until"] is None else min(steps, recipe.steps_to(job["until"]))
    peak = 0.4 + 0.03 * np.log2(count(arch).macs / 1e6) + noise.normal(0, 0.02)
    looks = [
        step for look in range(1, recipe.looks + 1) if (step := -(-steps * look // recipe.looks)) <= stop
    ]
    curve = [
        {
            "images": step * recipe.batch_size,
            "train_loss": float(3 - 2 * step / steps),
            "loss": float(3 - 1.5 * step / steps),
            "top1": round(float(peak * (step / steps) ** 0.5) * 900) / 900,
        }
        for step in sorted({*looks, stop})
    ]
    return {
        "top1": curve[-1]["top1"],
        "loss": curve[-1]["loss"],
        "held_out_images": 900,
        "train_seconds": 12.0,
        "images_seen": stop * recipe.batch_size,
        "complete": stop == steps,
        "curve": curve,
        "fvcore_total": count(arch).fvcore_total if job["count"] else None,
        "uncounted": {"aten::silu_": 49, "aten::mul": 16} if job["count"] else {},
    }


def _timed(job: Mapping[str, Any]) -> dict[str, Any]:
    mean = count(arch_from_dict(job["arch"])).macs * 1e-10
    noise = np.random.default_rng(int(job["key"].split("-")[0], 16))
    return {
        "samples_s": [float(v) for v in mean * noise.normal(1, 0.03, 50).clip(0.5)],
        "batch_size": 1,
        "threads": 1,
        "dtype": "float32",
        "device": "cpu",
        "machine": "made-up",
    }


class Quiet:
    """An observer that counts."""

    def __init__(self) -> None:
        self.done, self.start = 0, perf_counter()

    def phase(self, name: str, total: int, done: int) -> None:
        """See ``search.training.Observer``."""
        click.echo(f"  {name}: {total:,}", err=True)

    def started(self, task: str, candidate: CandidateRecord) -> None:
        """See ``search.training.Observer``."""

    def step(self, task: str, done: int, steps: int) -> None:
        """See ``search.training.Observer``."""

    def finished(self, task: str, candidate: CandidateRecord) -> None:
        """See ``search.training.Observer``."""
        self.done += 1
        if self.done % 1000 == 0:
            click.echo(f"  {self.done:,} in {perf_counter() - self.start:.0f} s", err=True)


def _plan(settings: TrainingSettings) -> Plan:
    if isinstance(settings, GridSettings):
        return plan_grid(settings, PHOTOGRAPHS_SIZE)
    if isinstance(settings, SearchSettings):
        return plan_search(settings, PHOTOGRAPHS_SIZE)
    assert isinstance(settings, SweepSettings)
    return plan_sweep(settings, PHOTOGRAPHS_SIZE)


def write_run(folder: Path, way: str, trials: int) -> None:
    """A finished run of so many networks, as the product itself leaves one."""
    settings = WAYS[way](trials)
    start = perf_counter()
    plan = _plan(settings)
    click.echo(f"  planned {len(plan.order):,} networks in {perf_counter() - start:.1f} s", err=True)
    folder.mkdir(parents=True)
    name, command = folder.name, "scalesearch (made up)"
    with begin_study(folder, name, settings, command, lambda: plan, size=PHOTOGRAPHS_SIZE) as study:
        run = study.begun()
        write_run_file(folder, plan.kind, run["settings"], run)
        click.echo(f"  begun after {perf_counter() - start:.1f} s", err=True)
        program = program_of(plan.kind)
        run_search(study, settings, folder / "checkpoints", lambda _jobs: MadeUp(), Quiet(), program, folder)
    click.echo(f"  {trials:,} networks made up in {perf_counter() - start:.0f} s", err=True)


def write_finished(folder: Path, settings: TrainingSettings, trials: int) -> None:
    """A finished run, its trials written as they end, by no driver that takes them one by one."""
    plan = _plan(settings)
    networks = list(plan.chosen) or _suggested(settings, trials)
    click.echo(f"  planned {len(networks):,} networks", err=True)
    folder.mkdir(parents=True)
    url, start = sqlite_url(folder), perf_counter()
    ends, numbers = _ends(networks, settings, plan.rungs), dict[str, int]()
    name = folder.name
    with open_study(url, name, create=True, objectives=plan.objectives).opened() as opened:
        for number, (planned, (params, ranges), until) in enumerate(
            zip(networks, _parameters(networks, plan.kind), ends, strict=True), start=1
        ):
            trial = _finished(planned, settings, params, ranges, until)
            if (same := numbers.setdefault(planned.record.key, number - 1)) < number - 1:
                runs = [name for name in trial.user_attrs if name.startswith(RUN)]
                trial.user_attrs = {n: v for n, v in trial.user_attrs.items() if n not in runs}
                trial.user_attrs[SAME_AS] = same
            opened.add_trial(trial)
            if number % 1000 == 0:
                click.echo(f"  {number:,} trained in {perf_counter() - start:.0f} s", err=True)
    # The study is begun with its trials there already: none is enqueued.
    with begin_study(
        folder, name, settings, "scalesearch (made up)", lambda: plan, size=PHOTOGRAPHS_SIZE
    ) as study:
        write_run_file(folder, plan.kind, study.begun()["settings"], study.begun())
        study.set_session(0, 12.0 * settings.seeds * len(networks))
        for planned, until in zip(networks, ends, strict=True):
            if settings.latency and until is None:
                spec = LatencySpec.of(settings, planned.record.key, planned.arch)
                study.set_latency(planned.record.key, _timed(spec.to_dict()))
    click.echo(f"  {len(networks):,} networks made up in {perf_counter() - start:.0f} s", err=True)


def _suggested(settings: TrainingSettings, trials: int) -> list[Planned]:
    """What so many suggestions at random come to, with a search's seed points; some networks come again."""
    assert isinstance(settings, SearchSettings)
    suggester = Suggester(settings, PHOTOGRAPHS_SIZE.classes)
    first = [suggester.planned(shares, role) for role, shares in SEED_POINTS.items()]
    points = np.random.default_rng(0).random((trials - len(first), 2))
    return first + [suggester.planned(shares_at(u, v)) for u, v in points]


def _parameters(
    networks: list[Planned], kind: str
) -> list[tuple[dict[str, float], dict[str, BaseDistribution]]]:
    """What the trial of each network was asked with: its coefficients, or the point of a suggestion."""
    triples = [{axis: getattr(n.record, axis) for axis in ("alpha", "beta", "gamma")} for n in networks]
    if kind == "search":
        points = [point_of(shares_of(Coefficients(**triple))) for triple in triples]
        return [(dict(zip("uv", point, strict=True)), dict(SPACE)) for point in points]
    ranges: dict[str, BaseDistribution] = {
        axis: FloatDistribution(min(t[axis] for t in triples), max(t[axis] for t in triples))
        for axis in triples[0]
    }
    return [(triple, ranges) for triple in triples]


def _ends(
    networks: list[Planned], settings: TrainingSettings, rungs: tuple[RungRecord, ...]
) -> list[int | None]:
    """The images at which each network was stopped; None for one that was trained to the end."""
    ends: list[int | None] = [None] * len(networks)
    alive = list(range(len(networks)))
    for rung, following in pairwise(rungs if len(networks) > rungs[-1].networks else ()):
        reached = {n: _run_of(networks[n], settings, settings.seed, rung.images)["top1"] for n in alive}
        best_first = sorted(alive, key=lambda n: (-reached[n], n))
        for behind in best_first[following.networks :]:
            ends[behind] = rung.images
        alive = best_first[: following.networks]
    return ends


def _run_of(planned: Planned, settings: TrainingSettings, seed: int, until: int | None) -> dict[str, Any]:
    job = {
        "key": f"{planned.record.key}-{seed}",
        "arch": planned.arch.to_dict(),
        "recipe": settings.proxy_recipe.to_dict() | {"seed": seed},
        "until": until,
        "count": seed == settings.seed,
    }
    return _trained(job)


def _finished(
    planned: Planned,
    settings: TrainingSettings,
    params: Mapping[str, float],
    ranges: Mapping[str, BaseDistribution],
    until: int | None,
) -> FrozenTrial:
    """A network's trial as the driver leaves it, stopped early where ``until`` says so."""
    seeds = settings.seed_list if until is None else settings.seed_list[:1]
    runs = {seed: _run_of(planned, settings, seed, until) for seed in seeds}
    means = mean_curve(runs.values())
    values: list[float] = [means[-1][1]]
    if isinstance(settings, SearchSettings):
        values = list(objective_values(settings, planned.record, means[-1][1]))
    suggested = {}
    if "u" in params:
        shares = shares_at(params["u"], params["v"])
        suggested = {"shares": [shares.depth, shares.width, shares.resolution]}
    return create_trial(
        state=TrialState.COMPLETE if until is None else TrialState.PRUNED,
        params=dict(params),
        distributions=dict(ranges),
        values=values if until is None else None,
        user_attrs=attributes_of(planned)
        | suggested
        | {f"{RUN}{seed}": result for seed, result in runs.items()},
        intermediate_values=dict(means) if len(values) == 1 else {},
    )


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took: wall-clock and processor seconds, and its peak of memory in bytes."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def spent(command: list[str]) -> Spent:
    """Runs a scalesearch command in a process of its own."""
    code = (
        "import resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "subprocess.run([sys.executable, '-m', 'scalesearch', *sys.argv[1:]], check=True, "
        "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True)
    wall, cpu, peak = done.stdout.split()
    return Spent(float(wall), float(cpu), int(peak) * 1024)


def _show(name: str, took: Spent, folder: Path | None = None) -> None:
    sizes = ""
    if folder is not None:
        page = (folder / "report.md").stat().st_size
        figures = max((path.stat().st_size for path in (folder / "figures").iterdir()), default=0)
        sizes = f"   page {page / 1024:6.0f} KiB, largest figure {figures / 1024:6.0f} KiB"
    mebibytes = took.peak_bytes / 2**20
    click.echo(f"{name:32} {took.wall_s:7.1f} s, {took.cpu_s:7.1f} s of CPU, {mebibytes:6.0f} MiB{sizes}")


@click.command
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--trials", default="1000,10000", show_default=True)
@click.option("--ways", default=",".join(WAYS), show_default=True)
@click.option("--dry-run", is_flag=True, help="Time dry runs instead.")
def main(out: Path, trials: str, ways: str, dry_run: bool) -> None:
    """Make runs in OUT, where they are not there yet, and time what goes on with them."""
    click.echo(f"machine: {machine('cpu')}")
    if dry_run:
        for options in ("", "--match macs", "--constraint macs"):
            _show(f"grid {options}", spent(["grid", "--dry-run", "--step=0.00625", *options.split()]))
        return
    for number in map(int, trials.split(",")):
        for way in ways.split(","):
            folder = out / f"{way}-{number}"
            if not folder.exists():
                if number > 2000:
                    write_finished(folder, WAYS[way](number), number)
                else:
                    write_run(folder, way, number)
            for command in ("report", "resume"):
                _show(f"{command} {folder.name}", spent([command, str(folder)]), folder)


if __name__ == "__main__":
    main()
