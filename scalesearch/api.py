"""The Python API: what ``import scalesearch as ss`` offers. The command line does the same with options."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from scalesearch.errors import FolderError, ScalesearchError
from scalesearch.networks.baselines import baseline as table_of
from scalesearch.networks.baselines import built_in, published_network, rounding_of
from scalesearch.networks.cost import block_count
from scalesearch.networks.cost import count as cost_of
from scalesearch.networks.scaled import scale as scaled
from scalesearch.networks.spec import Arch, Cost, Rounding, blamed_on
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.runs.given import given_baseline, given_dataset
from scalesearch.runs.telling import Teller, TrainingListener, telling
from scalesearch.scaling import Multipliers
from scalesearch.text import near, size_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from torch import nn

    from scalesearch.networks.baselines import PublishedNetwork
    from scalesearch.records import MeasureRecord, Record
    from scalesearch.runs.exporting import Handover
    from scalesearch.runs.kinds import Outcome
    from scalesearch.runs.lifecycle import Run as RunUnderWay
    from scalesearch.statistics.answer import Estimate, Rate, Split
    from scalesearch.study.settings import Computing

OnResult = Callable[[CandidateRecord], None]
"""Hears of a training run that has ended: its network, with the one run that it gave, or why it failed."""
Settings = TypeVar("Settings")
log = logging.getLogger("scalesearch")

# ----------------------------------------------------------------------------------------------------
# Networks: named, scaled, counted, built.


def baselines() -> tuple[str, ...]:
    """The names of the networks that are built in."""
    return tuple(built_in())


@dataclass(frozen=True, slots=True)
class Network:
    """A network as data: counted in closed form, built when asked for.

    Attributes:
        spec: its table, or a user's own function with its multipliers.
    """

    spec: Arch

    def __repr__(self) -> str:
        return f"<Network {self.name} at {size_text(self.spec.input_size)} px>"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.spec.name

    @property
    def resolution(self) -> int:
        """Height of the input in pixels."""
        return self.spec.resolution

    @property
    def macs(self) -> int:
        """Multiply-adds of one image, one counted as one.

        Raises:
            ValueError: if it is a user's own code that refuses to be this network.
        """
        return cost_of(self.spec).macs

    @property
    def params(self) -> int:
        """Trainable numbers.

        Raises:
            ValueError: as :attr:`macs`.
        """
        return cost_of(self.spec).params

    def build(self) -> nn.Module:
        """The network as a torch module with fresh weights: images (N, channels, height, width) to logits.

        Raises:
            ValueError: as :attr:`macs`.
        """
        from scalesearch.networks.build import build  # loads torch

        return build(self.spec)

    def card(self) -> str:
        """What the network is, in a few lines."""
        cost, size = cost_of(self.spec), " x ".join(map(str, dict.fromkeys(self.spec.input_size)))
        return "\n".join(
            (
                f"{self.name}: {block_count(self.spec)} blocks at {size} px",
                f"{cost.macs / 1e6:,.1f} M multiply-adds",
                f"{cost.params / 1e6:,.2f} M parameters",
                f"{cost.activations / 1e6:,.2f} M activations",
            )
        )


def scale(
    network: object,
    *,
    depth: float = 1.0,
    width: float = 1.0,
    resolution: float = 1.0,
    **rounding: Any,
) -> Network:
    """A network made deeper, wider and sharper.

    Args:
        network: a built-in network's name, a published one's, the path of a ``.toml`` file,
            ``package.module:function``, that function itself (``build(depth, width, num_classes)`` of a
            module that can be imported), a :class:`Network` or a spec.
        depth: times as many layers.
        width: times as many channels.
        resolution: times as many pixels a side.
        rounding: rules of rounding, such as ``channel_divisor=4``; the network's own unless given.

    Raises:
        ValueError: naming the argument, if there is no such network or rule, or a multiplier isn't above 0.
    """
    for name, value in {"depth": depth, "width": width, "resolution": resolution}.items():
        if not isinstance(value, int | float):
            raise ScalesearchError(f"`{name}` must be a number > 0, got {value!r}")
    known = ("depth", "width", "resolution", *(field.name for field in fields(Rounding)))
    for name in rounding:
        if name not in known:
            raise ScalesearchError(f"`{name}` must be one of {', '.join(known)}{near(name, known)}")
    spec = _spec(network)
    rules = rounding_of(spec.name if spec.name in built_in() else "", rounding)
    multipliers = Multipliers(depth=depth, width=width, resolution=resolution)
    return Network(scaled(spec, multipliers, rules))


def count(network: object) -> Cost:
    """What a network costs: parameters, multiply-adds and activations of one image.

    Args:
        network: as :func:`scale` takes it.

    Raises:
        ValueError: as :func:`scale`.
    """
    return cost_of(_spec(network))


def _spec(network: object) -> Arch:
    """A network as a caller names it."""
    if isinstance(network, Network):
        return network.spec
    published: PublishedNetwork | None = None
    if isinstance(network, str) and network not in built_in():
        published = published_network(network)
    if published is not None:
        return published.arch()
    chosen = given_baseline(network, "network")
    return table_of(chosen) if isinstance(chosen, str) else chosen


def _phis(phi: object, argument: str = "phi") -> tuple[float, ...]:
    """Compound exponents, or other numbers, of one number or several."""
    try:
        values: tuple[Any, ...] = (phi,) if isinstance(phi, int | float) else tuple(phi)  # type: ignore[arg-type]
        phis = tuple(float(value) for value in values if not isinstance(value, str))
    except (TypeError, ValueError):
        phis, values = (), (phi,)
    if not phis or len(phis) != len(values):
        example = "[0.5, 2, 4]" if argument == "lengths" else "range(4) or [0, 1.5]"
        raise ScalesearchError(
            f"`{argument}` must be a number, or at least one in a list or a range, such as {example}, "
            f"got {phi!r}"
        )
    return phis


def family(
    alpha: float = 1.2,
    beta: float = 1.1,
    gamma: float = 1.15,
    *,
    phi: float | Iterable[float] = range(8),
    baseline: object = "efficientnet-b0",
    **settings: Any,
) -> pd.DataFrame:
    """The family that fixed coefficients make of a baseline: a row for each phi, as in family.csv.

    Args:
        alpha: depth coefficient, >= 1.
        beta: width coefficient, >= 1.
        gamma: resolution coefficient, >= 1.
        phi: compound exponents; each network is about twice the cost of the one before.
        baseline: as :func:`scale` takes it.
        settings: other fields of ``ScaleSettings``, such as ``latency=True``.

    Raises:
        ValueError: naming the argument, if a value can't be used or a network can't be built.
    """
    from scalesearch.commands.scale.run import ScaleSettings, with_affordable_phi, without_refused
    from scalesearch.page.tables import family_table
    from scalesearch.runs.defaults import spending_defaults
    from scalesearch.runs.deriving import derive
    from scalesearch.runs.lifecycle import require_device

    given = {"alpha": alpha, "beta": beta, "gamma": gamma, "phis": _phis(phi), **settings}
    options = _options(ScaleSettings, "family", given, baseline)
    asked = ScaleSettings(**spending_defaults(options))
    asked, _ = without_refused(with_affordable_phi(asked))
    require_device(asked.device, to_train=False)
    with tempfile.TemporaryDirectory() as folder:
        record = derive(asked, Path(folder), name="family", command="", started=time.perf_counter())
    return family_table(record)


# ----------------------------------------------------------------------------------------------------
# Runs that train: begun or carried on in their folder, read from it at any time.


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a search found out about sharing compute between depth, width and resolution.

    Attributes:
        lines: the answer in words, what it rests on, what to do next; why there is none where there is none.
        best: shares of depth, width and resolution of the best fitted split; None without an answer.
        network: the network of the grid with the highest prediction.
        top1: fitted top-1 there, in points, with its 95% interval.
        region: (K, 3) the splits that can't be excluded as the best, with 95% confidence.
        rates: points of top-1 for a tenth of the compute moved from one dimension to another.
    """

    lines: tuple[str, ...]
    best: Split | None = None
    network: CandidateRecord | None = None
    top1: Estimate | None = None
    region: tuple[Split, ...] = ()
    rates: tuple[Rate, ...] = ()

    def __repr__(self) -> str:
        """The lines, as the terminal has them."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """A run in its folder, done or half done; what it says is read from the folder when it is asked for.

    Attributes:
        folder: where it is kept.
        storage: the URL of its study, where that isn't in the folder.
    """

    folder: Path
    storage: str = ""

    def __repr__(self) -> str:
        """What opens it again; the URL of a study may hold a password."""
        return f"scalesearch.open({str(self.folder)!r})"

    @property
    def kind(self) -> str:
        """The command that began it, such as ``grid``, ``measure`` or ``transfer``."""
        from scalesearch.runs.kinds import kind_in

        return kind_in(self.folder).name

    @property
    def record(self) -> Record:
        """All that is known of it, as frozen values.

        Raises:
            FolderError: if the folder holds no run that can be read.
        """
        from scalesearch.runs.again import read

        record: Record = read(self.folder, self.storage)
        return record

    @property
    def answer(self) -> Answer:
        """What came out; of a grid or a search without ``best`` where it doesn't say yet.

        Raises:
            FolderError: if the folder holds no run that can be read.
        """
        from scalesearch.runs.kinds import kind_in, loaded

        kind = kind_in(self.folder)
        if kind.shares:
            return _shares(self.record, self.folder)
        return Answer(lines=loaded(kind.answer)(self.record))

    @property
    def table(self) -> pd.DataFrame:
        """A row for each network, length, round, pair or setup, as in the CSV file that its page names.

        Raises:
            FolderError: if the folder holds no run that can be read.
        """
        from scalesearch.runs.again import table

        return table(self.folder, self.storage)

    @property
    def pareto(self) -> pd.DataFrame:
        """The networks on a front of top-1 against a cost, as in pareto.csv.

        Raises:
            FolderError: if it is of a kind that trains no rival networks.
        """
        from scalesearch.page.tables import pareto_table
        from scalesearch.runs.kinds import kind_in

        # Asked before anything is read: a run of times has no front, whatever is left of it.
        record = self.record if kind_in(self.folder).studies else None
        if not isinstance(record, RunRecord):
            raise FolderError(
                f"`dir` must hold a run of grid, search, sweep or scale --train for a front, got "
                f"{self.folder}, which holds one of {self.kind}: that has a table and an answer"
            )
        return pareto_table(record)

    def plot(self) -> Figure | None:
        """The figure of the run's answer; None where there is nothing to draw, or the page alone has it."""
        from scalesearch.runs.kinds import kind_in, loaded

        kind = kind_in(self.folder)
        figure: Figure | None = loaded(kind.figure)(self.record) if kind.figure else None
        return figure

    def report(self) -> Path:
        """Writes the run's tables, figures and page anew; returns the page, report.html.

        Raises:
            FolderError: if the folder holds no run that can be read, or can't be written.
        """
        from scalesearch.page.html.page import PAGE
        from scalesearch.runs.again import report

        return report(self.folder, self.storage).page.with_name(PAGE)

    def resume(
        self,
        *,
        retry_failed: bool = False,
        progress: bool = False,
        on_result: OnResult | None = None,
        **computing: Any,
    ) -> Run:
        """Does what is left of the run, however it was stopped, and writes its report.

        Args:
            retry_failed: train or measure what failed once more.
            progress: show bars with the time left, in a terminal or a notebook.
            on_result: called with each training run that ends.
            computing: ``jobs``, ``threads``, ``device`` or ``executor`` to train with from now on.

        Raises:
            FolderError: if the folder holds no run that can be gone on with.
            RunFailedError: if nothing could be trained or measured.
            StoppedError: if it is stopped; what is done is kept.
        """
        from scalesearch.runs.again import resume
        from scalesearch.runs.kinds import GoingOn

        how = GoingOn(storage=self.storage, computing=_computing(computing), retry_failed=retry_failed)
        with _heard(progress, on_result):
            return _finished(resume(self.folder, how), self.storage)


