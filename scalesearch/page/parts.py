"""Sections that several pages share: settings, machine, versions, budgets, stopped runs, a user's code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from scalesearch.page.evidence import baseline_input
from scalesearch.page.markdown import (
    MOST_CURVES,
    MOST_MARKS,
    MOST_ROWS,
    Markdown,
    code,
    duration,
    escape,
    percent,
    plural,
    si,
    signed_percent,
)
from scalesearch.page.templates import part
from scalesearch.records import (
    BudgetRecord,
    CandidateRecord,
    FamilyRow,
    MachineRecord,
    MeasureRecord,
    ReliabilityRecord,
    RungRecord,
    RunRecord,
    StartRecord,
)
from scalesearch.records.runs import IN_SHARES
from scalesearch.text import quoted

# ----------------------------------------------------------------------------------------------------
# What a page says otherwise of a network that a user's own code builds.


def is_own_code(settings: Mapping[str, Any]) -> bool:
    """Whether a run's baseline is a function of the user's code."""
    return "target" in (settings.get("baseline_arch") or {})


def counted_parts(settings: Mapping[str, Any]) -> str:
    """What the column ``blocks`` counts: layers, where nobody but the code knows its blocks."""
    return "layers" if is_own_code(settings) else "blocks"


# ----------------------------------------------------------------------------------------------------
# The facts of a machine as a reader wants them: few lines, and nothing unknown.

UNKNOWN = "unknown"


def machine_facts(machines: Sequence[MachineRecord]) -> Mapping[str, Any]:
    """The one machine's key and facts, or the facts of each of several by its key."""
    if len(machines) == 1:
        return {"key": machines[0].key, **machines[0].facts}
    return {machine.key: dict(machine.facts) for machine in machines}


