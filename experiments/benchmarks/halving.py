"""What merging and successive halving save, and whether they find the same networks.

    python experiments/benchmarks/halving.py halving --rungs 33:0.5,6:1 --seeds 2

Trains every distinct network of an equal-cost grid in full, with every seed, then the same grid by rungs, and
compares: the share of the proxy compute (images x multiply-adds) that the second spends of what training
every nominal grid point in full would (grid points that round to one network would train that network again,
to the bit), and the two winning sets. The searches are ordinary ones, kept in OUT and carried on if stopped.

Expected, in 24 minutes on two cores of a Xeon virtual machine beside other work: 108 grid points (109 by
now), 31 distinct networks, 11.3% of the compute of every grid point in full (39.3% of every distinct
network). The six finalists all belong to the winning set of the runs in full, but that set holds 30 of
the 31 networks: two seeds show next to nothing. The best in full, (1, 1.25, 1.15), was stopped at half
its length; the rungs' own winner, (1, 1, 1.4), is second there, 0.5 points of top-1 behind.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from scalesearch.belief.seeds import winning_set
from scalesearch.cli import cli
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.search.opening import open_study
from scalesearch.search.storage import sqlite_url


@click.command
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--rungs", default="33:0.5,6:1", show_default=True)
@click.option("--seeds", default=2, show_default=True)
@click.argument("options", nargs=-1)
def main(out: Path, rungs: str, seeds: int, options: tuple[str, ...]) -> None:
    """Compare in OUT; OPTIONS after -- go to `scalesearch grid`."""
    shared = ["--match", "macs", "--max-networks", "0", "--seeds", str(seeds), "--no-latency", *options]
    full = _search(out / "full", shared)
    halved = _search(out / "halved", [*shared, "--rungs", rungs])
    images = max(c.images_seen or 0 for c in full.candidates)
    nominal = seeds * images * sum(c.macs * len(c.merged) for c in full.candidates)
    distinct = seeds * images * sum(c.macs for c in full.candidates)
    spent = _spent(halved)
    click.echo(f"grid points          {full.feasible}, {len(full.candidates)} distinct networks")
    click.echo(f"rungs                {rungs}, {seeds} seeds, {images:,} images in full")
    click.echo(f"compute              {spent / nominal:.1%} of every grid point in full")
    click.echo(f"                     {spent / distinct:.1%} of every distinct network in full")
    best, chosen = _set(full), _set(halved)
    click.echo(f"winner in full       {_names(best[:1])}, set of {len(best)}: {_names(best)}")
    click.echo(f"winner by rungs      {_names(chosen[:1])}, set of {len(chosen)}: {_names(chosen)}")
    shared_keys = {c.key for c in best} & {c.key for c in chosen}
    click.echo(f"in both sets         {len(shared_keys)}")
    by_key = {c.key: c for c in full.candidates}
    regret = (best[0].top1 or 0.0) - (by_key[chosen[0].key].top1 or 0.0)
    click.echo(f"regret               {regret:.1%} top-1, by the runs in full")


def _search(folder: Path, options: list[str]) -> RunRecord:
    code = cli.main(["grid", f"--out={folder}", *options], standalone_mode=False)
    if code:
        sys.exit(code)
    return open_study(sqlite_url(folder), folder.name, create=False).record()


def _spent(run: RunRecord) -> float:
    return sum(c.macs * one.images_seen for c in run.candidates for one in c.runs)


def _set(run: RunRecord) -> list[CandidateRecord]:
    """The winning set, best first."""
    done = [c for c in run.candidates if c.status == "completed"]
    members = winning_set([[one.top1 for one in c.runs] for c in done])
    return sorted((done[index] for index in members), key=lambda c: -(c.top1 or 0.0))


def _names(candidates: list[CandidateRecord]) -> str:
    return "; ".join(f"{c.alpha:g}, {c.beta:g}, {c.gamma:g}" for c in candidates)


if __name__ == "__main__":
    main()