def _shares(record: Any, folder: Path) -> Answer:
    """The answer of a search, with the splits that it is about."""
    from scalesearch.page.answer import told_answer
    from scalesearch.runs.searches import shares_answer

    lines, found = shares_answer(record, folder), told_answer(record)
    if isinstance(found, str):
        return Answer(lines=lines)
    inside = found.answer.splits[found.answer.region].tolist()
    return Answer(
        lines=lines,
        best=found.answer.best,
        network=found.best,
        top1=found.answer.top1,
        region=tuple((row[0], row[1], row[2]) for row in inside),
        rates=found.answer.rates,
    )


def _computing(given: Mapping[str, Any]) -> Computing:
    """What training goes on with; a ScalesearchError for a setting that is none of it."""
    from scalesearch.hardware.device import auto_device
    from scalesearch.runs.defaults import default_jobs
    from scalesearch.study.settings import Computing

    names = ("jobs", "threads", "device", "executor")
    for name in given:
        if name not in names:
            raise ScalesearchError(f"`{name}` must be one of {', '.join(names)}{near(name, names)}")
    device = auto_device() if given.get("device") == "auto" else given.get("device")
    usual = None if device is None else default_jobs(device)
    return Computing(**{**given, "device": device, "usual_jobs": usual})


def _finished(outcome: Outcome, storage: str = "") -> Run:
    """The run that an outcome is of; raises why it has not what it was begun for."""
    if outcome.failure is not None:
        raise outcome.failure
    return Run(outcome.folder, storage)


