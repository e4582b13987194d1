"""A run from beginning to report, for every kind that trains."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.errors import FolderError, RunFailedError, ScalesearchError
from scalesearch.files import inside, write_bytes
from scalesearch.hardware.machine import machine, versions
from scalesearch.records import RunRecord
from scalesearch.runs.folder import (
    beginning,
    read_run_file,
    require_equal,
    require_same,
    require_study_of_tables,
    stopping,
    writable,
    write_run_file,
)
from scalesearch.runs.kept import as_written, kept_run, open_run_study, write_tables
from scalesearch.runs.kinds import (
    GoingOn,
    Outcome,
    kind_named,
    loaded,
    program_of,
    settings_of,
    study_of,
    write_report,
)
from scalesearch.runs.planning import (
    grid_plan,
    keep_source,
    remember_scratch_run,
    require_kept,
    require_same_start,
    scratch_record,
    start_network,
    tried,
    with_start,
)
from scalesearch.runs.searches import shares_answer
from scalesearch.runs.telling import TrainingListener, say, teller
from scalesearch.statistics.summaries import measured_reliability
from scalesearch.study.budget import nearest_error, unmet_reason
from scalesearch.study.driver import Events, events_folder
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.plan import Plan
from scalesearch.study.reading import STOPPED
from scalesearch.study.settings import Computing, TrainingSettings
from scalesearch.study.storage import recorded, sqlite_url
from scalesearch.study.study import SearchStudy, find_study, open_study
from scalesearch.text import one_line, printable, quoted
from scalesearch.training.dataset import (
    FOLDER,
    WINDOWS,
    DataError,
    DataSize,
    DataSpec,
    ImageRow,
    photographs_size,
)
from scalesearch.workers.engines import Work, executor_of, is_here, require_resources
from scalesearch.workers.tracking import TRACKING, Tracker, missing_package

if TYPE_CHECKING:
    import pandas as pd

    from scalesearch.commands.search.run import SearchSettings
    from scalesearch.commands.sweep.run import SweepSettings


# ----------------------------------------------------------------------------------------------------
# A run carried on: only with the data, files and labels, that it was begun with.

IMAGES_FILE = "images.csv.gz"
"""In a run's folder: every image of a folder's data, its class, its side, and its digest."""


def require_same_data(folder: Path, study: SearchStudy, data: DataSpec, now: DataSize) -> None:
    """Refuses to go on with a study where the data is no longer what it was; a new study learns what it is.

    Args:
        folder: of the run.
        study: the run's.
        data: its data by name.
        now: what that data is now.

    Raises:
        FolderError: if files were added, removed or changed, or have other labels.
    """
    before = study.data_digest
    if not before:
        if now.images:
            write_bytes(folder / IMAGES_FILE, _packed(now.images))
        study.set_data(now.digest, now.apart)
    elif before != now.digest:
        there = _unpacked(folder / IMAGES_FILE)
        what = "other files or labels" if now.images else "another version of it"
        what = changes(there, now.images) if there and now.images else what
        raise FolderError(
            f"`dataset` {printable(data.name)} must be the data that the run in {folder} was begun with, got "
            f"{what}; put that right, or begin anew in another folder (--out)"
        )


def changes(before: Sequence[ImageRow], now: Sequence[ImageRow]) -> str:
    """What became of the images of a dataset, in words: how many of each kind, and one of them.

    An image is known by its bytes: one whose file was renamed is the same.
    """
    labels = {row.sha256: row.label for row in before}
    there = {row.sha256 for row in now}
    fresh = {row.file for row in now if row.sha256 not in labels}
    gone = {row.file for row in before if row.sha256 not in there}
    kinds = {
        "under another label": {r.file for r in now if labels.get(r.sha256, r.label) != r.label},
        "changed": fresh & gone,
        "added": fresh - gone,
        "removed": gone - fresh,
    }
    told = [
        f"{_count(names)} {kind} (such as {printable(min(names))})" for kind, names in kinds.items() if names
    ]
    return ", ".join(told) or "the same images under other names or in another split"


def _count(names: Collection[str]) -> str:
    return f"{len(names):,} image{'s' * (len(names) > 1)}"


def _packed(rows: Iterable[ImageRow]) -> bytes:
    """Rows as a compressed table; names that are no UTF-8 come back as they were."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(ImageRow._fields)
    table.writerows(rows)
    # Without the time, so that the same data gives the same file.
    return gzip.compress(text.getvalue().encode("utf-8", "surrogateescape"), mtime=0)


