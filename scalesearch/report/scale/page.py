"""The page of a scaled family: from the rule to the networks, and from there to the published table."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.published import published_family
from scalesearch.architecture.spec import arch_from_dict
from scalesearch.records import ScaleRecord
from scalesearch.report.budgets import within_budget
from scalesearch.report.inputs import input_text
from scalesearch.report.latency import latency_text, unstable_note
from scalesearch.report.markdown import code, duration, escape, fenced, plural, si, signed_percent, table
from scalesearch.report.own_code import counted_parts, is_own_code
from scalesearch.report.provenance import PLAIN_COUNTS, how_it_was_made
from scalesearch.report.scale.published import published_section
from scalesearch.report.scale.rounding import rounding_shares
from scalesearch.scaling import NOMINAL_BASE

__all__ = ["scale_page"]

FIGURES = {
    "cost": (
        "Cost against phi: nominal, by the rule, as built and as published",
        "How to read it: above, each step of phi should double the cost. Below, the same divided by 2^phi: "
        "the distance from 1 is what the coefficients' product and the rounding make of the promise.",
    ),
    "accuracy": (
        "Published ImageNet top-1 against published FLOPs",
        "How to read it: {reading} These are the authors' numbers; this command trains nothing.",
    ),
}

# What the published accuracies of a family show: EfficientNet's, and any other's.
SHRINKING = "each step to the right costs more than it did before for less accuracy gained."
DEARER = "further right is dearer, further up more accurate."


def scale_page(record: ScaleRecord, figures: Collection[str], *, trained: str = "", made: str = "") -> str:
    """The derivation as Markdown.

    Args:
        record: the family.
        figures: names of the figures that were drawn.
        trained: the section on its trained networks, where there are any.
        made: how the whole run was made, where that is more than the derivation.
    """
    parts = [
        f"# {escape(record.baseline)}: from the rule to the family",
        _summary(record),
        trained,
        _rule(record),
        *_family(record, figures),
        *_rounding(record),
        *published_section(record, _accuracy(record, figures)),
        *_fvcore(record),
        "## Conventions",
        f"{PLAIN_COUNTS} fvcore's own total also counts batch norm (2 operations per element in evaluation "
        "mode) and adaptive average pooling (1 per input element). Activations are the output elements of "
        "all convolutions and linear layers. The realised ratio is MACs over those of the network at phi 0. "
        "Unrounded numbers: `family.csv`"
        + (" and `published.csv`" if record.published else "")
        + " beside this page.",
        made
        or how_it_was_made(
            command=record.command,
            facts=[f"Time: {duration(record.wall_s)}."],
            settings=record.settings,
            machine=record.machine,
            versions=record.versions,
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(record: ScaleRecord) -> str:
    """The family in three lines: what it costs, what the rule had foretold, and what to do next."""
    if not record.family:
        return ""
    first, last = record.family[0], record.family[-1]
    spent = f"from {si(first.macs)} to {si(last.macs)}" if first is not last else si(last.macs)
    phis = f"phi {first.phi:g} to {last.phi:g}" if first is not last else f"phi {last.phi:g}"
    return (
        f"**{plural(len(record.family), 'network')} of {escape(record.baseline)}, {phis}: {spent} "
        f"multiply-adds, {first.resolution} to {last.resolution} px.**\n\n"
        f"By the rule each step of phi multiplies the cost by {record.product:.4g}, up to "
        f"{last.nominal_ratio:.3g} times the baseline's at phi {last.phi:g}; once blocks, channels and "
        f"pixels are whole it is {last.macs_ratio:.3g} times.\n\n"
        f"Next:\n\n{fenced('scalesearch measure DIR', 'sh')}"
    )


def _rule(record: ScaleRecord) -> str:
    off = record.product / NOMINAL_BASE - 1
    meaning = (
        "so each step of phi nominally doubles the cost, and phi steps make it 2^phi."
        if abs(off) < 1e-9
        else f"{abs(off):.1%} {'under' if off < 0 else 'over'} the 2 that would double the cost with each "
        f"step. The nominal cost at phi is therefore {record.product:.4g}^phi rather than 2^phi."
    )
    formula = (
        "depth      d = alpha^phi\nwidth      w = beta^phi\nresolution r = gamma^phi\n"
        "with alpha * beta^2 * gamma^2 = 2 (nearly), and alpha, beta, gamma >= 1"
    )
    product = f"{record.alpha:.6g} x {record.beta:.6g}^2 x {record.gamma:.6g}^2 = {record.product:.6g}"
    return (
        "## 1. The rule\n\n"
        "Compound scaling (arXiv 1905.11946, equation 3) makes a network deeper, wider and sharper together, "
        f"by one exponent phi:\n\n{fenced(formula, 'text')}\n\n"
        "A convolution's cost grows in proportion to depth, to the square of width (both its inputs and its "
        "outputs) and to the square of resolution (both sides of the image). The product alpha x beta^2 x "
        "gamma^2 is therefore what one step of phi multiplies the cost by.\n\n"
        f"Here alpha = {record.alpha:.6g}, beta = {record.beta:.6g}, gamma = {record.gamma:.6g}: "
        f"**{product}**, {meaning}{_by_stage(record.settings)}"
    )


def _by_stage(settings: Mapping[str, Any]) -> str:
    """The powers of d and w that stages are scaled by, where they are others than 1."""
    if (kept := settings.get("baseline_arch")) is None:
        return ""
    arch = arch_from_dict(kept)
    if isinstance(arch, CodeSpec) or not any(row.has_exponents for row in arch.stages):
        return ""
    powers = {
        "depth": [row.depth_exponent * row.scaled_repeats for row in arch.stages],
        "width": [row.width_exponent * row.scaled_channels for row in arch.stages],
    }
    told = " and ".join(
        f"by {name[0]} to the powers {', '.join(f'{power:g}' for power in each)}"
        for name, each in powers.items()
    )
    return f"\n\nThe stages of this baseline are scaled {told}, one for each."


def _family(record: ScaleRecord, figures: Collection[str]) -> list[str]:
    timed = any(row.latency is not None for row in record.family)
    parts = counted_parts(record.settings)
    header = ["phi", "depth d", "width w", "resolution r", "input", parts, "params", "MACs", "activations"]
    header += ["2^phi", "nominal ratio", "realised ratio", *(["latency"] if timed else [])]
    rows = [
        [
            f"{row.phi:g}",
            *(f"{value:.3f}" for value in (row.depth, row.width, row.resolution_multiplier)),
            input_text(row),
            str(row.blocks),
            *(si(value) for value in (row.params, row.macs, row.activations)),
            *(f"{value:.2f}" for value in (NOMINAL_BASE**row.phi, row.nominal_ratio, row.macs_ratio)),
            *([latency_text(row.latency)] if timed else []),
        ]
        for row in record.family
    ]
    text = f"Multipliers by the rule, then the network they make once {parts}, channels and pixels are whole."
    if timed:
        measured = next(row.latency for row in record.family if row.latency)
        text += (
            f" Latency is the median of one forward pass of a batch of {measured.batch_size} on "
            f"{escape(measured.device)} with {plural(measured.threads, 'thread')}."
        )
        shaky = unstable_note([row.latency for row in record.family], "marked in the table")
        text += f"\n\n{shaky}" if shaky else ""
    if within := within_budget(record.family):
        text += f"\n\n**Budget:** {within}"
    return ["## 2. The family as built", text, table(header, rows, left=0), _figure("cost", figures)]


def _rounding(record: ScaleRecord) -> list[str]:
    rows = [row for row in record.family if row.phi != 0]
    if not rows:
        return []
    worst = max(rows, key=lambda row: abs(math.log(row.macs_ratio / row.nominal_ratio)))
    changes = [
        (
            f"{row.phi:g}",
            f"{row.nominal_ratio:.2f}",
            f"{row.macs_ratio:.2f}",
            signed_percent(row.macs_ratio / row.nominal_ratio - 1),
        )
        for row in rows
    ]
    own = is_own_code(record.settings)
    rounded = (
        "How depth and width are rounded is the code's own; the input side is rounded to whole pixels"
        if own
        else "Each stage's repeats, each layer's channels and the input side are rounded by the rules listed "
        "under settings"
    )
    parts = [
        "## 3. What rounding does",
        f"Nobody can build 2.4 blocks or 35.2 channels. {rounded}, so the realised ratio is not the nominal "
        f"one. The gap is widest at phi {worst.phi:g}: nominal {worst.nominal_ratio:.2f}, realised "
        f"{worst.macs_ratio:.2f}.",
        table(("phi", "nominal ratio", "realised ratio", "realised over nominal"), changes, left=0),
    ]
    shares = {row.phi: rounding_shares(record, row) for row in rows}
    if all(shares.values()):
        header = ["phi"]
        for name in ("depth", "width", "resolution"):
            header += [f"{name}: rule", "built", "change"]
        cells = [
            [
                f"{phi:g}",
                *(
                    cell
                    for share in parts_of
                    for cell in (
                        f"{share.nominal:.2f}",
                        f"{share.realised:.2f}",
                        signed_percent(share.factor - 1),
                    )
                ),
            ]
            for phi, parts_of in shares.items()
        ]
        parts += [
            "Scaling one dimension at a time shows where the gap comes from: cost ratios by the rule (d, "
            "w^2, r^2) and as built. Depth is rounded stage by stage, most where a stage has few repeats. "
            "Resolution also pays for each stride, which rounds an odd feature map up: pixels that no "
            "rounding rule names. Depthwise layers, squeeze-and-excite, the stem and the classifier do not "
            "grow as the rule assumes, so part of a change is theirs, and the three need not multiply to the "
            "whole.",
            table(header, cells, left=0),
        ]
    base = next((row for row in record.family if row.phi == 0), None)
    if base is not None and not own:
        steps = "; ".join(
            f"phi {row.phi:g}: {base.blocks} x {row.depth:.3f} = {base.blocks * row.depth:.1f}, built "
            f"{row.blocks}"
            for row in rows
        )
        parts.append(f"Blocks, as repeats are rounded stage by stage: {steps}.")
    return parts


def _fvcore(record: ScaleRecord) -> list[str]:
    if not record.family:
        return []
    names = sorted({name for row in record.family for name in row.uncounted})
    rows = [
        (
            f"{row.phi:g}",
            si(row.macs),
            si(row.fvcore_total),
            signed_percent(row.fvcore_total / row.macs - 1),
            *(str(row.uncounted.get(name, 0)) for name in names),
        )
        for row in record.family
    ]
    header = ("phi", "MACs", "fvcore total", "difference", *(f"{code(name)} calls" for name in names))
    said = (
        "It left out the operators of the last columns (number of calls): activation functions and "
        "element-wise products cost nothing by its count."
        if names
        else "It reported no operator as uncounted."
    )
    holds = (
        "fvcore's total holds the multiply-adds of the closed form plus batch norm and adaptive pooling, "
        "which explains the difference."
    )
    if is_own_code(record.settings):
        holds = (
            "The multiply-adds are those of the convolutions and matrix products that torch runs for one "
            "image. fvcore follows the code by itself and has rules of its own, for norms and pools too; "
            "what its difference is made of depends on the code, and was not looked into."
        )
    return [
        "## 5. What fvcore counts, and what it did not",
        f"{holds} {said}",
        table(header, rows, left=0),
    ]


def _accuracy(record: ScaleRecord, figures: Collection[str]) -> str:
    """The figure of the published accuracies; that gains shrink is said of EfficientNet's alone."""
    shrinks = any(row.name in published_family() for row in record.published)
    return _figure("accuracy", figures).format(reading=SHRINKING if shrinks else DEARER)


def _figure(name: str, figures: Collection[str]) -> str:
    alt, reading = FIGURES[name]
    return f"![{alt}](figures/{name}.png)\n\n{reading}" if name in figures else ""