def open(dir: str | Path, *, storage: str = "") -> Run:
    """The run in a folder, of any command: done, half done, or committed without its study.

    Args:
        dir: the run's folder.
        storage: the URL of its study, where that isn't in the folder.

    Raises:
        FolderError: if there is no such folder, or it holds no run that can be read; the message says what it
            holds, and what can be done with that.
    """
    from scalesearch.runs.again import require_readable
    from scalesearch.runs.folder import require_folder

    run = Run(Path(dir), storage)
    require_folder(run.folder)
    require_readable(run.folder, storage)
    return run


def grid(
    *,
    phi: float | None = None,
    baseline: object = "efficientnet-b0",
    dataset: object = "photographs",
    out: str | Path | None = None,
    progress: bool = False,
    on_result: OnResult | None = None,
    **settings: Any,
) -> Run:
    """STEP 1: which split of the compute between depth, width and resolution is best at a fixed phi?

    Called again with the same settings it goes on where it was stopped; with more ``seeds``, a longer
    ``time_budget``, ``confirm`` or ``check_recipe`` from what is there.

    Args:
        phi: compound exponent to search at: 2^phi times the baseline's compute; 1 unless given, left out
            with a ``budget``.
        baseline: as :func:`scale` takes it.
        dataset: a dataset's name as the command line takes it; or a torch ``Dataset`` of (image, label), or
            (images, labels), or a function that returns them: (N, channels, height, width), uint8 or floats
            from 0 to 1, and (N,) whole numbers. Tensors are written into the run's folder once.
        out: the run's folder; ``reports/grid-BASELINE-phiPHI`` unless given.
        progress: show bars with the time left, in a terminal or a notebook.
        on_result: called with each training run that ends.
        settings: the other options of ``scalesearch grid``, by the names of ``GridSettings``' fields, such as
            ``seeds=3``, ``images=8000`` or ``max_networks=12``; with its defaults.

    Raises:
        ValueError: naming the argument, if a setting or the data can't be used.
        FolderError: if the folder can't be used, or holds another run.
        EmptyGridError: if no network meets the constraint or the budget.
        RunFailedError: if no network could be trained.
        StoppedError: if it is stopped (a ``KeyboardInterrupt``); what is done is kept.
    """
    from scalesearch.runs.defaults import (
        grid_defaults,
        require_size,
        spending_defaults,
        training_defaults,
    )
    from scalesearch.runs.lifecycle import begin_grid, default_folder
    from scalesearch.study.grid_plan import GridSettings

    size = 1.0 if phi is None else phi
    require_size((size,), settings.get("budget"), given=phi is not None)
    given = {"phi": size, **settings}
    command = _call("grid", given | {"phi": phi}, baseline, dataset, out)
    unsaid = dict.fromkeys(("seeds", "regret", "max_networks", "law"))
    options = _options(GridSettings, "grid", given, baseline, unsaid)
    options = grid_defaults(spending_defaults(training_defaults(options)))
    with _heard(progress, on_result):
        folder = _folder(out, lambda: default_folder("grid", _made(GridSettings, options)))
        asked = _made(GridSettings, options | {"dataset": given_dataset(dataset, folder / "data")})
        with begin_grid(folder, asked, command) as run:
            return _trained(run)