def _unpacked(path: Path) -> tuple[ImageRow, ...]:
    """The rows of a run's table; none where it is gone or damaged."""
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "surrogateescape")
        head, *rows = csv.reader(io.StringIO(text, newline=""))
        return tuple(map(ImageRow._make, rows)) if tuple(head) == ImageRow._fields else ()
    except (OSError, EOFError, ValueError, TypeError, csv.Error, zlib.error):
        return ()


# ----------------------------------------------------------------------------------------------------
# A search in its folder: checked and locked before anything is touched, shown while it runs.


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A search that was begun in ``folder`` and that this process alone works on.

    ``starts`` is the folder of the weights that its networks start from, where it is another one. ``size`` is
    what was found of its data, where the study is known to be on that data.
    """

    folder: Path
    study: SearchStudy
    settings: TrainingSettings
    starts: Path | None = None
    size: DataSize | None = None

    @property
    def kind(self) -> str:
        """The command that began it."""
        return str(self.study.begun().get("kind", "grid"))


BEGUN_WITH = Computing()
MakePlan = Callable[[DataSize], Plan]


@contextmanager
def begin(
    folder: Path,
    name: str,
    kind: str,
    settings: TrainingSettings,
    command: str,
    make_plan: MakePlan,
    size: Callable[[], DataSize] | None = None,
) -> Iterator[Run]:
    """Opens or begins the run of these settings in ``folder``; nothing is touched if it cannot be.

    Args:
        folder: of the run.
        name: of the run and its study.
        kind: the command's name, under which run.toml keeps the settings.
        settings: all of them.
        command: the command line.
        make_plan: what is to be trained, given the size of the data. Asked only where a run is begun.
        size: of the data, for a caller that has to know it too: finding out decodes every image of a folder.

    Raises:
        FolderError: if the folder cannot be written, is being worked on, or holds a run with other settings.
        EmptyGridError: if nothing meets the constraint or the budget.
        ValueError: if the data, the device or a setting cannot be used.
    """
    require_place(folder, name, kind, settings)
    with beginning(folder):
        found = size() if size is not None else data_size(settings.data)
    with (
        writable(folder),
        begin_study(folder, name, settings, command, lambda: make_plan(found), size=found) as study,
    ):
        run = study.begun()
        if read_run_file(folder).get(kind) != run["settings"]:
            write_run_file(folder, kind, run["settings"], run)
        yield Run(folder=folder, study=study, settings=settings, size=found)


def require_place(folder: Path, name: str, kind: str, settings: TrainingSettings) -> None:
    """Refuses a folder, a database or a device that the run of these settings can't go on with.

    Arguments and errors are those of :func:`begin`, which looks at the data after it.
    """
    before = type(settings).from_dict({}).to_dict()
    require_same(folder, kind, settings.to_dict(), before, settings.may_change)
    if not settings.storage:
        require_study_of_tables(folder)
    elif not _has_study(folder, name, settings):
        require_study_of_tables(folder, settings.storage)
    require_workers(settings)


def default_folder(kind: str, settings: TrainingSettings) -> Path:
    """Where a run is kept if nobody says: under ``reports`` of the current folder."""
    values = settings.to_dict()
    phis = sorted(values["phis"]) if kind == "sweep" else [values["phi"]]
    budgets = "-".join(dict.fromkeys(f"{phi:g}" for phi in (phis[0], phis[-1])))
    return Path("reports") / f"{kind}-{settings.baseline}-phi{budgets}"


@contextmanager
def begin_grid(
    folder: Path, settings: GridSettings, command: str, size: Callable[[], DataSize] | None = None
) -> Iterator[Run]:
    """Opens or begins a grid in ``folder``; arguments and errors are those of :func:`begin`."""
    settings = judged_as_begun(settings, folder)
    size = size or cache(partial(data_size, settings.data))
    require_scratch_run(settings, folder, size)
    name, plan = default_folder("grid", settings).name, partial(grid_plan, settings, folder=folder)
    with begin(folder, name, "grid", settings, command, plan, size) as run:
        yield run


def judged_as_begun(settings: GridSettings, folder: Path) -> GridSettings:
    """The settings with what judges the confirming runs of a folder's grid, unless they say it themselves."""
    there = read_run_file(folder).get("grid")
    if not there or settings.confirm_on:
        return settings
    judges = there.get("confirm_on", "same")  # versions before 0.3.0 set no images apart
    if settings.confirm and judges == "same":
        say("Note: this run was begun without images set apart: those of its answer judge what confirms it")
    return replace(settings, confirm_on=judges)


