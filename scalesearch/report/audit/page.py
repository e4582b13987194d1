"""The page of an audit: what the compound rows really spent, which printed costs hold, what training says."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scalesearch.architecture.rounding_rules import OFFICIAL, rule_meanings
from scalesearch.records import AuditMatch, AuditRecord, AuditRow
from scalesearch.report.audit.answer import audit_answer, verdict_sentence
from scalesearch.report.audit.evidence import Swap, agreeing_rules, spendings, swaps, unreproduced
from scalesearch.report.audit.training import training_section
from scalesearch.report.markdown import bullets, code, escape, percent, plural, signed_percent, table
from scalesearch.report.page_parts import figure_part, section
from scalesearch.report.provenance import PLAIN_COUNTS, how_it_was_made
from scalesearch.report.sentences import listed

__all__ = ["FIGURES", "audit_page"]

FIGURES = {
    "cost": (
        "The cost of each row under every rounding, relative to its printed cost",
        "How to read it: a mark on a grey bar is a cost that, rounded to the printed digits, is the printed "
        "figure. A row without any was not rounded in any documented way, or not counted as here.",
    ),
    "accuracy": (
        "Published accuracy against exact cost, a line from each baseline to each of its rows",
        "How to read it: what is steeper gains more for each doubling of the cost. Filled marks lie at the "
        "exact cost with the official rounding, hollow ones at the printed cost, both over the exact cost of "
        "the baseline: its printed one has a digit or two, so the table's ratios of printed figures differ. "
        "The accuracies are the authors', on ImageNet, one run each.",
    ),
    "trained": (
        "What each way of scaling gained here at equal cost, against its published gain",
        "How to read it: where the marks rise from left to right, the published order holds here. Bars are "
        "standard deviations over seeds.",
    ),
}
GIGA = 1e9


def audit_page(record: AuditRecord, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    trained = bool(record.trained)
    parts = [
        "# The paper's tables of single dimensions against compound scaling, audited",
        audit_answer(record),
        bullets(verdict_sentence(record, name) for name in record.baselines),
        section("Does the order hold at equal cost?", training_section(record)),
        *([figure_part("trained", FIGURES, figures)] if trained else []),
        section("What compound scaling spent against its rivals", _spending(record)),
        figure_part("accuracy", FIGURES, figures),
        section("What a fair row would have been", _fair(record.matches)),
        section("Row by row", _rows(record)),
        figure_part("cost", FIGURES, figures),
        section("Which rounding was it?", _rules(record)),
        section("What cannot be reproduced", _unreproduced(record)),
        _made(record),
        section("How to read this page", _glossary()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _spending(record: AuditRecord) -> str:
    header: tuple[str, ...] = (
        "baseline",
        "rival",
        "printed",
        "nominal",
        "official rounding",
        "nearest rounding",
        "lead",
    )
    header += ("left: official", "left: nearest", "compound per doubling", "rival per doubling")
    rows = [
        (
            name,
            one.rival.scaling,
            *(f"{ratio:.2f}" for ratio in (one.published, one.nominal, one.official, one.fitting)),
            *(f"{100 * lead:+.1f}" for lead in (one.lead, one.left(one.official), one.left(one.fitting))),
            *(f"{100 * (row.gain_per_doubling or 0):.2f}" for row in (one.compound, one.rival)),
        )
        for name in record.baselines
        for one in spendings(record, name)
    ]
    rules = {row.published.multipliers: row for row in record.rows if row.scaling == "compound"}
    nominal = listed(
        [
            f"({m.depth:g}, {m.width:g}, {m.resolution:g}) with {row.nominal_ratio:.2f}"
            for m, row in rules.items()
        ]
    )
    return (
        "The cost of the compound row over that of each rival: as printed, by the rule, as built with the "
        "official rounding, and as built with the rounding that comes nearest to each printed cost. By the "
        f"rule rivals cost 4 times their baseline and the compound rule, {nominal}, less. Rounding makes it "
        "more: 1.4 times 1, 2, 3 and 4 blocks are built as 2, 3, 5 and 6, where a multiplier of 4 leaves "
        "nothing to round.\n\n"
        + table(header, rows, left=2)
        + "\n\n*Lead* is published top-1 of compound less the rival's, in points; *left* is what remains "
        "where the rival gets as much as compound, at the points per doubling of its cost that it gained so "
        "far: an extrapolation by a fraction of a doubling, not a measurement."
    )


def _fair(matches: Sequence[AuditMatch]) -> str:
    header: tuple[str, ...] = (
        "baseline",
        "scaled",
        "to what it costs",
        "depth",
        "width",
        "resolution",
        "input",
        "blocks",
    )
    header += ("MACs", "off")
    rows = [
        (
            one.baseline,
            one.scaling,
            f"{one.spends_as}, {one.target / GIGA:.3f} G",
            *(f"{value:.3f}" for value in (one.depth, one.width, one.multiplier)),
            f"{one.resolution} px",
            str(one.blocks),
            f"{one.macs / GIGA:.3f} G",
            signed_percent(one.residual),
        )
        for one in matches
    ]
    return (
        "The compound network that spends what the best single row really did, and the best single dimension "
        "with what the compound row really spent, each along its own rule with the official rounding; width "
        "takes up what whole blocks leave. These are the rows to train for a comparison at equal cost.\n\n"
        + table(header, rows, left=3)
    )


def _rows(record: AuditRecord) -> str:
    header: tuple[str, ...] = (
        "baseline",
        "scaling",
        "d, w, r",
        "published FLOPs",
        "exact",
        "off",
        "nearest rounding",
    )
    header += ("its cost", "agrees", "ratio: published", "nominal", "exact", "published top-1")
    return (
        "*Exact* are the multiply-adds of the network as built here with the official rounding. The nearest "
        "rounding is the official one wherever that agrees; *agrees* says whether its cost, rounded to the "
        "printed digits, is the printed figure. A ratio of printed figures is coarse: the baselines have one "
        "or two digits.\n\n" + table(header, [_row_cells(row) for row in record.rows], left=2)
    )


def _row_cells(row: AuditRow) -> list[str]:
    published, nearest = row.published, row.nearest
    return [
        row.baseline,
        row.scaling,
        f"{published.depth:g}, {published.width:g}, {published.resolution:g}",
        f"{published.flops / GIGA:g} G",
        f"{row.macs / GIGA:.3f} G",
        signed_percent(row.macs / published.flops - 1),
        nearest.rule,
        f"{nearest.macs / GIGA:.3f} G",
        "yes" if published.prints(nearest.macs) else "no",
        *(f"{ratio:.2f}" for ratio in (row.published_ratio, row.nominal_ratio, row.macs_ratio)),
        percent(published.top1),
    ]


def _rules(record: AuditRecord) -> str:
    found = agreeing_rules(record.rows)
    most = max((count for count, _ in found.values()), default=0)
    scaled = sum(row.scaling != "none" for row in record.rows)
    official = found.get(OFFICIAL, (0, 0))[0]
    compound = [row for row in record.rows if row.scaling == "compound"]
    by_row = listed([f"{row.baseline} {_rule_names(row)}" for row in compound])
    rows = [(rule, f"{count} of {have}") for rule, (count, have) in found.items()]
    return (
        f"No single rounding explains the tables: the best agree with {most} of "
        f"{plural(scaled, 'scaled row')}, the official one with {official}. Only a compound row tells "
        "roundings apart, as multipliers of 2 and 4 leave next to nothing to round. Those that give its "
        f"printed cost: {by_row}.\n\n"
        + table(("rounding", "agrees with"), rows, left=1)
        + "\n\n"
        + bullets(f"*{escape(name)}*: {escape(says)}." for name, says in rule_meanings().items())
    )


def _rule_names(row: AuditRow) -> str:
    names = [cost.rule for cost in row.agreeing]
    return " or ".join(f"*{name}*" for name in names) if names else "none"


def _unreproduced(record: AuditRecord) -> str:
    rows = unreproduced(record)
    if not rows:
        return ""
    explained = [row for row in rows if row.published.prints(row.fvcore_total)]
    wider = f"explains {len(explained)} of them" if explained else "explains none of them"
    return "\n\n".join(
        (
            f"No documented rounding gives {plural(len(rows), 'printed cost')}; to count batch norm and "
            f"pooling too, as fvcore does, {wider}. How they were counted was not published.",
            bullets(map(_missed, rows)),
            *map(_swap, swaps(record)),
        )
    )


def _missed(row: AuditRow) -> str:
    costs = [cost.macs / GIGA for cost in row.costs]
    return (
        f"**{row.baseline}, {row.scaling}:** printed {row.published.flops / GIGA:g} G; {min(costs):.3f} to "
        f"{max(costs):.3f} G under all roundings; the nearest that can be built has "
        f"{row.nearest.macs / GIGA:.3f} G ({row.nearest.rule}, "
        f"{signed_percent(row.nearest.macs / row.published.flops - 1)}); with batch norm and pooling the "
        f"official one has {row.fvcore_total / GIGA:.3f} G."
    )


def _swap(pair: Swap) -> str:
    a, b = pair.first, pair.second
    return (
        f"**The costs of {a.baseline}'s {a.scaling} and {b.scaling} look exchanged:** {a.scaling} costs "
        f"{a.macs / GIGA:.3f} G, {signed_percent(a.macs / b.published.flops - 1)} off the "
        f"{b.published.flops / GIGA:g} G printed for {b.scaling}; {b.scaling} costs {b.macs / GIGA:.3f} G, "
        f"{signed_percent(b.macs / a.published.flops - 1)} off the {a.published.flops / GIGA:g} G printed "
        f"for {a.scaling}. Off their own they are {signed_percent(a.macs / a.published.flops - 1)} and "
        f"{signed_percent(b.macs / b.published.flops - 1)}."
    )


def _made(record: AuditRecord) -> str:
    return how_it_was_made(
        command=record.command,
        facts=[
            "Published figures: "
            + escape(listed(sorted({row.published.source for row in record.rows})))
            + "."
        ],
        settings=record.settings,
        machine=record.machine,
        versions=record.versions,
    )


def _glossary() -> str:
    return bullets(
        (
            "published, printed: the authors' figures, in the digits that they were printed with.",
            "nominal: d x w^2 x r^2, what the rule says, before anything is rounded.",
            "exact: the multiply-adds of the network as built here, with the official rounding.",
            "points: hundredths of top-1 accuracy.",
            PLAIN_COUNTS,
            f"All numbers, unrounded: {code('audit.csv')}, {code('rules.csv')} and {code('matched.csv')} "
            "beside this page.",
        )
    )
