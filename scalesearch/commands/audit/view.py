"""The page and tables of an audit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.commands.audit.evidence import (
    EQUAL,
    SCALINGS,
    OrderPair,
    Spending,
    Swap,
    agreeing_rules,
    order_pairs,
    published_top1,
    spendings,
    swaps,
    trained_roles,
    unreproduced,
)
from scalesearch.commands.audit.figures import accuracy_figure, cost_figure, trained_figure
from scalesearch.commands.sweep.evidence import baseline_of, budgets, residual
from scalesearch.files import write_text
from scalesearch.networks.rounding_rules import OFFICIAL, rule_meanings
from scalesearch.page.evidence import nothing_learnt
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import (
    bullets,
    escape,
    listed,
    p_text,
    percent,
    plural,
    signed_percent,
    table,
)
from scalesearch.page.parts import (
    figure_part,
    how_it_was_made,
    quoted_agreement,
    section,
    top1_seeds,
    training,
    unfinished,
    words_and_numbers,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import csv_text, frame
from scalesearch.records import AuditMatch, AuditRecord, AuditRow, CandidateRecord, RunRecord

# ----------------------------------------------------------------------------------------------------
# The part of an audit's page about the rows that were trained at equal cost.


def order_answer(pairs: Sequence[OrderPair]) -> str:
    """In a sentence or two: does the published order hold here?"""
    if not pairs:
        return "**Does the published order hold here?** No answer yet: no two of the ways were trained."
    verdicts = [pair.verdict for pair in pairs]
    holds, other = verdicts.count("holds"), verdicts.count("reversed")
    untested = verdicts.count("not tested")
    same = sum(pair.difference > 0 for pair in pairs)
    if untested == len(pairs):
        word = "Not tested"
    elif other and holds:
        word = "In part"
    elif other:
        word = "No"
    elif holds == len(pairs):
        word = "Yes"
    else:
        word = "In part" if holds else "Not shown"
    counts = (
        f"Of {plural(len(pairs), 'pair')} of ways at equal cost the published order is shown for {holds}, "
        f"the reverse for {other}, and nothing for {len(pairs) - holds - other}"
    )
    led = [pair.verdict for pair in pairs if pair.ahead == "compound"]
    compound = (
        f" Of {plural(len(led), 'pair')} that compound scaling leads as published, its lead is shown in "
        f"{led.count('holds')}, the reverse in {led.count('reversed')}."
        if led
        else ""
    )
    return (
        f"**Does the published order hold here, at equal cost? {word}.** {counts}; the means agree in sign "
        f"for {same}, where chance would give about {len(pairs) / 2:g}.{compound}"
    )


def training_section(record: AuditRecord) -> str:
    """The trained rows beside the published ones; empty where none was trained."""
    if not record.trained:
        return ""
    pairs = order_pairs(record)
    warnings: list[str] = [
        text
        for name, run in record.trained.items()
        if (text := unfinished(run.candidates, f"The sweep of {escape(name)}"))
    ]
    missing = [name for name in record.baselines if name not in record.trained]
    if missing:
        warnings.append(f"> Not begun yet: {listed(missing)}. `scalesearch resume DIR` carries on.")
    parts = [
        *warnings,
        _trust(record, pairs),
        *(_of_baseline(record, name, run, pairs) for name, run in record.trained.items()),
    ]
    return "\n\n".join(part for part in parts if part)


def _trust(record: AuditRecord, pairs: Sequence[OrderPair]) -> str:
    runs = record.trained.values()
    networks = [c for run in runs for c in run.candidates if c.role != "baseline" and c.runs]
    items = []
    tested = [pair for pair in pairs if pair.test is not None]
    if tested:
        items.append(
            "**The test:** two-sided t tests at 5%, paired by seed, noise pooled over a baseline's networks; "
            "intervals and p values hold for all pairs of this page at once. *Not shown* does not "
            "mean that there is no difference."
        )
    if len(tested) < len(pairs):
        items.append(
            f"**Not tested:** {plural(len(pairs) - len(tested), 'pair')} without two common seeds. "
            "`--seeds 3` or more would tell."
        )
    if networks:
        worst = max(networks, key=lambda c: abs(residual(c)))
        items.append(
            f"**Equal cost (MACs):** all networks are within {abs(residual(worst)):.1%} of their budgets."
        )
    guessing = [name for name, run in record.trained.items() if run.candidates and nothing_learnt(run)]
    if guessing:
        items.append(
            f"**No network of {listed(guessing)} has learnt anything that shows:** their order says nothing."
        )
    reliability = next((run.reliability for run in runs if run.reliability), ())
    items.append(
        "**Another task:** small proxies of the baselines, short runs and other data than ImageNet; the "
        "order may differ for any of these."
        + (f" How far short runs can be trusted: {quoted_agreement(reliability[-1])}" if reliability else "")
    )
    if networks:
        every = [c for run in runs for c in run.candidates]
        items.append(f"**Cost of it:** {training(every)}.")
    return bullets(items)


def _of_baseline(record: AuditRecord, name: str, run: RunRecord, pairs: Sequence[OrderPair]) -> str:
    base, parts = baseline_of(run), [f"### {escape(name)}"]
    if base is not None:
        parts.append(f"The baseline itself, as trained: top-1 {top1_seeds(base)}.")
    for phi in budgets(run):
        roles = trained_roles(run, phi)
        here = [pair for pair in pairs if pair.baseline == name and pair.phi == phi]
        header: tuple[str, ...] = ("scaling", "published top-1", "d, w, r here", "input", "off budget")
        header += ("top-1 here", "seeds")
        rows = [_cells(record, name, role, roles[role]) for role in SCALINGS if role in roles]
        if not rows:
            continue
        parts.append(
            f"At {2**phi:g} times the baseline's multiply-adds. Published, from the best: "
            f"{_order(published_top1(record, name))}. Here: "
            f"{_order({role: c.top1 or 0.0 for role, c in roles.items()})}."
        )
        parts.append(table(header, rows))
        if here:
            header = ("pair", "published lead", "lead here", "95% interval", "published order")
            parts.append(table(header, [_pair_cells(pair) for pair in here]))
    parts.append(f"All of this sweep: [its own page](train/{name}/report.md).")
    return "\n\n".join(parts)


def _order(top1: dict[str, float]) -> str:
    """``compound 81.1%, resolution 79.1%``: from the best."""
    ranked = sorted(top1, key=lambda role: -top1[role])
    return ", ".join(f"{role} {percent(top1[role])}" for role in ranked)


def _cells(record: AuditRecord, name: str, role: str, c: CandidateRecord) -> list[str]:
    row = record.row(name, role)
    return [
        role,
        percent(row.published.top1) if row else "not published",
        ", ".join(f"{value:.3g}" for value in (c.depth, c.width, c.resolution_multiplier)),
        f"{c.resolution} px",
        signed_percent(residual(c)),
        top1_seeds(c),
        str(len(c.runs)),
    ]


def _pair_cells(pair: OrderPair) -> list[str]:
    test = pair.test
    return [
        f"{pair.ahead} less {pair.behind}",
        f"{100 * pair.published:+.1f}",
        f"{100 * pair.difference:+.1f}",
        f"{100 * test.low:+.1f} to {100 * test.high:+.1f}" if test else "",
        pair.verdict + (f" ({p_text(pair.test.p)})" if pair.test is not None else ""),
    ]


# ----------------------------------------------------------------------------------------------------
# An audit as tables: a row per published row, per rounding, and per pair of ways that were trained.

COLUMNS = (
    *("baseline", "scaling", "depth", "width", "resolution_multiplier", "resolution", "blocks", "params"),
    *("flops_published", "top1_published", "macs", "fvcore_total", "macs_over_published", "agrees"),
    *("nearest_rule", "nearest_macs", "nearest_agrees", "published_ratio", "nominal_ratio", "macs_ratio"),
    *("compound_over_this_published", "compound_over_this_nominal", "compound_over_this_macs"),
    *("compound_over_this_nearest", "compound_lead", "compound_lead_left", "compound_lead_left_nearest"),
    *("gain_per_doubling", "source"),
)
RULE_COLUMNS = ("baseline", "scaling", "rule", "macs", "flops_published", "over_published", "agrees")
MATCHED_COLUMNS = (
    *("baseline", "scaling", "spends_as", "depth", "width", "resolution_multiplier", "resolution", "blocks"),
    *("macs", "target", "residual"),
)
ORDER_COLUMNS = (
    *("baseline", "phi", "ahead", "behind", "published_difference", "difference", "difference_low"),
    *("difference_high", "p", "verdict"),
)
BILLION = 1e9


def audit_table(record: AuditRecord) -> pd.DataFrame:
    """Every published row, columns :data:`COLUMNS`; costs in multiply-adds, accuracies as fractions."""
    against = {
        (one.rival.baseline, one.rival.scaling): one
        for name in record.baselines
        for one in spendings(record, name)
    }
    return frame([_row(row, against.get((row.baseline, row.scaling))) for row in record.rows], COLUMNS)


def rules_table(record: AuditRecord) -> pd.DataFrame:
    """Every row under every documented rounding, columns :data:`RULE_COLUMNS`."""
    return frame(
        [
            {
                "baseline": row.baseline,
                "scaling": row.scaling,
                "rule": cost.rule,
                "macs": float(cost.macs),
                "flops_published": row.published.flops,
                "over_published": cost.macs / row.published.flops - 1,
                "agrees": _yes(row.published.prints(cost.macs)),
            }
            for row in record.rows
            for cost in row.costs
        ],
        RULE_COLUMNS,
    )


def matched_table(record: AuditRecord) -> pd.DataFrame:
    """The rows brought to one another's cost, columns :data:`MATCHED_COLUMNS`."""
    names = [name for name in MATCHED_COLUMNS if name != "resolution_multiplier"]
    return frame(
        [
            {name: getattr(one, name) for name in names} | {"resolution_multiplier": one.multiplier}
            for one in record.matches
        ],
        MATCHED_COLUMNS,
    )