def search(
    *,
    phi: float | None = None,
    baseline: object = "efficientnet-b0",
    dataset: object = "photographs",
    out: str | Path | None = None,
    progress: bool = False,
    on_result: OnResult | None = None,
    **settings: Any,
) -> Run:
    """STEP 1 without a grid: a sampler suggests how to share the compute.

    Arguments and errors are those of :func:`grid`, but ``settings`` are fields of ``SearchSettings``, such as
    ``trials=20`` or ``sampler="gp"``.
    """
    from scalesearch.commands.search.run import SearchSettings
    from scalesearch.runs.defaults import require_size, spending_defaults, training_defaults
    from scalesearch.runs.lifecycle import begin_search, default_folder

    size = 1.0 if phi is None else phi
    require_size((size,), settings.get("budget"), given=phi is not None)
    given = {"phi": size, **settings}
    command = _call("search", given | {"phi": phi}, baseline, dataset, out)
    options = _options(SearchSettings, "search", given, baseline, {"law": None})
    options = spending_defaults(training_defaults(options))
    with _heard(progress, on_result):
        folder = _folder(out, lambda: default_folder("search", _made(SearchSettings, options)))
        asked = _made(SearchSettings, options | {"dataset": given_dataset(dataset, folder / "data")})
        with begin_search(folder, asked, command) as run:
            return _trained(run)


def sweep(
    *,
    phi: float | Iterable[float] = (0.5, 1.0, 2.0),
    baseline: object = "efficientnet-b0",
    dataset: object = "photographs",
    out: str | Path | None = None,
    progress: bool = False,
    on_result: OnResult | None = None,
    **settings: Any,
) -> Run:
    """One dimension alone against all together, at equal cost, at each budget of 2^phi times the baseline.

    Arguments and errors are those of :func:`grid`, but ``settings`` are fields of ``SweepSettings``, such as
    ``alpha=1.1`` or ``roles=("depth", "compound")``.
    """
    from scalesearch.commands.sweep.run import SweepSettings
    from scalesearch.runs.defaults import training_defaults
    from scalesearch.runs.lifecycle import begin_sweep, default_folder

    given = {"phis": _phis(phi), **settings}
    command = _call("sweep", given, baseline, dataset, out)
    options = training_defaults(_options(SweepSettings, "sweep", given, baseline, {"seeds": 3}))
    with _heard(progress, on_result):
        folder = _folder(out, lambda: default_folder("sweep", _made(SweepSettings, options)))
        asked = _made(SweepSettings, options | {"dataset": given_dataset(dataset, folder / "data")})
        with begin_sweep(folder, asked, command) as run:
            return _trained(run)


def alternate(
    *,
    phi: float = 1.0,
    baseline: object = "efficientnet-b0",
    dataset: object = "photographs",
    out: str | Path | None = None,
    progress: bool = False,
    on_result: OnResult | None = None,
    **settings: Any,
) -> Run:
    """Coefficients, then phi under a budget, then coefficients at that phi, until the answer stops changing.

    Arguments and errors are those of :func:`grid`, but ``settings`` are fields of ``AlternateSettings``, such
    as ``budget="macs"`` with ``budget_ratio=4``.
    """
    from scalesearch.commands.alternate.run import AlternateSettings
    from scalesearch.runs.alternate import default_folder, run_rounds
    from scalesearch.runs.defaults import require_size, training_defaults

    require_size((phi,))
    given = {"phi": phi, **settings}
    command = _call("alternate", given, baseline, dataset, out)
    options = training_defaults(_options(AlternateSettings, "alternate", given, baseline))
    with _heard(progress, on_result):
        folder = _folder(out, lambda: default_folder(_made(AlternateSettings, options)))
        asked = _made(AlternateSettings, options | {"dataset": given_dataset(dataset, folder / "data")})
        return _finished(run_rounds(folder, asked, command), asked.storage)


