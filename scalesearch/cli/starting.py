"""What the networks of a run start from, as a command finds it, and the run from scratch to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.architecture.spec import Arch
from scalesearch.cli.main import Fail
from scalesearch.cli.terminal import echo
from scalesearch.proxy.dataset import FOLDERS, DataSize, DataSpec
from scalesearch.search.plan import Plan
from scalesearch.search.settings import TrainingSettings
from scalesearch.search.weights import PRETRAINED
from scalesearch.text import printable

if TYPE_CHECKING:
    from scalesearch.export.state import State
    from scalesearch.records import RunRecord
    from scalesearch.search.study import SearchStudy

__all__ = [
    "remember_scratch_run",
    "require_kept",
    "require_same_start",
    "scratch_record",
    "start_network",
    "with_start",
]


def start_network(settings: TrainingSettings, classes: int, folder: Path) -> Arch | None:
    """What the networks of the run in ``folder`` are grown from; None where they start from scratch.

    Raises:
        ValueError: if the file of its weights can't be used.
    """
    if settings.start is None:
        return None
    return settings.proxy_baseline(classes) if settings.trains_start else _pretrained(settings, folder).arch


def with_start(plan: Plan, folder: Path | None) -> tuple[Plan, dict[str, Any]]:
    """The plan without the networks that can't be grown from its start, and what the study keeps of that.

    Args:
        plan: of any start.
        folder: where the weights of a file are kept from now on; None only looks at them.

    Raises:
        ValueError: if the file can't be used, or no network be grown.
        OSError: if the folder can't be written.
    """
    settings = plan.settings
    if settings.start is None:
        return plan, {}
    from scalesearch.search.growing import grown_plan
    from scalesearch.search.starts import start_facts

    if settings.trains_start:
        return grown_plan(plan, plan.base), {"start": start_facts(plan.base)}
    from scalesearch.export.state import FRESH  # loads torch

    state = _pretrained(settings, folder)
    grown = grown_plan(plan, state.arch)
    if folder is not None and not (folder / PRETRAINED).exists():
        from scalesearch.export.state import write_state

        write_state(folder / PRETRAINED, state.arch, state.tensors, state.facts, state.plain)
    read, fresh = str(state.facts.get("read", "")), bool(state.facts.get(FRESH, False))
    named = Path(str(settings.pretrained)).name
    facts = start_facts(state.arch, file=named, digest=state.digest, read=read, fresh_classifier=fresh)
    if read or fresh:
        classifier = "; no classifier in it fits, so that each network draws its own" if fresh else ""
        echo(f"Note: {read or 'the weights'} of {named} will be read{classifier}", err=True)
    return grown, {"start": facts}


def require_same_start(run: Mapping[str, Any], settings: TrainingSettings) -> None:
    """Refuses to go on with other weights than a run was begun with; they may be gone, the run keeps its own.

    Raises:
        Fail: if the file has changed since.
        ValueError: if it can't be used any more.
    """
    digest = run.get("start", {}).get("digest")
    if settings.pretrained is None or not digest or not Path(settings.pretrained).exists():
        return
    if _read(settings).digest != digest:
        raise Fail(
            f"--pretrained must be the file that the run was begun with, got {settings.pretrained}, which "
            "has changed; choose another folder"
        )


def remember_scratch_run(study: SearchStudy, settings: TrainingSettings) -> None:
    """Has a run that was begun already be compared with another one from now on; it changes no result."""
    run = study.begun()
    if settings.scratch_run is None or run["settings"].get("scratch_run") == settings.scratch_run:
        return
    changed = {**run, "settings": {**run["settings"], "scratch_run": settings.scratch_run}}
    study.set_attribute("run", changed)


def require_kept(folder: Path, settings: TrainingSettings) -> None:
    """Refuses to go on without the weights of a file that the run has kept.

    Raises:
        Fail: if they are gone.
    """
    if settings.pretrained is not None and not (folder / PRETRAINED).exists():
        raise Fail(f"DIR must hold {PRETRAINED}, the weights that its networks start from, got {folder}")


def _pretrained(settings: TrainingSettings, folder: Path | None) -> State:
    """The weights of the file; those that the folder keeps where it is gone."""
    from scalesearch.export.state import read_state

    kept = None if folder is None or not (folder / PRETRAINED).exists() else read_state(folder / PRETRAINED)
    if kept is None:
        return _read(settings)
    if Path(str(settings.pretrained)).exists() and _read(settings).digest != kept.digest:
        raise Fail(
            f"--pretrained must be the file whose weights {folder} keeps, got {settings.pretrained}, which "
            "has others; choose another folder"
        )
    return kept


def _read(settings: TrainingSettings) -> State:
    from scalesearch.export.pretrained import read_pretrained

    return read_pretrained(Path(str(settings.pretrained)), settings.full_baseline)


def scratch_record(folder: Path, phi: float, data: tuple[DataSpec, DataSize] | None = None) -> RunRecord:
    """The run of the same candidates from scratch.

    Args:
        folder: of the run.
        phi: that it has to be at.
        data: that it has to be trained and judged on; None where that was compared before.

    Raises:
        Fail: if the folder holds none, or one on other data as far as that can be told.
    """
    from scalesearch.cli.kept import kept_run
    from scalesearch.search.storage import StudyError

    try:
        kept = kept_run(folder)
    except Fail as error:
        raise Fail(str(error).replace("DIR", "--scratch-run"), error.exit_code) from None
    except StudyError as error:
        raise Fail(str(error).replace("`dir`", "--scratch-run")) from None
    record = kept.record
    if record.kind != "grid" or record.start is not None:
        what = (
            f"a run of scalesearch {record.kind}" if record.kind != "grid" else "one whose networks are grown"
        )
        raise Fail(f"--scratch-run must hold a grid run from scratch, got {folder}, which holds {what}")
    if record.phi != phi:
        raise Fail(f"--scratch-run must hold a run at phi {phi:g}, got {folder} at phi {record.phi:g}")
    if not any(c.status == "completed" for c in record.candidates):
        raise Fail(f"--scratch-run must hold networks that were trained to their end, got {folder} without")
    if data is not None:
        _require_its_data(folder, record, "" if kept.study is None else kept.study.data_digest, *data)
    return record


def _require_its_data(folder: Path, record: RunRecord, digest: str, data: DataSpec, size: DataSize) -> None:
    """Refuses a run on other data: of other content where that is known, else of another name or classes.

    Raises:
        Fail: if it is.
    """
    there = str(record.settings.get("dataset", data.name))
    # A folder may have been moved; what is in it is known by its content alone.
    named = there == data.name or any(
        there.startswith(kind) and data.name.startswith(kind) for kind in FOLDERS
    )
    same = digest == size.digest if digest and size.digest else named
    if not same or record.classes != size.classes:
        which = printable(there) + (" as it was then" if there == data.name else "")
        raise Fail(
            f"--scratch-run must hold a run on the same data as this one ({printable(data.name)}), got "
            f"{folder}, which was trained on {which}"
        )