def readable_machine(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts in few lines, by label, in the order in which they are read.

    Facts that belong together share a line, and those that the system didn't tell are left out, but for what
    a record always names (``cpu``, ``cores``, ``memory_bytes``, ``system``). Facts that nothing is known of
    here stay as they are, at the end; a record of an earlier release, which has four of them, is as it was. A
    mapping of several machines is made readable one by one.
    """
    lines: dict[str, Any] = {}
    used: set[str] = set()
    for label, (say, parts) in LINES.items():
        if (line := say(_Facts(facts))) is not None:
            lines[label] = line
        used |= set(parts)
    for label, value in facts.items():
        if label not in used:
            lines[label] = readable_machine(value) if isinstance(value, Mapping) else value
    return lines


class _Facts:
    """Facts by label, each with words around it where it is told."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts

    def of(self, label: str) -> Any:
        """The fact, None where it is not told."""
        value = self._facts.get(label)
        return None if value in (UNKNOWN, "", [], ()) else value

    def raw(self, label: str) -> Any:
        """The fact as it is recorded."""
        return self._facts.get(label)

    def say(self, label: str, text: str = "{}") -> str:
        """``text`` with the fact in it, empty where it is not told."""
        value = self.of(label)
        if value is None:
            return ""
        if isinstance(value, list | tuple):
            value = " ".join(map(str, value))
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return text.format(f"{value:.12g}" if number else value)

    def gib(self, label: str, text: str = "{}") -> str:
        """``text`` with that many bytes in it, empty where it is not told."""
        value = self.of(label)
        return text.format(f"{value / 2**30:.1f} GiB") if isinstance(value, int) else ""


def _join(first: Any, more: Iterable[str]) -> Any:
    """``first (more, more)``; ``first`` itself where there is no more."""
    told = [text for text in more if text]
    return f"{first} ({', '.join(told)})" if told else first


def _cpu(facts: _Facts) -> Any:
    virtual = "virtual" if facts.of("virtual") is True else ""
    return _join(facts.raw("cpu"), (facts.say("cpu_id"), virtual, facts.say("instruction_sets")))


def _cores(facts: _Facts) -> Any:
    cores, physical = facts.raw("cores"), facts.of("physical_cores")
    siblings = f"on {plural(physical, 'physical core')}" if physical not in (None, cores) else ""
    more = facts.say("machine_cores", "of {}") if facts.of("machine_cores") != cores else ""
    quota = facts.say("cpu_quota", "time of {} allowed")
    return _join(cores, (more, facts.say("affinity", "processors {}"), siblings, quota))


def _frequency(facts: _Facts) -> str | None:
    governor, most = facts.say("governor", "governor {}"), facts.say("max_mhz", "up to {} MHz")
    return ", ".join(filter(None, (governor, most))) or None


def _memory(facts: _Facts) -> Any:
    limit = facts.gib("memory_limit_bytes", "{} allowed")
    return _join(facts.gib("memory_bytes"), (limit,)) if limit else facts.raw("memory_bytes")


def _system(facts: _Facts) -> Any:
    system, torch = facts.raw("system"), facts.say("torch", "torch {}")
    return f"{system}, {torch}" if system and torch else system


def _gpu(facts: _Facts) -> Any:
    return _join(
        facts.raw("gpu"),
        (
            "a slice of it" if facts.of("gpu_slice") is True else "",
            facts.say("gpu_capability", "capability {}"),
            facts.gib("gpu_memory_bytes"),
            {"True": "ECC", "False": "no ECC"}.get(str(facts.of("gpu_ecc")), ""),
            facts.say("gpu_power_limit_w", "{} W"),
            facts.say("gpu_max_sm_mhz", "up to {} MHz"),
            facts.say("gpu_max_memory_mhz", "memory {} MHz"),
        ),
    )


def _driver(facts: _Facts) -> str | None:
    kits = (facts.say("cuda", "CUDA {}"), facts.say("rocm", "ROCm {}"), facts.say("cudnn", "cuDNN {}"))
    parts = (facts.say("driver"), *kits)
    return ", ".join(filter(None, parts)) or None


# Each line: what says it, and the facts in it.
LINES: dict[str, tuple[Callable[[_Facts], Any], tuple[str, ...]]] = {
    "key": (lambda facts: facts.raw("key"), ("key",)),
    "cpu": (_cpu, ("cpu", "cpu_id", "virtual", "instruction_sets", "architecture")),
    "cores": (_cores, ("cores", "machine_cores", "affinity", "physical_cores", "cpu_quota")),
    "frequency": (_frequency, ("governor", "max_mhz")),
    "memory_bytes": (_memory, ("memory_bytes", "memory_limit_bytes")),
    "system": (_system, ("system", "torch")),
    "gpu": (
        _gpu,
        (
            *("gpu", "gpu_slice", "gpu_capability", "gpu_memory_bytes", "gpu_ecc", "gpu_power_limit_w"),
            *("gpu_max_sm_mhz", "gpu_max_memory_mhz"),
        ),
    ),
    "driver": (_driver, ("driver", "cuda", "rocm", "cudnn")),
    "flags": (lambda facts: facts.say("flags") or None, ("flags",)),
    "torch_flags": (lambda facts: facts.say("torch_flags") or None, ("torch_flags",)),
}


# ----------------------------------------------------------------------------------------------------
# The closing section of every page: command, settings, machine, versions and time.


MACHINE = ("cpu", "cores", "memory_bytes", "gpu", "system")
"""What a page says of the machine; the rest is in ``run.toml``."""
VERSIONS = ("scalesearch", "python", "torch")
"""The packages that a page names; the rest is in ``run.toml``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How a page was made, as the macro ``how_it_was_made`` shows it.

    Attributes:
        command: the command line.
        machine: the one machine in a line; empty where there are several or none is known.
        versions: the packages that a page names.
        tables: by title, rows of name and value that ``run.toml`` beside the page doesn't have.
        kept: whether ``run.toml`` has everything.
    """

    command: str
    machine: str
    versions: str
    tables: Mapping[str, tuple[str, Sequence[tuple[str, str]]]]
    kept: bool


def made_of(
    *,
    command: str,
    settings: Mapping[str, Any],
    machine: Mapping[str, Any],
    versions: Mapping[str, str],
    kept: bool = True,
) -> Made:
    """The command, the machine and the versions in three lines.

    Args:
        command: the command line.
        settings: every setting as resolved.
        machine: the facts of the machine, or those of each of several by its key.
        versions: of packages, by name.
        kept: whether ``run.toml`` beside the page has all of them. Where it doesn't, and where there are
            several machines of which it has one, the page has them in full, as tables.
    """
    several = any(isinstance(value, Mapping) for value in machine.values())
    machines = ("part", _mapping(readable_machine(machine)))
    if not kept:
        tables = {
            "Settings": ("setting", _mapping(settings)),
            "Machine": machines,
            "Versions": ("package", _mapping(versions)),
        }
        return Made(command=command, machine="", versions="", tables=tables, kept=False)
    return Made(
        command=command,
        machine="" if several else machine_line(machine),
        versions=", ".join(f"{name} {versions[name]}" for name in VERSIONS if name in versions),
        tables={"Machines": machines} if several else {},
        kept=True,
    )


def machine_line(facts: Mapping[str, Any]) -> str:
    """A machine in a line: processor, cores, memory, GPU and system, and its key; empty without facts."""
    lines = readable_machine(facts)
    told = {name: lines[name] for name in MACHINE if lines.get(name) not in (None, "", UNKNOWN)}
    # Instruction sets and the like matter to the record alone.
    told |= {"cpu": facts["cpu"]} if "cpu" in told else {}
    cores = facts.get("cores")
    told |= {"cores": plural(cores, "core")} if isinstance(cores, int) and "cores" in told else {}
    text = ", ".join(said(name, value) for name, value in told.items())
    key = facts.get("key")
    return f"{text} ({key})" if key and text else text or str(key or "")


def _mapping(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(code(key.removesuffix("_bytes")), said(key, value)) for key, value in _flat(values)]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def said(key: str, value: object) -> str:
    """A recorded value as a reader wants it; ``key`` says whether it is a number of bytes."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and key.endswith("_bytes"):
        return f"{value / 2**30:.1f} GiB"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, list | tuple):
        return ", ".join(said(key, item) for item in value)
    return str(value)


# ----------------------------------------------------------------------------------------------------
# The sentences about budgets: which, how they were met, and how closely.

NOUNS = {
    "macs": "multiply-adds",
    "params": "parameters",
    "activations": "activations",
    "memory": "of memory at the peak of a training step",
    "latency": "of latency",
}
SAME = 0.05
"""Costs within this of one another, relative to the least, are the same to any reader of a figure."""


def amount(kind: str, value: float) -> str:
    """A cost of a budget's ``kind`` as a person says it: ``60.0 M multiply-adds``, ``12.3 ms of latency``."""
    if kind == "latency":
        number = f"{1e3 * value:.3g} ms"
    elif kind == "memory":
        number = f"{value / 2**20:.3g} MiB" if value < 2**30 else f"{value / 2**30:.3g} GiB"
    else:
        number = si(value)
    return f"{number} {NOUNS.get(kind, escape(kind))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetText:
    """How networks met a budget, as the macro ``budget`` says it.

    Attributes:
        networks: with this budget.
        amount: of it.
        solved: what was solved for to meet it; empty where nothing was.
        in_shares: whether all dimensions were, to share the growth out as asked.
        missed: networks whose shares or cost missed what was asked.
        chosen: networks that were only chosen for being near it.
        full_size: whether it is that of the full-size network.
        by_law: whether it is what a cost law predicts.
        low: how far the cheapest is off.
        high: how far the dearest is.
    """

    networks: int
    amount: Markdown
    solved: str
    in_shares: bool
    missed: int
    chosen: int
    full_size: bool
    by_law: bool
    low: str
    high: str


def budgets_of(candidates: Sequence[CandidateRecord]) -> list[BudgetText]:
    """Each budget of ``candidates``; none where the constraint was the rule."""
    groups: dict[tuple[str, float], list[BudgetRecord]] = {}
    for candidate in candidates:
        if candidate.budget is not None:
            budget = candidate.budget
            groups.setdefault((budget.kind, budget.target), []).append(budget)
    return [_budget(kind, target, budgets) for (kind, target), budgets in sorted(groups.items())]


def same_cost(costs: Sequence[float]) -> bool:
    """Whether two or more networks all cost the same within 5%, so that a cost axis would show nothing."""
    return len(costs) > 1 and max(costs) <= (1 + SAME) * min(costs)


def _budget(kind: str, target: float, budgets: Sequence[BudgetRecord]) -> BudgetText:
    solved = sorted({b.matched_by for b in budgets if b.matched_by})
    in_shares, full_size = solved == [IN_SHARES], all(b.full_size for b in budgets)
    return BudgetText(
        networks=len(budgets),
        amount=Markdown(amount(kind, target)),
        solved=" or ".join(by.replace(",", ", then ") + "," * ("," in by) for by in solved),
        in_shares=in_shares,
        missed=sum(bool(b.missed) for b in budgets) if in_shares else 0,
        chosen=sum(not b.matched_by for b in budgets),
        full_size=full_size,
        by_law=full_size and kind == "latency",
        low=signed_percent(min(b.residual for b in budgets)),
        high=signed_percent(max(b.residual for b in budgets)),
    )


def within_budget(family: Sequence[FamilyRow]) -> str:
    """The greatest phi of a family that stays within its budget, in a sentence; empty without a budget."""
    inside = [row for row in family if row.budget is not None and row.budget.residual <= 0]
    best = max(inside, key=lambda row: row.phi, default=None)
    if best is None or best.budget is None:
        return ""
    budget = best.budget
    how = "as the cost law predicts" if budget.kind == "latency" else "as built"
    return (
        f"phi {best.phi:g} is the greatest within {amount(budget.kind, budget.target)}: it spends "
        f"{amount(budget.kind, budget.value)}, {how}."
    )


# ----------------------------------------------------------------------------------------------------
# The section about successive halving: the networks that were stopped, the plan, and what it saved.


def stopped(run: RunRecord) -> list[CandidateRecord]:
    """The networks that were stopped early, those that came furthest first, of these the best then first."""
    pruned = [c for c in run.candidates if c.status == "pruned"]
    return sorted(pruned, key=lambda c: (-(c.images_seen or 0), -(c.top1 or 0.0), c.macs))


def compute_spent(run: RunRecord) -> list[float]:
    """Training compute of each rung, in images x MACs of a forward pass; failed and waiting networks count.

    An image that a run saw belongs to the first rung that reaches so far; what lies beyond the last rung, to
    the last.
    """
    spent, before = [], 0
    for rung in run.rungs:
        last = rung is run.rungs[-1]
        spent.append(
            float(
                sum(
                    c.macs * max(0, (one.images_seen if last else min(one.images_seen, rung.images)) - before)
                    for c in run.candidates
                    for one in c.runs
                )
            )
        )
        before = rung.images
    return spent


@dataclass(frozen=True, slots=True, kw_only=True)
class RungRow:
    """A rung with its number from 1, the networks that were stopped there, and its share of the compute."""

    rung: RungRecord
    number: int
    stopped: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedEarly:
    """Successive halving, as a page tells of it.

    Attributes:
        plan: a row for each rung.
        spent: training compute in all, in images x MACs of a forward pass.
        against: what a whole training of more networks would have taken, and which shares of it were spent.
        stopped: the networks that were, each with the number of the last rung that it reached, 0 for none.
    """

    plan: Sequence[RungRow]
    spent: float
    against: Sequence[tuple[str, Sequence[str]]]
    stopped: Sequence[tuple[CandidateRecord, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """How many networks were trained, and at most how many of them a panel and the learning curves draw."""

    networks: int
    marks: int = MOST_MARKS
    curves: int = MOST_CURVES


def sampled(run: RunRecord) -> Sampled | None:
    """What a page says of figures that draw a part of its networks; None where they draw them all."""
    trained = sum(bool(c.runs) for c in run.candidates)
    return Sampled(networks=trained) if trained > min(MOST_MARKS, MOST_CURVES) else None


def stopped_early(run: RunRecord) -> StoppedEarly | None:
    """The plan, the savings and the stopped networks; None where the run had no more than one rung."""
    pruned = stopped(run)
    if len(run.rungs) < 2 and not pruned:
        return None
    return StoppedEarly(
        plan=_plan(run),
        spent=sum(compute_spent(run)),
        against=_savings(run) if run.rungs else (),
        stopped=[(c, _rung(run, c)) for c in pruned],
    )


def _plan(run: RunRecord) -> list[RungRow]:
    spent = compute_spent(run)
    total = sum(spent)
    return [
        RungRow(
            rung=rung,
            number=number,
            stopped=sum(c.status == "pruned" and _rung(run, c) == number for c in run.candidates),
            share=share / total if total else None,
        )
        for number, (rung, share) in enumerate(zip(run.rungs, spent, strict=True), 1)
    ]


def _savings(run: RunRecord) -> list[tuple[str, list[str]]]:
    last, spent = run.rungs[-1], sum(compute_spent(run))
    networks = [c for c in run.candidates if c.counted]
    begun = [c for c in networks if c.status != "skipped"]
    triples = sum(len(c.merged) for c in networks)
    nominal = sum(len(c.merged) * c.macs for c in networks) * run.feasible / max(1, triples)
    whole = {
        f"each of the {run.feasible:,} feasible grid points": nominal,
        f"each of the {len(networks):,} distinct networks": float(sum(c.macs for c in networks)),
    }
    if len(begun) < len(networks):
        whole[f"each of the {len(begun):,} networks that were not thinned out"] = sum(c.macs for c in begun)
    seeds = [last.seeds, *([1] if last.seeds > 1 else [])]
    return [
        (what, [f"{percent(spent / (macs * last.images * k))} with {plural(k, 'seed')}" for k in seeds])
        for what, macs in whole.items()
        if macs
    ]


def _rung(run: RunRecord, candidate: CandidateRecord) -> int:
    """The number of the last rung that the network's training reached; 0 for none."""
    return sum(rung.images <= (candidate.images_seen or 0) for rung in run.rungs)


# ----------------------------------------------------------------------------------------------------
# Sections, figures and facts that the pages of several commands share.


FOLDER = "DIR"
"""What a page calls its own folder in commands: it may be moved, and is read from elsewhere."""
DEFAULT_BASELINE = "efficientnet-b0"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """A table of a page, its first ``left`` columns flush left; ``more`` rows are in its file alone."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1
    more: int = 0

    @classmethod
    def of(
        cls, header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1, most: int = MOST_ROWS
    ) -> Self:
        """The first ``most`` of the rows."""
        return cls(header=header, rows=rows[:most], left=left, more=max(0, len(rows) - most))


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeps:
    """What a run's folder has beside its tables: its study, to go on with, and weights, to hand over."""

    study: bool = True
    weights: bool = True


WHOLE = Keeps()


def keeps_of(folder: Path, settings: Mapping[str, Any]) -> Keeps:
    """What is there: a report that was committed has neither, as both are large."""
    weights = folder / "weights"
    return Keeps(
        study=bool(settings.get("storage")) or (folder / "study.db").exists(),
        weights=weights.is_dir() and any(weights.iterdir()),
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """The commands that follow from a page's answer, each with what it is for."""

    commands: tuple[tuple[str, str], ...]

    @property
    def in_folder(self) -> bool:
        """Whether a command names the folder of the page."""
        return any(FOLDER in command for _, command in self.commands)

    @property
    def text(self) -> str:
        """As lines of a shell."""
        return "\n".join(f"# {why}\n{command}" for why, command in self.commands)


def steps(*commands: tuple[str, str] | None) -> Steps:
    """What each command is for, and the command; None is left out."""
    return Steps(tuple(command for command in commands if command is not None))


def network_step(candidate: CandidateRecord, folder: str, keeps: Keeps) -> tuple[str, str]:
    """The command that hands over a network of a run; with random weights where the folder has no others."""
    export = f"scalesearch export {folder} --candidate {candidate.key[:8]}"
    if keeps.weights:
        return "Its network, to use it", export
    return "Its network, but with random weights, as this folder has no trained ones", f"{export} --untrained"


def of_baseline(settings: Mapping[str, Any]) -> str:
    """The option that names a run's baseline; empty for the one that commands take without it."""
    baseline = str(settings.get("baseline", DEFAULT_BASELINE))
    return "" if baseline == DEFAULT_BASELINE else f" --baseline {quoted(baseline)}"


def made_again(
    kind: str, settings: Mapping[str, Any], folder: str, candidates: Iterable[CandidateRecord] = ()
) -> str:
    """The command that asks for a run's own settings, whatever the defaults are by now.

    Args:
        kind: the command that made the run.
        settings: of the run.
        folder: of the run, as a word of a command line.
        candidates: of the run, where they are known.
    """
    command = f"scalesearch {kind} --config {folder}/run.toml"
    # Earlier versions met the budget along one dimension after another, which has to be asked for today.
    matched = {c.budget.matched_by for c in candidates if c.budget is not None and c.budget.matched_by}
    asked = settings.get("match", "none") != "none" and settings.get("match_by", "auto") == "auto"
    if kind == "grid" and asked and IN_SHARES not in matched:
        command += "".join(f" --match-by {dimensions}" for dimensions in sorted(matched)[:1])
    return command


def top1_seeds(candidate: CandidateRecord) -> Markdown:
    """``45.6% +- 0.8`` (mean and standard deviation over seeds), or the percentage alone for one seed."""
    if candidate.top1 is None:
        return Markdown()
    spread = "" if candidate.top1_sd is None else f" &plusmn; {100 * candidate.top1_sd:.1f}"
    return Markdown(percent(candidate.top1) + spread)


def quoted_agreement(measured: ReliabilityRecord) -> Markdown:
    """How well runs of one length rank networks as longer ones do, or that nothing is known of it."""
    return part("page/parts.md.j2", "agreement", measured, says_nothing(measured))


def says_nothing(measured: ReliabilityRecord) -> bool:
    """Whether any tau is possible, as where all networks were equal and it is undefined."""
    return measured.tau_low <= -1 and measured.tau_high >= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMade:
    """How a run that trains was made, as the macro ``how_the_run_was_made`` shows it.

    Attributes:
        made: command, machine and versions.
        time: of the run.
        trained: the training in it.
        computed_with: devices and threads, where training runs differ in them.
        params: of the baseline as trained.
        macs: the same.
        blocks: how many, and of what: ``16 blocks``.
        input: its pixels.
        sources: of figures of training runs that the runs themselves did not keep.
        code: the function of the user's own code that builds the networks; empty for a table.
        recipe: the user's own, by its name; empty for a built-in one.
        notes: of the run.
        start: what all networks were grown from; empty for a run from scratch.
        seed: the first one.
    """

    made: Made
    time: str
    trained: str
    computed_with: Sequence[str]
    params: int
    macs: int
    blocks: str
    input: str
    sources: Sequence[str]
    code: str
    recipe: str
    notes: Sequence[str]
    start: Markdown
    seed: str


def run_made(run: RunRecord) -> RunMade:
    """Command, time, training, proxy baseline, seed, machine and versions of a run."""
    base, settings = run.baseline, run.settings
    return RunMade(
        made=made_of(command=run.command, settings=settings, machine=run.machine, versions=run.versions),
        time=elapsed(run),
        trained=training(run.candidates),
        computed_with=_computed_with(run.candidates),
        params=base["params"],
        macs=base["macs"],
        blocks=f"{base['blocks']} {counted_parts(settings)}",
        input=baseline_input(base),
        sources=sorted({trained.source for c in run.candidates for trained in c.runs if trained.source}),
        code=settings["baseline_arch"]["target"] if is_own_code(settings) else "",
        recipe=str(settings.get("recipe", "")) if settings.get("recipe_values") else "",
        notes=run.notes,
        start=Markdown() if run.start is None else grown_from(run.start),
        seed=str(settings.get("seed", "not recorded")),
    )


def elapsed(run: RunRecord | MeasureRecord) -> str:
    """``Time: 9 min 41 s over 2 sessions``; without a session nothing is known of it."""
    if not run.sessions:
        return "Time: not recorded"
    sessions = f" over {plural(run.sessions, 'session')}" if run.sessions > 1 else ""
    return f"Time: {duration(run.wall_s)}{sessions}"


def _computed_with(candidates: Iterable[CandidateRecord]) -> list[str]:
    """Devices and threads of training runs, the most used first; empty where all are of the same."""
    places = Counter((run.device, run.threads) for c in candidates for run in c.runs if run.device)
    if len(places) < 2:
        return []
    return [
        f"{plural(number, 'training run')} on {device} with {threads} thread{'s' * (threads != '1')}"
        for (device, threads), number in places.most_common()
    ]


def grown_from(start: StartRecord) -> Markdown:
    """What all networks of a run were grown from, as a noun."""
    if start.kind == "grown":
        once = "trained first, once per seed" if len(start.runs) != 1 else "trained first"
        return Markdown(f"the baseline as trained here ({escape(start.network)}, {once})")
    read = f"{code(start.read)} of " if start.read else ""
    return Markdown(
        f"the weights in {read}{code(start.file)} ({escape(start.network)}, digest {code(start.digest[:12])})"
    )


def training(candidates: Iterable[CandidateRecord]) -> str:
    """``40 training runs took 12 min 3 s, added up``."""
    trained = [c for c in candidates if c.runs]
    runs = sum(len(c.runs) for c in trained)
    seconds = sum(c.train_seconds or 0.0 for c in trained)
    return f"{plural(runs, 'training run')} took {duration(seconds)}, added up"