def train_family(
    alpha: float = 1.2,
    beta: float = 1.1,
    gamma: float = 1.15,
    *,
    phi: float | Iterable[float] | None = None,
    train_phi: float | Iterable[float] | None = None,
    baseline: object = "efficientnet-b0",
    dataset: object = "photographs",
    out: str | Path | None = None,
    progress: bool = False,
    on_result: OnResult | None = None,
    **settings: Any,
) -> Run:
    """STEP 2 put to the test: the networks of a family trained as small copies. Does accuracy rise with phi?

    What ``scalesearch scale --train`` does; :func:`family` counts the networks and trains nothing.

    Args:
        alpha: depth coefficient, >= 1.
        beta: width coefficient, >= 1.
        gamma: resolution coefficient, >= 1.
        phi: compound exponents of the derivation; 0 to 7 unless given.
        train_phi: those whose networks are trained; ``phi`` where it is given, else 0 to 3.
        baseline: as :func:`scale` takes it.
        dataset: as :func:`grid` takes it.
        out: the run's folder; ``reports/scale-BASELINE-trained`` unless given.
        progress: show bars with the time left, in a terminal or a notebook.
        on_result: called with each training run that ends.
        settings: fields of ``FamilyTrainingSettings``, such as ``seeds=3`` or ``budget="macs=800M"``.

    Raises:
        ValueError: as :func:`grid`.
    """
    from scalesearch.commands.scale.run import FamilyTrainingSettings
    from scalesearch.runs.defaults import spending_defaults, training_defaults
    from scalesearch.runs.family import begin_family, default_folder, family_settings

    usual = (0.0,) if settings.get("budget") else tuple(map(float, range(8)))
    given = {
        **{"alpha": alpha, "beta": beta, "gamma": gamma, "phi": usual if phi is None else _phis(phi)},
        **{"train_phi": None if train_phi is None else _phis(train_phi, "train_phi"), **settings},
    }
    command = _call("train_family", given | {"phi": phi, "train_phi": train_phi}, baseline, dataset, out)
    options = _options(FamilyTrainingSettings, "train_family", given, baseline, {"seeds": 3, "law": None})
    options = spending_defaults(training_defaults(options))
    with _heard(progress, on_result):
        checked = family_settings(options, phi_given=phi is not None)
        folder = _folder(out, lambda: default_folder(checked))
        data = given_dataset(dataset, folder / "data")
        asked = family_settings(options | {"dataset": data}, phi_given=phi is not None)
        with begin_family(folder, asked, command) as run:
            return _trained(run)


def fidelity(
    dir: str | Path | Run,
    *,
    lengths: Iterable[float] = (0.5, 2.0, 4.0),
    networks: int = 12,
    seeds: int = 1,
    progress: bool = False,
    on_result: OnResult | None = None,
    **computing: Any,
) -> Run:
    """Does the answer of a run's short trainings hold in longer ones? Its networks trained for other lengths.

    Args:
        dir: a run of grid, search or sweep, or its folder; what is trained lies in it, under ``fidelity``.
        lengths: multiples of the run's length, a factor of 2 apart; the others are judged by the greatest.
        networks: how many of the run's networks, at least 7.
        seeds: at the other lengths; at most the run's.
        progress: show bars with the time left, in a terminal or a notebook.
        on_result: called with each training run that ends.
        computing: ``jobs``, ``threads``, ``device`` or ``executor`` to train with, where not as the run.

    Raises:
        ScalesearchError: naming the argument, if a length or number can't be used.
        FolderError: if the run can't be judged: of another kind, or with too few networks.
        StoppedError: if it is stopped; what is done is kept.
    """
    from scalesearch.commands.fidelity.run import FidelitySettings
    from scalesearch.runs.fidelity import judge

    given = {"lengths": _phis(lengths, "lengths"), "networks": networks, "seeds": seeds}
    asked = _made(FidelitySettings, given)
    folder = _folder_of(dir)
    command = f"scalesearch.fidelity({', '.join([repr(str(folder)), *_arguments(given | computing)])})"
    with _heard(progress, on_result):
        return _finished(judge(folder, asked, command, _computing(computing)))


def transfer(*dirs: str | Path | Run, out: str | Path | None = None) -> Run:
    """Do finished searches want the same split of the compute, and would one's serve another?

    Nothing is trained.

    Args:
        dirs: two or more runs of grid or search, or their folders, all at one phi.
        out: the folder of the comparison; ``reports/transfer-A-vs-B`` unless given.

    Raises:
        FolderError: if a folder holds no run that can be compared, or one too small for a surface; or if
            ``out`` can't be used, or holds another run.
    """
    from scalesearch.runs.transfer import compare_searches, default_folder

    if len(dirs) < 2:
        raise FolderError(
            f"`dirs` must be two runs or more, each an argument, got {len(dirs)}: "
            "scalesearch.transfer('reports/A', 'reports/B')"
        )
    folders = tuple(map(_folder_of, dirs))
    told = [*(repr(str(folder)) for folder in folders), *_arguments({"out": out and str(out)})]
    command = f"scalesearch.transfer({', '.join(told)})"
    with _heard(progress=False, on_result=None):
        place = _folder(out, lambda: default_folder(folders))
        return _finished(compare_searches(folders, place, command))