def require_scratch_run(settings: GridSettings, folder: Path, size: Callable[[], DataSize]) -> None:
    """Refuses a run to compare a grown one with that can't be compared with it, before anything is begun.

    Raises:
        FolderError: if that is so.
    """
    if settings.scratch_run is None:
        return
    scratch_record(Path(settings.scratch_run), settings.phi)  # before the data, which may take long
    with beginning(folder):
        scratch_record(Path(settings.scratch_run), settings.phi, (settings.data, size()))


def begin_search(folder: Path, settings: SearchSettings, command: str) -> AbstractContextManager[Run]:
    """Opens or begins a search in ``folder``; arguments and errors are those of :func:`begin`."""
    from scalesearch.commands.search.run import plan_search, with_reward_target

    size = cache(partial(data_size, settings.data))
    if "reward" in settings.objectives:
        settings = with_reward_target(settings, size())

    def plan(found: DataSize) -> Plan:
        return plan_search(settings, found, start_network(settings, found.classes, folder))

    return begin(folder, default_folder("search", settings).name, "search", settings, command, plan, size)


def begin_sweep(folder: Path, settings: SweepSettings, command: str) -> AbstractContextManager[Run]:
    """Opens or begins a sweep in ``folder``; arguments and errors are those of :func:`begin`."""
    from scalesearch.commands.sweep.run import plan_sweep

    name, plan = default_folder("sweep", settings).name, partial(plan_sweep, settings)
    return begin(folder, name, "sweep", settings, command, plan)


def _has_study(folder: Path, name: str, settings: TrainingSettings) -> bool:
    study = find_study(settings.storage or sqlite_url(folder), name)
    return study is not None and study.run is not None


@contextmanager
def begin_several(
    folder: Path, kind: str, table: Mapping[str, Any], *, name: str, command: str, device: str
) -> Iterator[TrainingListener]:
    """Opens or begins a run of several studies in ``folder``, which this process alone works on.

    Args:
        folder: of the run.
        kind: the command's name, under which run.toml keeps the settings.
        table: the settings, as run.toml keeps them.
        name: of the run, where it begins.
        command: the command line, where it begins.
        device: that it trains on.

    Raises:
        FolderError: if the folder cannot be written, or is being worked on.
        StoppedError: if it is stopped; what is done is kept.
    """
    with writable(folder), stopping(folder), teller().training() as listener:
        if not read_run_file(folder):
            facts = {"name": name, "command": command, "machine": machine(device), "versions": versions()}
            write_run_file(folder, kind, table, facts)
        yield listener


@contextmanager
def begin_study(
    folder: Path,
    name: str,
    settings: TrainingSettings,
    command: str,
    make_plan: Callable[[], Plan],
    starts: Path | None = None,
    *,
    size: DataSize,
) -> Iterator[SearchStudy]:
    """The study of that name in the folder's database, begun where it was not, which nobody else works on.

    ``starts`` and ``size`` are a run's.

    Raises:
        FolderError: if it has other settings, other data, or other weights to start from.
        StudyError: if another driver works on it.
    """
    url = settings.storage or sqlite_url(folder)
    study, planned = find_study(url, name), None
    if study is None or study.run is None:
        # All that can be wrong is found before there is a study.
        plan, start = with_start(make_plan(), starts or folder)
        planned = tried(plan), start
        study = study or open_study(url, name, create=True, objectives=planned[0].objectives)
    with study.owned(folder, teller().say):
        # Another driver may have begun it meanwhile, and ended.
        if planned is None or study.run is not None:
            _continue_study(study, settings, folder, size)
        else:
            # Before the run's facts, which mark it as begun.
            require_same_data(folder, study, settings.data, size)
            keep_source(folder, planned[0])
            _write_study(study, name, settings, command, *planned)
        yield study


def _continue_study(study: SearchStudy, settings: TrainingSettings, folder: Path, size: DataSize) -> None:
    there = settings_of(study.begun())
    require_equal(there.to_dict(), settings.to_dict(), f"the study in {folder}", settings.may_change)
    require_same_start(study.begun(), settings)
    require_same_data(folder, study, settings.data, size)
    remember_scratch_run(study, settings)
    _remember_changes(study, settings)
    say_computed_with(study.begun()["settings"], settings)
    if "kind" not in study.begun():
        _adopt_first_version(study, there)
    study.enqueue_missing()


