"""The derivation of a family as ``scalesearch scale`` makes it: counted in closed form and by fvcore."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scalesearch.errors import FolderError
from scalesearch.hardware.machine import machine, usable_cores, versions
from scalesearch.records import FlopRecord, LatencyRecord, ScaleRecord
from scalesearch.runs.folder import read_run_file, writable
from scalesearch.runs.planning import workers
from scalesearch.runs.telling import teller
from scalesearch.workers.executor import TO_MEASURE

if TYPE_CHECKING:
    from scalesearch.commands.scale.run import ScaleSettings
    from scalesearch.page.html.page import Report

FAILURE = "a network of the family could not be measured"


def derived(
    folder: Path, settings: ScaleSettings, *, name: str, command: str, started: float
) -> tuple[ScaleRecord, Report]:
    """Counts the family, times it where the settings say so, and writes its report into ``folder``.

    Arguments are those of :func:`derive`.

    Raises:
        FolderError: if the folder can't be used, or holds a run.
    """
    if (there := read_run_file(folder).get("run", {}).get("kind")) is not None:
        raise FolderError(
            f"`out` must be a folder without a run of another command, got {folder}, which holds a run of "
            f"scalesearch {there}{' --train' if there == 'scale' else ''}; choose another folder"
        )
    with writable(folder, passing=True):
        # What the report needs takes seconds to load: it does so while the workers count.
        record = derive(
            settings, folder, name=name, command=command, started=started, meanwhile=_load_reports
        )
        from scalesearch.commands.scale.view import write_scale_report

        return record, write_scale_report(record, folder)


def _load_reports() -> None:
    import scalesearch.commands.scale.view  # noqa: F401


def derive(
    settings: ScaleSettings,
    folder: Path,
    *,
    name: str,
    command: str,
    started: float,
    meanwhile: Callable[[], None] = lambda: None,
) -> ScaleRecord:
    """Counts the family, and times it where the settings say so.

    Args:
        settings: of the family.
        folder: for the workers' logs.
        name: of the record.
        command: the command line.
        started: when the command was, by ``time.perf_counter``.
        meanwhile: done while the workers count.
    """
    from scalesearch.commands.scale.run import build_family, rebuild_published

    with _counting(settings, folder) as counted:
        meanwhile()
        flops = counted()
    latency = _latency(settings, folder) if settings.latency else {}
    return ScaleRecord(
        name=name,
        command=command,
        baseline=settings.baseline,
        alpha=settings.alpha,
        beta=settings.beta,
        gamma=settings.gamma,
        product=settings.coefficients.product,
        settings=settings.to_dict(),
        machine=machine(settings.device),
        versions=versions(),
        wall_s=time.perf_counter() - started,
        family=build_family(settings, flops, latency),
        published=rebuild_published(settings, flops),
    )


@contextmanager
def _counting(settings: ScaleSettings, folder: Path) -> Iterator[Callable[[], dict[str, FlopRecord]]]:
    """Has fvcore count every network of the command; what it gives waits for the counts, by key."""
    from scalesearch.commands.scale.run import family_archs, published_archs, start_counting

    archs = [*family_archs(settings).values(), *published_archs(settings)]
    # Two at a time, however many cores there are: each holds a whole network at full resolution.
    with workers(min(2, usable_cores()), folder / "logs", TO_MEASURE, FAILURE) as executor:
        yield start_counting(archs, executor, teller().track)


def _latency(settings: ScaleSettings, folder: Path) -> dict[str, LatencyRecord]:
    """The latency of each network of the family, by key, nothing else running."""
    from scalesearch.commands.scale.run import family_archs, measure_all

    with workers(1, folder / "logs", TO_MEASURE, FAILURE) as executor:
        return measure_all(settings, family_archs(settings), executor, teller().track)