def audit(
    *,
    baselines: Iterable[str] | None = None,
    train: bool = False,
    phi: float | Iterable[float] = 2.0,
    dataset: object = "photographs",
    out: str | Path | None = None,
    progress: bool = False,
    on_result: OnResult | None = None,
    **settings: Any,
) -> Run:
    """The rows of Tables 3 and 7 of the EfficientNet paper, rebuilt and counted, and trained at equal cost.

    Args:
        baselines: whose rows; all four unless given.
        train: whether small copies of the rows are trained.
        phi: the budgets of those, 2^phi times the baseline each; the tables' rows were meant to be at 2.
        dataset: as :func:`grid` takes it, with ``train``.
        out: the folder; ``reports/audit`` unless given.
        progress: show bars with the time left, in a terminal or a notebook.
        on_result: called with each training run that ends.
        settings: with ``train``, fields of ``AuditSettings``, such as ``seeds=3`` or ``images=8000``.

    Raises:
        ValueError: as :func:`grid`.
    """
    from scalesearch.commands.audit.run import AUDITED, AuditSettings
    from scalesearch.runs.audit import default_folder, run_audit
    from scalesearch.runs.defaults import training_defaults

    chosen = (
        AUDITED if baselines is None else (baselines,) if isinstance(baselines, str) else tuple(baselines)
    )
    for name in () if train else settings:
        raise ScalesearchError(f"`{name}` must come with `train`: without it nothing is trained")
    folder = _folder(out, default_folder)
    in_order = tuple(name for name in AUDITED if name in chosen)
    given = {"baselines": in_order if len(in_order) == len(chosen) else chosen, "train": train}
    shown = given | ({"phi": phi, **settings} if train else {})
    command = _call("audit", shown, None, dataset if train else None, out)
    with _heard(progress, on_result):
        if train:
            given |= {"phis": _phis(phi), **settings}
            options = _options(AuditSettings, "audit", given, "efficientnet-b0", {"seeds": 3})
            options = training_defaults(options) | {"dataset": given_dataset(dataset, folder / "data")}
        else:
            options = given
        with blamed_on("`baselines`"):
            asked = _made(AuditSettings, options)
        return _finished(run_audit(folder, asked, command), asked.storage)


def hand_over(source: str | Path | Run, *, out: str | Path | None = None, **settings: Any) -> Handover:
    """Hands a network over, as ``scalesearch export`` does: as ONNX, torch.export, safetensors, Python.

    Args:
        source: a run or its folder; a file of its weights; with ``untrained=True`` a network's name.
        out: the folder; ``exports/NAME`` unless given.
        settings: the options of ``scalesearch export``, such as ``to=("safetensors",)`` or ``seed=1``.

    Raises:
        ValueError: naming the argument, if there is no such network, or none with weights.
        FolderError: if the folder can't be used, or holds another export.
        RunFailedError: if a file does not give the network's outputs.
    """
    from scalesearch.export.formats import ExportSettings
    from scalesearch.runs.exporting import export_network

    place = str(source.folder if isinstance(source, Run) else source)
    asked = _made(ExportSettings, _options(ExportSettings, "hand_over", settings, None))
    handover = export_network(place, asked, None if out is None else Path(out))
    if handover.failure is not None:
        raise handover.failure
    return handover


def _trained(under_way: RunUnderWay) -> Run:
    """Trains what is left, and writes the report."""
    from scalesearch.runs.lifecycle import carry_on

    return _finished(carry_on(under_way), under_way.settings.storage)


# Where nobody says, these depend on others or on the machine.
UNSAID: Mapping[str, Any] = {
    **dict.fromkeys(("images", "epochs", "jobs", "threads", "batch_size")),
    **dict.fromkeys(("baseline_width", "baseline_resolution")),
    "device": "auto",
}
CHOSEN = ("baseline_arch", "recipe_values", "dataset")