def _remember_changes(study: SearchStudy, settings: TrainingSettings) -> None:
    """Has a run that is there go on by what is asked for anew: with more designs, say."""
    run = study.begun()
    there, asked = dict(run["settings"]), settings.to_dict()
    changed = {name for name in settings.may_change if there.get(name) != asked.get(name)}
    if not changed:
        return
    for name in changed:
        there.pop(name, None)
        there |= {name: asked[name]} if name in asked else {}
    study.set_attribute("run", {**run, "settings": there})
    # A check alone takes no network up again: the designs are what they were.
    more = changed & {"seeds", "time_budget", "regret"}
    if more and study.attributes.get(STOPPED) and not study.waiting():
        study.set_attribute(STOPPED, "")
        study.extend()


def _write_study(
    study: SearchStudy,
    name: str,
    settings: TrainingSettings,
    command: str,
    plan: Plan,
    start: Mapping[str, Any],
) -> None:
    shown = replace(settings, storage=recorded(settings.storage))
    for note in plan.notes:
        say(f"Note: {note}")
    facts = replace(plan, settings=shown).facts(
        name=name, command=command, machine=machine(settings.device), versions=versions()
    )
    facts |= start
    study.begin(facts, plan.chosen, plan.skipped)
    if known := measured_reliability(settings.to_dict()):
        study.set_reliability(known)


@contextmanager
def reopen(folder: Path, storage: str, computing: Computing = BEGUN_WITH) -> Iterator[Run]:
    """The run in ``folder``, to be carried on.

    Raises:
        FolderError: if there is none, or another process works on it.
        StudyError: if its study cannot be read.
        ValueError: if its device is not there.
    """
    study = open_run_study(folder, storage)
    # Nothing is fetched because a folder says so.
    settings = computing.of(replace(settings_of(study.begun()), download=False))
    require_workers(settings)
    with writable(folder), study.owned(folder, teller().say):
        say_computed_with(study.begun()["settings"], settings)
        if "kind" not in study.begun():
            _adopt_first_version(study, settings)
        # A run killed while it was being written down is written down whole before it goes on.
        study.enqueue_missing()
        yield Run(folder=folder, study=study, settings=settings)


def say_computed_with(begun: Mapping[str, Any], settings: TrainingSettings) -> None:
    """Says so where a run goes on with other threads or another kind of device than it was begun with."""
    there = (str(begun.get("device", settings.device)), int(begun.get("threads", settings.threads)))
    here = (settings.device, settings.threads)
    if (there[0].partition(":")[0], there[1]) == (here[0].partition(":")[0], here[1]):
        return
    told = [f"{threads} thread{'s' * (threads > 1)} on {device}" for device, threads in (here, there)]
    say(
        f"Note: this run goes on with {told[0]} and was begun with {told[1]}, which changes accuracies "
        "as another seed would; the columns trained_device and trained_threads say what trained each network"
    )


def _adopt_first_version(study: SearchStudy, settings: TrainingSettings) -> None:
    """Gives a study of version 0.1.0, which kept coefficients alone, the networks to go on with."""
    from scalesearch.study.grid_plan import GridSettings, plan_grid

    run = study.begun()
    assert isinstance(settings, GridSettings)  # that version knew no other run
    plan = plan_grid(settings, replace(data_size(settings.data), classes=run["classes"]))
    rungs = plan.facts(name="", command="", machine={}, versions={})["rungs"]
    study.begin({**run, "kind": "grid", "rungs": rungs}, plan.chosen, plan.skipped)


def trained(run: Run) -> RunRecord:
    """Trains and measures what is left of a run.

    Raises:
        StoppedError: if it is stopped; what is done is kept.
        RunFailedError: if the baseline that its networks start from can't be trained.
    """
    with (
        stopping(run.folder, lambda: _kept(run.study.record()) + _left(run), run.study.server),
        teller().training() as listener,
    ):
        return train_study(run, listener)


def carry_on(run: Run) -> Outcome:
    """Trains and measures what is left of a run, and writes its report.

    Raises:
        StoppedError: if it is stopped; what is done is kept.
        RunFailedError: if the baseline that its networks start from can't be trained.
    """
    outcome = _outcome(trained(run), run.folder)
    notes = failed_notes(outcome.record, run.study.failed_beside, run.folder)
    return replace(outcome, notes=notes, failure=_failure(outcome.record, run.folder))