def order_table(record: AuditRecord) -> pd.DataFrame:
    """Every pair of ways that were trained, columns :data:`ORDER_COLUMNS`; the published leader first."""
    return frame(
        [
            {
                "baseline": pair.baseline,
                "phi": pair.phi,
                "ahead": pair.ahead,
                "behind": pair.behind,
                "published_difference": pair.published,
                "difference": pair.difference,
                "difference_low": pair.test.low if pair.test else None,
                "difference_high": pair.test.high if pair.test else None,
                "p": pair.test.p if pair.test else None,
                "verdict": pair.verdict,
            }
            for pair in order_pairs(record)
        ],
        ORDER_COLUMNS,
    )


def audit_view(table: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`audit_table` as a terminal has room for it, with units."""

    def billions(name: str, form: str) -> pd.Series[str]:
        return (table[name] / BILLION).map(form.format).astype(str)

    return table.assign(
        **{
            "published G": billions("flops_published", "{:.1f}"),
            "exact G": billions("macs", "{:.3f}"),
            "off": table["macs_over_published"].map("{:+.1%}".format),
            "nearest rounding": table["nearest_rule"],
            "its G": billions("nearest_macs", "{:.3f}"),
            "agrees": table["nearest_agrees"],
            "x published": table["published_ratio"].map("{:.2f}".format),
            "x nominal": table["nominal_ratio"].map("{:.2f}".format),
            "x exact": table["macs_ratio"].map("{:.2f}".format),
            "top-1": table["top1_published"].map("{:.1%}".format),
        }
    )


def _row(row: AuditRow, against: Spending | None) -> dict[str, object]:
    published, nearest = row.published, row.nearest
    cells: dict[str, object] = {
        "baseline": row.baseline,
        "scaling": row.scaling,
        "depth": published.depth,
        "width": published.width,
        "resolution_multiplier": published.resolution,
        "resolution": row.resolution,
        "blocks": row.blocks,
        "params": row.params,
        "flops_published": published.flops,
        "top1_published": published.top1,
        "macs": row.macs,
        "fvcore_total": row.fvcore_total,
        "macs_over_published": row.macs / published.flops - 1,
        "agrees": _yes(OFFICIAL in {cost.rule for cost in row.agreeing}),
        "nearest_rule": nearest.rule,
        "nearest_macs": float(nearest.macs),
        "nearest_agrees": _yes(published.prints(nearest.macs)),
        "published_ratio": row.published_ratio,
        "nominal_ratio": row.nominal_ratio,
        "macs_ratio": row.macs_ratio,
        "gain_per_doubling": row.gain_per_doubling,
        "source": published.source,
    }
    if against is not None:
        cells |= {
            "compound_over_this_published": against.published,
            "compound_over_this_nominal": against.nominal,
            "compound_over_this_macs": against.official,
            "compound_over_this_nearest": against.fitting,
            "compound_lead": against.lead,
            "compound_lead_left": against.left(against.official),
            "compound_lead_left_nearest": against.left(against.fitting),
        }
    return cells


def _yes(known: bool) -> str:
    return "yes" if known else "no"


# ----------------------------------------------------------------------------------------------------
# What an audit comes to, in sentences: first of all baselines, then of each.

# Whether every compound row led each of its rivals, and whether it cost the same.
VERDICTS = {
    (True, True): "Yes",
    (True, False): "Its rows led, but did not cost the same as their rivals",
    (False, True): "No: its rows cost the same as their rivals, but did not lead all of them",
    (False, False): "Not shown: its rows neither led all of their rivals nor cost the same",
}


def audit_answer(record: AuditRecord) -> str:
    """Did compound scaling win at equal cost? And do the printed costs hold?"""
    every = [one for name in record.baselines for one in spendings(record, name)]
    dearer = [
        name for name in record.baselines if all(one.official > 1 + EQUAL for one in spendings(record, name))
    ]
    printed, official = _span(one.published for one in every), _span(one.official for one in every)
    fitting = _span(one.fitting for one in every)
    led = all(one.lead > 0 for one in every)
    equal = all(abs(one.official - 1) <= EQUAL for one in every)
    left = [100 * min(one.left(ratio(one)) for one in every) for ratio in (_official, _fitting)]
    rows, missing = len(record.rows), len(unreproduced(record))
    sentences = [
        f"**Did compound scaling win at equal cost? {VERDICTS[led, equal]}.** By the printed costs "
        f"its rows spend {printed} against their rivals, built with the official rounding "
        + official
        + (f" (over {EQUAL:.0%} more than every rival for {listed(dearer)})" if dearer else "")
        + f", and with whichever documented rounding comes nearest to each printed cost {fitting}.",
        "Taken that rivals go on gaining as they did, the least that is left of a lead once they get as much "
        f"is {left[0]:+.1f} points with the official rounding and {left[1]:+.1f} with the nearest.",
        f"Of {plural(rows, 'printed cost')} {rows - missing} can be reproduced, {missing} cannot.",
    ]
    if record.trained:
        sentences.append(order_answer(order_pairs(record)))
    return " ".join(sentences)


def _official(one: Spending) -> float:
    return one.official


def _fitting(one: Spending) -> float:
    return one.fitting


def verdict_sentence(record: AuditRecord, baseline: str) -> str:
    """In plain words: did compound scaling of ``baseline`` win at equal cost, or with more?"""
    found = spendings(record, baseline)
    if not found:
        return f"**{baseline}:** no compound row, or no rival, was published."
    compound = found[0].compound
    best = min(found, key=lambda one: one.lead)
    side = "behind" if best.lead < 0 else "ahead of"
    agrees = compound.nearest.rule == OFFICIAL and compound.agreeing
    text = (
        f"**{baseline}:** compound ({percent(compound.published.top1)}) is {100 * abs(best.lead):.1f} points "
        f"{side} {best.rival.scaling} alone, the best rival. By the printed costs it spends "
        f"{_span(one.published for one in found)} against its rivals; built with the official rounding "
        f"{_span(one.official for one in found)}"
        + (", and its own printed cost is that" if agrees else ", which is not its printed cost")
        + f". {_left(found, [one.official for one in found])}"
    )
    missed = [
        row.scaling for row in unreproduced(record) if row.baseline == baseline and row.scaling != "none"
    ]
    if missed:
        text += f" What was printed for {listed(missed)} no rounding gives."
    if compound.nearest.rule == OFFICIAL:
        return text
    fits = "reproduces" if compound.agreeing else "comes nearest to"
    return (
        f"{text} With the rounding that {fits} its printed cost ({compound.nearest.rule}) it spends "
        f"{_span(one.fitting for one in found)}. {_left(found, [one.fitting for one in found])}"
    )


def _left(found: Iterable[Spending], ratios: Iterable[float]) -> str:
    """The least that is left of a lead where rivals get as much."""
    one, ratio = min(zip(found, ratios, strict=True), key=lambda pair: pair[0].left(pair[1]))
    return (
        f"Had {one.rival.scaling} got as much and gone on gaining as it did, {100 * one.left(ratio):+.1f} of "
        f"{100 * one.lead:.1f} points would be left."
    )


def _span(ratios: Iterable[float]) -> str:
    """``-5.3% to +18.2%``: ratios less 1, from the least to the greatest."""
    values = sorted(ratio - 1 for ratio in ratios)
    low, high = signed_percent(values[0]), signed_percent(values[-1])
    return low if low == high else f"{low} to {high}"


# ----------------------------------------------------------------------------------------------------
# The page of an audit: what the compound rows really spent, which printed costs hold, what training says.

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
        words_and_numbers("audit.csv", "rules.csv", "matched.csv"),
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
        "The cost of the compound row over that of each rival: as printed, by the rule, and as built with "
        "the official rounding and with the one nearest to each printed cost. By the rule rivals cost 4 "
        f"times their baseline and the compound rule, {nominal}, less; rounding makes it more.\n\n"
        + table(header, rows, left=2)
        + "\n\n*Lead* is published top-1 of compound less the rival's, in points; *left* is what remains "
        "where the rival gets as much as compound and goes on gaining as it did: an extrapolation."
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
        "*Exact* is the cost as built here with the official rounding; *agrees* says whether the cost by the "
        "nearest rounding, in the printed digits, is the printed figure.\n\n"
        + table(header, [_row_cells(row) for row in record.rows], left=2)
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
    means = dict(rule_meanings())
    rows = [
        (escape(rule), escape(means.get(rule, "")), f"{count} of {have}")
        for rule, (count, have) in found.items()
    ]
    return (
        f"No single rounding explains the tables: the best agree with {most} of "
        f"{plural(scaled, 'scaled row')}, the official one with {official}. Only a compound row tells "
        "roundings apart, as multipliers of 2 and 4 leave next to nothing to round. Those that give its "
        f"printed cost: {by_row}.\n\n" + table(("rounding", "what it does", "agrees with"), rows, left=2)
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
            table(MISSED, map(_missed, rows), left=2),
            *map(_swap, swaps(record)),
        )
    )


MISSED = (
    *("baseline", "scaling", "printed", "least", "most", "nearest", "its rounding", "off"),
    "with batch norm and pooling",
)
"""Columns of the printed costs that no rounding gives, in units of 10^9."""


def _missed(row: AuditRow) -> tuple[str, ...]:
    costs = [cost.macs / GIGA for cost in row.costs]
    return (
        row.baseline,
        row.scaling,
        f"{row.published.flops / GIGA:g} G",
        f"{min(costs):.3f} G",
        f"{max(costs):.3f} G",
        f"{row.nearest.macs / GIGA:.3f} G",
        row.nearest.rule,
        signed_percent(row.nearest.macs / row.published.flops - 1),
        f"{row.fvcore_total / GIGA:.3f} G",
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


# ----------------------------------------------------------------------------------------------------
# An audit as tables, figures and a page.


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AuditReport:
    """What was written, and what a caller prints.

    Attributes:
        page: ``audit.md``.
        figures: the figures, SVG and PNG.
        table: the table of ``audit.csv``, one row per published row.
        sentences: what came of each baseline's comparison, as text.
        order: the table of ``order.csv``, one row per pair that was trained; None where nothing was.
    """

    page: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame
    sentences: tuple[str, ...]
    order: pd.DataFrame | None


def write_audit_report(record: AuditRecord, out: Path) -> AuditReport:
    """Write ``audit.csv``, ``rules.csv``, ``matched.csv``, ``audit.md`` and ``figures/`` into ``out``.

    ``order.csv`` too where rows were trained. The same record gives the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures(
        {
            "cost": cost_figure(record),
            "accuracy": accuracy_figure(record),
            "trained": trained_figure(record),
        },
        out / "figures",
    )
    table = audit_table(record)
    write_text(out / "audit.csv", csv_text(table))
    write_text(out / "rules.csv", csv_text(rules_table(record)))
    write_text(out / "matched.csv", csv_text(matched_table(record)))
    order = order_table(record) if record.trained else None
    if order is not None:
        write_text(out / "order.csv", csv_text(order))
    return AuditReport(
        page=write_pages(out / "audit.md", audit_page(record, {path.stem for path in figures})),
        figures=figures,
        table=table,
        sentences=tuple(verdict_sentence(record, name).replace("**", "") for name in record.baselines),
        order=order,
    )