def _options(
    settings: type[Any],
    command: str,
    given: Mapping[str, Any],
    baseline: object,
    unsaid: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """The fields of settings as they are given, else by their defaults; raises for what is no field."""
    known = [field for field in fields(settings) if field.name not in CHOSEN]
    names = [field.name for field in known]
    for name in given:
        if name not in names:
            raise ScalesearchError(f"`{name}` is no setting of {command}{near(name, names)}")
    defaults = {f.name: f.default for f in known if f.default is not MISSING}
    trains = "recipe" in names
    here = UNSAID if trains else {"device": "auto", "threads": None, "law": None}
    unsaid = {name: value for name, value in {**here, **unsaid}.items() if name in names}
    options = {**defaults, **unsaid, **given}
    if trains:
        options |= _recipe(options["recipe"])
    if "baseline" in names:
        chosen = given_baseline(baseline.spec if isinstance(baseline, Network) else baseline)
        options["baseline"] = chosen if isinstance(chosen, str) else chosen.name
        options["baseline_arch"] = None if isinstance(chosen, str) else chosen
    if not trains and "device" in names:
        from scalesearch.hardware.device import auto_device
        from scalesearch.hardware.machine import usable_cores

        options["device"] = auto_device() if options["device"] == "auto" else options["device"]
        options["threads"] = options["threads"] or usable_cores()
        if options["device"] == "mps" and "channels_last" in names and "channels_last" not in given:
            options["channels_last"] = False
    return options


def _recipe(recipe: object) -> dict[str, Any]:
    """A recipe by its name, or one of the caller's own."""
    from scalesearch.training.recipe import ProxyRecipe

    if isinstance(recipe, ProxyRecipe):
        return {"recipe": recipe.name, "recipe_values": recipe}
    return {"recipe": recipe, "recipe_values": None}


def _made(settings: type[Settings], options: Mapping[str, Any]) -> Settings:
    """Settings of options whose types are checked, lists taken for tuples."""
    from scalesearch.plain import typed

    return typed(settings, dict(options))


def _folder_of(dir: str | Path | Run) -> Path:
    return dir.folder if isinstance(dir, Run) else Path(dir)


def _folder(out: str | Path | None, default: Callable[[], Path]) -> Path:
    return default() if out is None else Path(out)


def _call(
    name: str, given: Mapping[str, Any], baseline: object, dataset: object, out: str | Path | None
) -> str:
    """The call as a page shows it, without what may be secret in a storage's URL."""
    from scalesearch.study.storage import recorded

    shown = {
        **{key: recorded(str(value)) if key == "storage" else value for key, value in given.items()},
        "baseline": baseline.name if isinstance(baseline, Network) else baseline,
        "dataset": dataset,
        "out": None if out is None else str(out),
    }
    return f"scalesearch.{name}({', '.join(_arguments(shown))})"


def _arguments(given: Mapping[str, Any]) -> list[str]:
    """Keyword arguments as they are written; those that are None left out."""
    return [f"{key}={_shown(value)}" for key, value in given.items() if value is not None]


def _shown(value: object) -> str:
    """A value in a call; of what has no short text its name alone."""
    if isinstance(value, str | int | float | tuple | list):
        return repr(value)
    return str(getattr(value, "__qualname__", type(value).__name__))


class _Logged(Teller):
    """Lines of a run that nobody watches go to the log of ``scalesearch``."""

    def say(self, line: str) -> None:
        """See ``Teller``."""
        log.info(line)


class _Calling(TrainingListener):
    """Calls back for each training run that ends, and passes all on."""

    def __init__(self, inner: TrainingListener, on_result: OnResult) -> None:
        self._inner, self._on_result = inner, on_result
        for name in ("headline", "note", "phase", "started", "step"):
            setattr(self, name, getattr(inner, name))

    def finished(self, task: str, candidate: CandidateRecord) -> None:
        """See ``TrainingListener``."""
        self._inner.finished(task, candidate)
        if candidate.latency is None:
            self._on_result(candidate)


@contextmanager
def _heard(progress: bool, on_result: OnResult | None) -> Iterator[None]:
    """Has the caller hear what is said within."""
    listener: Teller = _Logged()
    if progress:
        from scalesearch.runs.progress import Bars

        listener = Bars()
    if on_result is not None:
        inner, training = on_result, listener.training

        @contextmanager
        def calling() -> Iterator[TrainingListener]:
            with training() as heard:
                yield _Calling(heard, inner)

        listener.training = calling  # type: ignore[method-assign]
    with telling(lambda: listener):
        yield


# ----------------------------------------------------------------------------------------------------
# Measuring.


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was measured of networks.

    Attributes:
        record: all of it, raw samples included.
        folder: where it is kept; None where it was not to be.
    """

    record: MeasureRecord
    folder: Path | None = None

    @property
    def table(self) -> pd.DataFrame:
        """A row for each network in each setup, as in measurements.csv: times in seconds, memory in bytes."""
        from scalesearch.commands.measure.view import measurements_table

        return measurements_table(self.record)


def measure(
    *networks: object, out: str | Path | None = None, progress: bool = False, **settings: Any
) -> Measurements:
    """Latency, throughput and memory of networks, with their spread, each in fresh processes.

    Args:
        networks: names as ``scalesearch measure`` takes them, or whatever :func:`scale` gives or takes.
        out: the folder that keeps the measurements, and their page; nothing is kept unless given.
        progress: show bars with the time left.
        settings: the other options of ``scalesearch measure``, by the names of ``MeasureSettings``' fields,
            such as ``batch_size=(1, 8)`` or ``mode=("inference", "training")``; with its defaults.

    Raises:
        ValueError: naming the argument, if a network or a setting can't be used.
        FolderError: if the folder can't be used, or holds another run.
        RunFailedError: if nothing could be measured.
        StoppedError: if it is stopped; what is done is kept.
    """
    from scalesearch.commands.measure.run import MeasureSettings
    from scalesearch.runs.measuring import measured, named_subjects

    if not networks:
        raise ScalesearchError("`networks` must name at least one network, got none")
    named = [network if isinstance(network, str) else _spec(network) for network in networks]
    texts = tuple(item if isinstance(item, str) else item.name for item in named)
    given = {name: _listed(name, value) for name, value in settings.items()} | {"networks": texts}
    options = _options(MeasureSettings, "measure", given, settings.get("baseline", "efficientnet-b0"))
    options["threads"] = _listed("threads", options["threads"])
    asked = _made(MeasureSettings, options)
    subjects = named_subjects(named, asked)
    command = _call("measure", {"networks": texts, **settings}, None, None, out)
    with _heard(progress, None), _kept_in(out) as folder:
        outcome = measured(folder, asked, subjects, name=folder.name, command=command)
        _ = _finished(outcome)
    return Measurements(outcome.record, None if out is None else Path(out))


@contextmanager
def _kept_in(out: str | Path | None) -> Iterator[Path]:
    """The folder of measurements; one that is gone afterwards where none is named."""
    if out is not None:
        yield Path(out)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "measurements"


def _listed(name: str, value: object) -> object:
    """What a setting of several values is given: one alone is a list of one."""
    several = ("batch_size", "threads", "dtype", "mode", "runtime")
    return (value,) if name in several and isinstance(value, str | int) else value


def compare(
    a: object,
    b: object,
    *,
    out: str | Path | None = None,
    mix_machines: bool = False,
    progress: bool = False,
    **settings: Any,
) -> Run:
    """How many times as long as A does B take, and is a difference shown at all?

    Args:
        a: a network as :func:`scale` gives or takes it, or as ``scalesearch compare`` takes it, such as
            ``"b0@runtime=compile"``; or a finished run of :func:`measure`, as its folder, with ``:NETWORK``
            for one network of it.
        b: the same; both networks, or both finished runs.
        out: the folder of the comparison; ``reports/compare-A-vs-B`` unless given.
        mix_machines: compare finished runs of two machines all the same.
        progress: show bars with the time left.
        settings: fields of ``CompareSettings``, such as ``threads=2`` or ``batch_size=8``, for networks.

    Raises:
        ValueError: naming ``a`` or ``b``, if one can't be compared; or a setting that can't be used.
        FolderError: if the folder can't be used, or holds another run.
        RunFailedError: if nothing could be timed.
        StoppedError: if it is stopped; what is done is kept.
    """
    from scalesearch.commands.compare.run import CompareSettings, StoredSettings
    from scalesearch.runs.comparing import compare_networks, default_folder, named_pair
    from scalesearch.runs.comparing_stored import are_stored, compare_stored

    first, second = (
        str(side.folder)
        if isinstance(side, Run)
        else str(side)
        if isinstance(side, str | Path)
        else _spec(side)
        for side in (a, b)
    )
    names = [side if isinstance(side, str) else side.name for side in (first, second)]
    given = {"a": names[0], "b": names[1]}
    default = default_folder(*names)
    folder = _folder(out, lambda: default)
    command = _call("compare", given | settings, None, None, out)
    if isinstance(first, str) and isinstance(second, str) and are_stored(first, second):
        for name, value in settings.items():
            raise ScalesearchError(f"`{name}` must be left to the runs that are compared, got {value!r}")
        sides = StoredSettings(a=first, b=second, mix_machines=mix_machines)
        return _finished(compare_stored(folder, sides, command))
    asked = _made(CompareSettings, _options(CompareSettings, "compare", given | settings, None))
    subjects = named_pair(first, second)
    with _heard(progress, None):
        return _finished(compare_networks(folder, asked, subjects, name=default.name, command=command))


def law(
    *,
    baseline: object = "efficientnet-b0",
    run: str | Path | Run = "",
    out: str | Path | None = None,
    progress: bool = False,
    **settings: Any,
) -> Run:
    """What time costs on this machine: a law of multiply-adds, activations, parameters and layers.

    Args:
        baseline: as :func:`scale` takes it.
        run: a finished grid or sweep, whose accuracies say where the best split of each budget lies.
        out: the folder; ``reports/law-MACHINE`` unless given, where ``budget="latency=12ms"`` finds it.
        progress: show bars with the time left.
        settings: the other options of ``scalesearch law``, by the names of ``LawSettings``' fields, such as
            ``random=30`` or ``batch_size=(1, 8)``; with its defaults.

    Raises:
        ValueError: naming the argument, if a setting can't be used.
        FolderError: if the folder can't be used, or holds another run.
        RunFailedError: if too little could be measured for a law.
        StoppedError: if it is stopped; what is done is kept.
    """
    from scalesearch.commands.law.settings import LawSettings
    from scalesearch.hardware.machine import describe
    from scalesearch.runs.law import fit_laws, in_users_layout
    from scalesearch.runs.laws import default_folder
    from scalesearch.runs.lifecycle import require_device

    accuracies = "" if run == "" else str(_folder_of(run))
    given = {name: _listed(name, value) for name, value in settings.items()} | {"run": accuracies}
    options = _options(LawSettings, "law", given, baseline)
    options["threads"] = _listed("threads", options["threads"])
    command = _call("law", settings | {"run": accuracies or None}, baseline, None, out)
    with _heard(progress, None):
        asked = in_users_layout(_made(LawSettings, options))
        require_device(asked.device, to_train=False)
        default = default_folder(describe(asked.device).key)
        outcome = fit_laws(_folder(out, lambda: default), asked, name=default.name, command=command)
        return _finished(outcome)