def failed_notes(record: RunRecord, beside: Sequence[str], folder: Path) -> tuple[str, ...]:
    """How what failed is tried again, where that is not all that a run is about.

    Args:
        record: of the run.
        beside: why runs failed that check or confirm its answer, a reason for each.
        folder: of the run.
    """
    again = f"scalesearch resume {quoted(folder)} --retry-failed tries those that failed again"
    if beside:
        few = f"{len(beside)} run{'s' * (len(beside) > 1)} that check or confirm the answer failed"
        return (f"{few} ({one_line(beside[0])}): {again}",)
    return (again,) if {c.status for c in record.candidates} >= {"completed", "failed"} else ()


def resume(folder: Path, how: GoingOn) -> Outcome:
    """Carries on the run in ``folder``; errors are those of :func:`reopen` and :func:`carry_on`."""
    with reopen(folder, how.storage, how.computing) as run:
        if how.retry_failed:
            run.study.retry_failed()
        return carry_on(run)


def report(folder: Path, storage: str = "") -> Outcome:
    """Writes the report of the run in ``folder`` from what it keeps; nothing is trained.

    Args:
        folder: of the run.
        storage: the URL of its study, where that isn't in the folder.

    Raises:
        FolderError: if the folder keeps neither a study nor the tables of single runs.
        StudyError: if its study is there and cannot be read.
    """
    kept = kept_run(folder, storage)
    with as_written(folder, in_study=kept.study is not None):
        # Tables that the record was made of stay as they are.
        return _outcome(kept.record, folder, tables=kept.study is not None)


def read(folder: Path, storage: str = "") -> RunRecord:
    """What the run in ``folder`` came to so far; arguments and errors are those of :func:`report`."""
    return kept_run(folder, storage).record


def _outcome(record: RunRecord, folder: Path, *, tables: bool = True) -> Outcome:
    table, kind = reported(record, folder, tables=tables), kind_named(record.kind)
    return Outcome(
        kind=record.kind,
        folder=folder,
        record=record,
        table=table,
        page=folder / kind.page,
        last=shares_answer(record, folder) if study_of(record.kind).tells else (),
    )


def _failure(record: RunRecord, folder: Path) -> ScalesearchError | None:
    """Why no network was trained to its end: none met the budget, or all failed; None where one was."""
    if any(c.status == "completed" for c in record.candidates):
        return None
    tolerance = float(record.settings.get("budget_tolerance", 0.0))
    off = [((c.alpha, c.beta, c.gamma), c.budget) for c in record.candidates if c.budget is not None]
    if off and all(unmet_reason(budget, tolerance) for _, budget in off):
        return nearest_error(off, tolerance)
    return RunFailedError(
        f"no network could be trained; the reasons are in {folder / kind_named(record.kind).page}"
    )


def reported(record: RunRecord, folder: Path, *, tables: bool = True) -> pd.DataFrame:
    """Writes the report of a run; returns its table.

    With ``tables`` off the tables of single runs stay as they are, being what the record was made of.
    """
    if tables:
        write_tables([record], folder)
    return write_report(record, folder)


def train_study(run: Run, progress: TrainingListener) -> RunRecord:
    """Trains and measures what a study still has to."""
    from scalesearch.study.driver import run_search
    from scalesearch.study.settings import weights_folder
    from scalesearch.workers.executor import Executor, TrialFailedError

    def workers(jobs: int) -> Executor:
        work = Work(
            device=run.settings.device,
            threads=run.settings.threads,
            jobs=jobs,
            timed_on=run.study.timed_on,
            send_data=run.settings.send_data,
            log_dir=run.folder / "logs",
            stall_timeout=run.settings.stall_timeout,
            on_note=progress.note,
        )
        return executor_of(run.settings.executor, work)

    if run.size is None:
        _require_data_of(run)
    progress.seeds = run.settings.seeds
    starts = run.starts or run.folder
    weights = weights_folder(run.folder, run.kind, run.study.name)
    require_kept(starts, run.settings)
    try:
        with _tracker(run) as tracker:
            return run_search(
                run.study,
                run.settings,
                inside(run.folder, "checkpoints"),
                workers,
                progress,
                program_of(run.kind),
                starts,
                weights,
                Events(
                    events_folder(run.folder, run.kind, run.study.name),
                    teller().say,
                    tracker,
                    run.study.require_owned,
                ),
            )
    except TrialFailedError as error:
        raise RunFailedError(
            f"the baseline that the networks start from could not be trained: {error}"
        ) from error


