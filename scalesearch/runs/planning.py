"""Before a run begins: its start, a user's code tried, its plan, and how fast its networks train."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from scalesearch.errors import FolderError, RunFailedError, StudyError
from scalesearch.files import read_json, write_bytes
from scalesearch.networks.spec import Arch, CodeSpec, RefusedError
from scalesearch.runs.folder import read_run_file
from scalesearch.runs.telling import say, teller
from scalesearch.study.estimate import Speed, latency_cost, measure_speed
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.study.plan import Plan
from scalesearch.study.settings import PRETRAINED, TrainingSettings
from scalesearch.text import printable, size_text
from scalesearch.training.dataset import FOLDERS, TENSORS, DataSize, DataSpec
from scalesearch.training.recipe import ACCELERATOR_IMAGES, CPU_IMAGES, default_images
from scalesearch.workers.engines import Work, executor_of, is_here
from scalesearch.workers.executor import TO_MEASURE, TO_TRAIN, Executor, ProcessExecutor, TrialFailedError

if TYPE_CHECKING:
    from scalesearch.export.state import State
    from scalesearch.records import RunRecord
    from scalesearch.study.study import SearchStudy

# ----------------------------------------------------------------------------------------------------
# Worker processes for as long as a command needs them.


@contextmanager
def workers(
    jobs: int,
    log_dir: Path,
    preload: Sequence[str],
    failure: str,
    *,
    stall_timeout: float | None = None,
    elsewhere: TrainingSettings | None = None,
) -> Iterator[Executor]:
    """Workers that end with the block, whatever ends it.

    Args:
        jobs: how many run at a time.
        log_dir: where they log.
        preload: what they need and takes seconds to load.
        failure: what to say where one gives no result, before its reason.
        stall_timeout: seconds of silence after which one is killed.
        elsewhere: the settings that say which other engine they are of; None for processes of this machine.

    Raises:
        FolderError: with exit code 1 if one gives no result.
    """
    executor: Executor
    if elsewhere is None:
        executor = ProcessExecutor(jobs=jobs, log_dir=log_dir, preload=preload, stall_timeout=stall_timeout)
    else:
        work = Work(
            device=elsewhere.device,
            threads=elsewhere.threads,
            jobs=jobs,
            log_dir=log_dir,
            stall_timeout=stall_timeout,
        )
        executor = executor_of(elsewhere.executor, work)
    try:
        yield executor
    except TrialFailedError as error:
        raise RunFailedError(f"{failure}: {error}") from error
    finally:
        executor.shutdown(kill=True)


# ----------------------------------------------------------------------------------------------------
# A user's own code under a run: tried before, kept beside it, carried on only as the same network.

SOURCE = "source"
"""The folder, in a run's, of the user's own files as they were; nothing of it is ever run."""
NETWORK = "network.json"
"""In that folder: what the baseline is made of, and what it computes."""
CLOSE = 1e-3
"""How far numbers may differ, as a share of the largest, that another machine computed."""


def tried(plan: Plan) -> Plan:
    """Tries to train what a plan is going to, where a user's own code builds it.

    Returns:
        The plan with sentences on how it is done, without the networks that can't be trained.

    Raises:
        ValueError: if the baseline can't be trained, judged, or stored and taken up again, or no network can.
    """
    if not isinstance(plan.base, CodeSpec):
        return plan
    from scalesearch.hardware.device import resolve_device
    from scalesearch.networks.matching import reason
    from scalesearch.study.plan import without
    from scalesearch.training.loop import rehearse

    settings = plan.settings
    # Nodes elsewhere have what this machine may lack.
    device = resolve_device(settings.device if is_here(settings.executor) else "cpu")
    archs = {planned.arch.key: planned.arch for planned in plan.chosen}
    size = size_text(plan.base.input_size)
    times = settings.baseline_width
    width = "its own width" if times == 1 else f"{times:g} times its own width"
    notes = [
        f"The baseline is trained at {width} and {size} px "
        "(--baseline-width and --baseline-resolution say otherwise)."
    ]
    refused: dict[str, str] = {}
    with teller().waiting("Trying to train each network") as tick:
        notes += rehearse(plan.base, settings.proxy_recipe, device)
        tick()
        for key, arch in archs.items():
            assert isinstance(arch, CodeSpec)  # as the baseline is
            try:
                notes += rehearse(arch, settings.proxy_recipe, device)
            except RefusedError as error:
                refused[key] = reason(error)
                if len(refused) == len(archs):
                    raise
            tick()
    if refused:
        several = "s are" if len(refused) > 1 else " is"
        first = next(iter(refused.values())).removeprefix("refused: ")
        notes.append(f"{len(refused):,} network{several} skipped that can't be trained, such as: {first}.")
    return replace(without(plan, refused), notes=tuple(dict.fromkeys((*plan.notes, *notes))))


def keep_source(folder: Path, plan: Plan) -> None:
    """Keeps the user's own files, and what they build, in the folder of a plan's run, once.

    Raises:
        OSError: if they can't be written.
    """
    base, whole = plan.base, plan.settings.full_baseline
    if not (isinstance(base, CodeSpec) and isinstance(whole, CodeSpec)):
        return
    if (folder / SOURCE / NETWORK).exists():
        return
    from scalesearch.networks.user_code import sources
    from scalesearch.networks.user_network import numbers, structure

    for name, content in sources(base.target).items():
        write_bytes(folder / SOURCE / name, content)
    record = {
        "spec": base.to_dict(),
        "structure": list(structure(whole)),
        "numbers": numbers(base),
        "torch": _torch_version(),
    }
    write_bytes(folder / SOURCE / NETWORK, (json.dumps(record, indent=1) + "\n").encode())


def require_same_code(folder: Path) -> None:
    """Refuses to go on with the run in a folder where its code builds another network today, or none.

    Raises:
        ValueError: if that is so; it says what differs.
    """
    recorded = [CodeSpec.from_dict(spec) for spec in _recorded(read_run_file(folder))]
    from scalesearch.commands.measure.run import NETWORKS, SampleStore

    if (folder / NETWORKS).exists():
        archs = (subject.arch for subject in SampleStore(folder).subjects())
        recorded += [arch for arch in archs if isinstance(arch, CodeSpec)]
    if not recorded:
        return
    from scalesearch.networks.user_code import load
    from scalesearch.networks.user_network import settled

    kept = _kept(folder)
    for spec in dict.fromkeys(recorded):
        load(spec.target)
        if spec.shape and settled(spec).shape != spec.shape:
            raise _changed(spec.target, _structure_changed(kept, spec))
        if kept.get("spec", {}).get("target") == spec.target:
            _require_same_numbers(kept)


def _kept(folder: Path) -> dict[str, Any]:
    """What the folder keeps of its network; nothing where it can't be read."""
    try:
        kept = read_json(folder / SOURCE / NETWORK)
        CodeSpec.from_dict(kept["spec"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(kept)


def _changed(target: str, what: str) -> ValueError:
    return ValueError(
        f"`baseline` must build the network that its run was begun with, got {target}, which builds another: "
        f"{what}; put the code back as it was, or begin another run"
    )


def _structure_changed(kept: Mapping[str, Any], spec: CodeSpec) -> str:
    """The first difference between what a network is made of and what it was made of."""
    from scalesearch.networks.user_network import structure

    before, now = _by_name(kept.get("structure", ())), _by_name(structure(spec))
    for name in (*before, *now) if before else ():
        if before.get(name) != now.get(name):
            if name not in now:
                return f"{name} ({before[name]}) is gone"
            return f"{name} is {now[name]}, and was {before[name]}" if name in before else f"{name} is new"
    return f"its layers at depth {spec.depth:g} and width {spec.width:g} are not what they were"


def _by_name(lines: Iterable[str]) -> dict[str, str]:
    return {name: what for name, _, what in (line.partition(": ") for line in lines)}


def _require_same_numbers(kept: Mapping[str, Any]) -> None:
    """Refuses code that computes something else with the same layers.

    Raises:
        ValueError: if it does; nothing is said where another torch drew and computed them.
    """
    from scalesearch.networks.user_network import numbers

    if kept.get("torch") != _torch_version():
        return
    spec = CodeSpec.from_dict(kept["spec"])
    now = numbers(spec)
    for mode, before in kept.get("numbers", {}).items():
        values = now.get(mode, ())
        bound = CLOSE * max(map(abs, before), default=0.0)
        for was, value in zip(before, values, strict=False):
            if abs(was - value) > bound:
                raise _changed(
                    spec.target,
                    f"with the same layers and seed it gives {value:.6g} in {mode}, and gave {was:.6g} (an "
                    "activation, a constant or its first weights are not what they were)",
                )


def _torch_version() -> str:
    import torch

    return torch.__version__


def _recorded(tables: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every user's network that a run.toml keeps."""
    for name, value in tables.items():
        if isinstance(value, dict):
            if name == "baseline_arch" and "target" in value:
                yield value
            yield from _recorded(value)


# ----------------------------------------------------------------------------------------------------
# What the networks of a run start from, as a command finds it, and the run from scratch to compare with.


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
    from scalesearch.study.driver import start_facts
    from scalesearch.study.plan import grown_plan

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
        say(f"Note: {read or 'the weights'} of {named} will be read{classifier}")
    return grown, {"start": facts}


def require_same_start(run: Mapping[str, Any], settings: TrainingSettings) -> None:
    """Refuses to go on with other weights than a run was begun with; they may be gone, the run keeps its own.

    Raises:
        FolderError: if the file has changed since.
        ValueError: if it can't be used any more.
    """
    digest = run.get("start", {}).get("digest")
    if settings.pretrained is None or not digest or not Path(settings.pretrained).exists():
        return
    if _read(settings).digest != digest:
        raise FolderError(
            f"`pretrained` must be the file that the run was begun with, got {settings.pretrained}, which "
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
        FolderError: if they are gone.
    """
    if settings.pretrained is not None and not (folder / PRETRAINED).exists():
        raise FolderError(
            f"`dir` must hold {PRETRAINED}, the weights that its networks start from, got {folder}"
        )


def _pretrained(settings: TrainingSettings, folder: Path | None) -> State:
    """The weights of the file; those that the folder keeps where it is gone."""
    from scalesearch.export.state import read_state

    kept = None if folder is None or not (folder / PRETRAINED).exists() else read_state(folder / PRETRAINED)
    if kept is None:
        return _read(settings)
    if Path(str(settings.pretrained)).exists() and _read(settings).digest != kept.digest:
        raise FolderError(
            f"`pretrained` must be the file whose weights {folder} keeps, got {settings.pretrained}, which "
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
        FolderError: if the folder holds none, or one on other data as far as that can be told.
    """
    from scalesearch.runs.kept import kept_run

    try:
        kept = kept_run(folder)
    except (FolderError, StudyError) as error:
        raise FolderError(str(error).replace("`dir`", "`scratch_run`")) from None
    record = kept.record
    if record.kind != "grid" or record.start is not None:
        what = (
            f"a run of scalesearch {record.kind}" if record.kind != "grid" else "one whose networks are grown"
        )
        raise FolderError(
            f"`scratch_run` must hold a grid run from scratch, got {folder}, which holds {what}"
        )
    if record.phi != phi:
        raise FolderError(f"`scratch_run` must hold a run at phi {phi:g}, got {folder} at phi {record.phi:g}")
    if not any(c.status == "completed" for c in record.candidates):
        raise FolderError(
            f"`scratch_run` must hold networks that were trained to their end, got {folder} without"
        )
    if data is not None:
        _require_its_data(folder, record, "" if kept.study is None else kept.study.data_digest, *data)
    return record


def _require_its_data(folder: Path, record: RunRecord, digest: str, data: DataSpec, size: DataSize) -> None:
    """Refuses a run on data of other content where that is known, else of another name or classes."""
    judged_on = str(record.settings.get("confirm_on", "same"))
    if (judged_on == "fresh") != data.apart:
        raise FolderError(
            f"`scratch_run` must hold a run judged on the same images as this one, got {folder} with "
            f"--confirm-on {judged_on}; give --confirm-on {judged_on} here too"
        )
    there = str(record.settings.get("dataset", data.name))
    # A folder may have been moved; what is in it is known by its content alone.
    named = there == data.name or any(
        there.startswith(kind) and data.name.startswith(kind) for kind in (*FOLDERS, TENSORS)
    )
    same = digest == size.digest if digest and size.digest else named
    if not same or record.classes != size.classes:
        which = printable(there) + (" as it was then" if there == data.name else "")
        raise FolderError(
            f"`scratch_run` must hold a run on the same data as this one ({printable(data.name)}), got "
            f"{folder}, which was trained on {which}"
        )


# ----------------------------------------------------------------------------------------------------
# Before a search starts: its plan, and what that takes.


def grid_plan(settings: GridSettings, size: DataSize, folder: Path) -> Plan:
    """The plan of the grid in ``folder``, networks timed first where latency is the budget."""
    start = start_network(settings, size.classes, folder)
    if not settings.measures_cost:
        return plan_grid(settings, size, start=start)
    with (
        _workers(1, settings, TO_MEASURE) as executor,
        teller().waiting("Measuring latency to match") as measured,
    ):
        return plan_grid(settings, size, latency_cost(settings, executor, measured), start)


def planned_speed(plan: Plan, settings: TrainingSettings) -> Speed:
    """How fast the networks of a plan train here, measured on a few batches of three of them."""
    with _workers(settings.jobs if settings.device == "cpu" else 1, settings, TO_TRAIN) as executor:
        return measure_speed([planned.arch for planned in plan.chosen], settings, executor, teller().track)


@contextmanager
def _workers(jobs: int, settings: TrainingSettings, preload: tuple[str, ...]) -> Iterator[Executor]:
    """Workers that leave nothing behind."""
    elsewhere = None if is_here(settings.executor) else settings
    failure = "a network of the plan could not be tried"
    with (
        TemporaryDirectory() as folder,
        workers(
            jobs, Path(folder), preload, failure, stall_timeout=settings.stall_timeout, elsewhere=elsewhere
        ) as executor,
    ):
        yield executor


def run_length(plan: Plan, settings: TrainingSettings) -> str:
    """How long a plan's training runs are, and where that comes from."""
    images, recipe = plan.rungs[-1].images, settings.proxy_recipe
    text = f"{images:,} images, {images // recipe.batch_size:,} steps of {recipe.batch_size:,}"
    if settings.images != default_images(settings.device):
        return text
    others = {"a CPU": CPU_IMAGES, "a GPU": ACCELERATOR_IMAGES}
    here, there = others.items() if settings.images == CPU_IMAGES else reversed(others.items())
    return f"{text} (the default on {here[0]}; {there[1]:,} on {there[0]})"
