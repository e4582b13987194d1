"""The page of a grid search: the answer first, then how far to trust it, then everything it rests on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from scalesearch.records import CandidateRecord, RunRecord, Status
from scalesearch.report.evidence import judged, near_nominal, rank, wilson
from scalesearch.report.grid_answer import answer, paper_place, trust
from scalesearch.report.markdown import bullets, code, duration, escape, percent, plural, si, table
from scalesearch.report.provenance import PLAIN_COUNTS, how_it_was_made
from scalesearch.report.tables import fronts, latency_quartiles
from scalesearch.scaling import NOMINAL_BASE

__all__ = ["FIGURES", "grid_page"]

FIGURES = {
    "pareto": (
        "Held-out top-1 against cost, with the Pareto front",
        "How to read it: up is better, left is cheaper. A network below the stepped line is beaten by one "
        "that is at least as cheap and as accurate. Where vertical bars overlap widely, the order may be "
        "luck.",
    ),
    "surface": (
        "All feasible coefficient triples over beta and gamma, coloured by top-1",
        "How to read it: right is more width, up is more resolution, lower left is more depth. A colour that "
        "changes smoothly is a trend; a lone bright bead among dark ones is more likely noise.",
    ),
    "learning_curves": (
        "Held-out top-1 against training images seen",
        "How to read it: curves that still climb or cross at the right end might rank differently after "
        "longer training.",
    ),
}
"""Alternative text and a line on how to read it, by figure."""


def grid_page(run: RunRecord, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn; the page says which were left out."""
    parts = [
        f"# {escape(run.name)}: which alpha, beta and gamma?",
        _unfinished(run),
        answer(run),
        _section("How far to trust this", trust(run)),
        _section("Where the paper's coefficients came in", paper_place(run)),
        "## Figures",
        *(_figure(name, drawn=name in figures) for name in FIGURES),
        _section("Trained networks, best first", _ranking(run)),
        _section("Pareto fronts", _fronts(run)),
        _section("What was skipped, and why", _skipped(run)),
        _section("What the rule says and what was built", _rule_and_reality(run)),
        how_it_was_made(
            command=run.command,
            facts=_facts(run),
            settings=run.settings,
            machine=run.machine,
            versions=run.versions,
        ),
        _section("How to read this page", _glossary()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _of(run: RunRecord, status: Status) -> list[CandidateRecord]:
    return [c for c in run.candidates if c.status == status]


def _unfinished(run: RunRecord) -> str:
    waiting = len(_of(run, "waiting"))
    if not waiting:
        return ""
    verb = "waits" if waiting == 1 else "wait"
    return (
        f"> **This run is not finished:** {waiting} of its {plural(len(run.candidates), 'network')} still "
        f"{verb} for training, and everything below is about the others. `scalesearch resume DIR`, with the "
        "folder of this page for DIR, carries on."
    )


def _figure(name: str, *, drawn: bool) -> str:
    alt, reading = FIGURES[name]
    if not drawn:
        return f"*{alt}: left out, as there is no data for it yet.*"
    return f"![{alt}](figures/{name}.png)\n\n{reading}"


def _ranking(run: RunRecord) -> str:
    ranking, on = judged(run), fronts(run)
    if not ranking:
        return ""
    timed = any(c.latency for c in ranking)

    def cells(c: CandidateRecord) -> list[str]:
        interval = wilson(c)
        return [
            str(rank(c, ranking)[0]),
            percent(c.top1),
            f"{percent(interval[0])} to {percent(interval[1])}" if interval else "",
            *_triple(c),
            str(c.blocks),
            f"{c.resolution} px",
            si(c.params),
            si(c.macs),
            f"{c.macs_ratio:.2f}",
            *([_milliseconds(c)] if timed else []),
            "" if c.train_seconds is None else f"{c.train_seconds:.0f} s",
            str(len(c.merged)),
            ", ".join(name for name, keys in on.items() if c.key in keys),
            code(c.key),
        ]

    header = ["rank", "top-1", "95% interval", "alpha", "beta", "gamma", "blocks", "input", "params"]
    header += ["MACs", "cost ratio", *(["latency"] if timed else [])]
    header += ["training", "triples", "front", "network"]
    return table(header, map(cells, ranking), left=0)


def _fronts(run: RunRecord) -> str:
    by_key, parts = {c.key: c for c in run.candidates}, []
    price: dict[str, tuple[str, Callable[[CandidateRecord], str]]] = {
        "macs": ("MACs", lambda c: si(c.macs)),
        "latency": ("latency (median)", _milliseconds),
    }
    for name, keys in fronts(run).items():
        title, cost = price[name]
        if keys:
            rows = [
                (
                    cost(by_key[k]),
                    percent(by_key[k].top1),
                    *_triple(by_key[k]),
                    f"{by_key[k].macs_ratio:.2f}",
                    code(k),
                )
                for k in keys
            ]
            header = (title, "top-1", "alpha", "beta", "gamma", "cost ratio", "network")
            parts += [f"Top-1 against {title}, from cheap to dear:", table(header, rows, left=0)]
    if parts and not fronts(run)["latency"]:
        parts.append("Latency was not measured in this run.")
    if parts:
        parts.append("A front takes every top-1 at its word: it knows nothing of the intervals above.")
    return "\n\n".join(parts)


def _skipped(run: RunRecord) -> str:
    distinct = len(run.candidates)
    items = [
        f"The grid has {run.grid_points:,} points; {run.feasible:,} of them meet the constraint.",
        f"**Merged:** these {run.feasible:,} triples round to {distinct:,} distinct "
        f"{'network' if distinct == 1 else 'networks'}. Each is trained at most once: "
        f"{run.feasible - distinct:,} {'triple shares' if run.feasible - distinct == 1 else 'triples share'} "
        "the training run of another.",
    ]
    if run.thinning or _of(run, "skipped"):
        said = escape(run.thinning) if run.thinning else "the reasons are in the table below."
        items.append(f"**Thinned out:** {plural(len(_of(run, 'skipped')), 'network')} not trained: {said}")
    if failed := _of(run, "failed"):
        items.append(f"**Failed:** {plural(len(failed), 'network')}, for the reasons in the table below.")
    if waiting := _of(run, "waiting"):
        items.append(f"**Waiting:** {plural(len(waiting), 'network')}; `scalesearch resume DIR` trains them.")
    blocks = [bullets(items)]
    if failed or waiting:
        blocks.append(_untrained([*failed, *waiting]))
    if skipped := _of(run, "skipped"):
        # Long and of little interest: folded, but on the page.
        title = f"The {plural(len(skipped), 'network')} thinned out"
        blocks.append(f"<details><summary>{title}</summary>\n\n{_untrained(skipped)}\n\n</details>")
    return "\n\n".join(blocks)


def _untrained(candidates: Sequence[CandidateRecord]) -> str:
    header = ("status", "reason", "alpha", "beta", "gamma", "cost ratio", "network")
    rows = [(c.status, escape(c.reason), *_triple(c), f"{c.macs_ratio:.2f}", code(c.key)) for c in candidates]
    return table(header, rows, left=2)


def _rule_and_reality(run: RunRecord) -> str:
    if not run.candidates:
        return ""
    target, every, done = NOMINAL_BASE**run.phi, run.candidates, judged(run)
    near = [c for c in every if near_nominal(c, run.phi)]
    items = [
        f"**The rule** gives {_range([c.nominal_ratio for c in every])} times the baseline's cost, around "
        f"the {target:.3g} that phi {run.phi:g} asks for.",
        f"**As built**, after blocks, channels and pixels became whole numbers, the same networks cost "
        f"{_range([c.macs_ratio for c in every])} times the baseline"
        + (f"; the trained ones {_range([c.macs_ratio for c in done])} times. " if done else ". ")
        + f"{len(near)} of {len(every)} are within 10% of {target:.3g}.",
        "**At full size** the same coefficients, applied to the full-size baseline "
        f"({si(run.baseline['full_macs'])} MACs), cost {_range([c.full_macs_ratio for c in every])} times it."
        + (
            f" The winner: {done[0].nominal_ratio:.2f} by the rule, {done[0].macs_ratio:.2f} as trained, "
            f"{done[0].full_macs_ratio:.2f} at full size."
            if done
            else ""
        ),
    ]
    return bullets(items)


def _facts(run: RunRecord) -> list[str]:
    base, done = run.baseline, [c.train_seconds for c in run.candidates if c.train_seconds is not None]
    sessions = f" over {plural(run.sessions, 'session')}" if run.sessions > 1 else ""
    return [
        f"Time: {duration(run.wall_s)}{sessions}, of which {duration(sum(done))} summed over "
        f"{plural(len(done), 'training run')}.",
        f"Baseline as trained: {si(base['params'])} params, {si(base['macs'])} MACs, {base['blocks']} "
        f"blocks, {base['resolution']} px.",
        f"Seed: {escape(run.settings.get('seed', 'not recorded'))}.",
    ]


def _glossary() -> str:
    return bullets(
        (
            "alpha, beta, gamma: the coefficients of depth, width and resolution; at phi the network is "
            "alpha^phi times as deep, beta^phi times as wide and gamma^phi times as sharp as the baseline.",
            "product: alpha x beta^2 x gamma^2, the nominal cost of one step of phi; the constraint keeps it "
            "near 2.",
            f"{PLAIN_COUNTS} The cost ratio is the MACs of the network over those of the baseline.",
            "top-1: the share of held-out images given the right class. The 95% interval is Wilson's.",
            "triples: how many points of the grid round to this very network.",
            "Pareto front: the networks that no other beats in cost and accuracy at once.",
            "latency: the median over repeated forward passes of a whole batch.",
            "All numbers, unrounded: `candidates.csv` and `pareto.csv` beside this page.",
        )
    )


def _triple(c: CandidateRecord) -> tuple[str, str, str]:
    return f"{c.alpha:.6g}", f"{c.beta:.6g}", f"{c.gamma:.6g}"


def _milliseconds(c: CandidateRecord) -> str:
    known = c.latency is not None and c.latency.samples_s
    return f"{1e3 * latency_quartiles(c.latency)[1]:.3g} ms" if known and c.latency else ""


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"