@contextmanager
def _tracker(run: Run) -> Iterator[Tracker | None]:
    """The tracker of a run, ended with it; none where the run has none, or its package is gone."""
    name = run.settings.track
    if name is None or (missing := missing_package(name)):
        if name is not None:
            say(f"Note: this run goes on without {name}, {missing}")
        yield None
        return
    logs = inside(run.folder, "logs", f"{name}.log")
    tracker = Tracker(name, inside(run.folder, TRACKING, name), run.study.name, logs, teller().say)
    try:
        yield tracker
    finally:
        tracker.close()


def _require_data_of(run: Run) -> None:
    """Refuses to carry on a run whose data was changed; that of a run that is done may be gone.

    Raises:
        FolderError: if it was changed.
        ValueError: if it cannot be used, and something is still to be trained.
    """
    unfinished = run.study.unfinished
    if not (unfinished or run.study.data_digest):
        return  # of an earlier version, which did not keep what it was trained on
    try:
        now = data_size(run.settings.data)
    except DataError:
        if unfinished:
            raise
        return
    require_same_data(run.folder, run.study, run.settings.data, now)


def _kept(record: RunRecord) -> str:
    """How much of a run is done."""
    begun = [c for c in record.candidates if c.status != "skipped"]
    if record.kind == "search":
        # What comes after this batch is not suggested yet; what it has trained is kept before it is told.
        trained = sum(bool(c.runs) for c in begun)
        return f"{trained} trained networks of {record.settings['trials']} suggestions are kept"
    done = sum(c.status != "waiting" for c in begun)
    runs = sum(len(c.runs) for c in begun if c.status == "waiting")
    more = f", and {runs} training run{'s' * (runs > 1)} of the others" if runs else ""
    return f"{done} of {len(begun)} networks are done and kept{more}"


def _left(run: Run) -> str:
    """What a run has to train after its networks; empty where that is nothing."""
    place = study_of(run.kind).left
    left = loaded(place)(run.study, run.settings) if place else ""
    return f"; still to be trained are {left}" if left else ""


def require_workers(settings: TrainingSettings) -> None:
    """Refuses to train where the settings say, if that is not there.

    Raises:
        ValueError: if it is not.
    """
    if is_here(settings.executor):
        require_device(settings.device)
    else:
        wanted = None if settings.send_data else settings.data.from_the_root_on().to_dict()
        require_resources(str(settings.executor), settings.device, settings.threads, wanted)


def require_device(name: str, *, to_train: bool = True) -> None:
    """Refuses devices that are not there, and ``to_train`` on also such as compute wrong gradients.

    The CPU always is there, and asking about it would load torch.

    Raises:
        ValueError: if that is so.
    """
    if name == "cpu":
        return
    from scalesearch.hardware.device import resolve_devices

    devices = resolve_devices(name)
    if to_train and devices[0].type == "mps":  # the others are torch's own to test
        from scalesearch.hardware.gradients import require_right_gradients

        require_right_gradients(devices[0])


def data_size(data: DataSpec) -> DataSize:
    """The size of the data; every image of a folder is decoded once on the way."""
    if data.name == "photographs":
        return photographs_size(apart=data.held_out if data.apart else 0)
    if data.name.startswith(WINDOWS):
        from scalesearch.training.images import Files, list_pictures, picture_store, windows_size

        store = picture_store(data.folder, data.in_channels, data.short_side)
        listing = list_pictures(
            data.folder, check=store, in_channels=data.in_channels, progress=teller().track
        )
        _tell(data, listing.notes)
        files = Files(listing.train, data.in_channels, store)
        return windows_size(listing, files, apart=data.held_out if data.apart else 0)
    if data.name.startswith(FOLDER):
        from scalesearch.training.images import MANY, PixelStore, list_folder

        listing = list_folder(
            data.folder,
            held_out=data.held_out,
            check=PixelStore(str(data.folder.resolve()), data.in_channels, data.short_side),
            in_channels=data.in_channels,
            apart=data.apart,
            progress=teller().track,
        )
        _tell(data, listing.notes)
        return DataSize(
            classes=len(listing.classes),
            train_images=len(listing.train),
            digest=listing.digest,
            images=listing.rows if len(listing.rows) <= MANY else (),
            apart=len(listing.apart),
        )
    from scalesearch.training.images import load

    source = load(data)
    return DataSize(
        classes=len(source.classes),
        train_images=len(source.train),
        digest=source.digest,
        apart=0 if source.apart is None else len(source.apart),
    )


def _tell(data: DataSpec, notes: Iterable[str]) -> None:
    """Says what was understood of a folder and what was left out."""
    for note in notes:
        say(f"Note: {printable(data.name)}: {note}")
