"""The section of a derivation that tells of its trained networks: does accuracy rise with phi here?"""

from __future__ import annotations

from collections.abc import Collection

from scalesearch.records import RunRecord
from scalesearch.report.inputs import input_text
from scalesearch.report.learning import UNLEARNT, nothing_learnt
from scalesearch.report.markdown import bullets, duration, escape, percent, plural, si, table
from scalesearch.report.own_code import counted_parts
from scalesearch.report.page_parts import (
    figure_part,
    p_text,
    quoted_agreement,
    section,
    top1_seeds,
    unfinished,
)
from scalesearch.report.scale.trained_evidence import FamilyEvidence, Step, family_evidence

__all__ = ["trained_section"]

QUESTION = "Does accuracy rise with phi here?"
FIGURES = {
    "trained": (
        "Held-out top-1 of the trained family against multiply-adds and against training time",
        "How to read it: an equal way to the right is an equal factor of the cost; bars are 95% intervals. "
        "Where there is a panel of published accuracies, they are of the full-size networks after full "
        "training on ImageNet: compare the shape of the lines, not their heights.",
    )
}


def trained_section(run: RunRecord, figures: Collection[str]) -> str:
    """The section as Markdown; ``figures`` names those that were drawn."""
    found = family_evidence(run)
    parts = [
        unfinished(run.candidates),
        f"{UNLEARNT if nothing_learnt(run) else ''} {_answer(found)}".strip(),
        figure_part("trained", FIGURES, figures),
        _networks(run),
        _steps(found),
        bullets(_trust(run, found)),
    ]
    return section("Trained", "\n\n".join(part for part in parts if part))


def _answer(found: FamilyEvidence) -> str:
    if len(found.networks) < 2:
        return f"**{QUESTION} No answer yet:** fewer than two networks have completed their training."
    first, last = found.networks[0], found.networks[-1]
    span = f"From phi {first.phi:g} to {last.phi:g} top-1 goes from {top1_seeds(first)} to {top1_seeds(last)}"
    if found.slope is None or found.rises_to is None:
        why = "its networks all cost the same" if found.steps[0].test else "that takes at least two seeds"
        return f"**{QUESTION} Not tested:** {why}. {span}."
    slope = found.slope
    risen = found.rises_to > first.phi
    if slope.high < 0:
        word = "No, it falls"
    elif found.rises_to == last.phi:
        word = f"Yes, up to phi {last.phi:g}, the largest that was trained"
    elif risen:
        word = f"Yes, up to phi {found.rises_to:g}"
    elif slope.low > 0:
        word = "Yes, over the whole family, though no single network is shown to be better than that of " + (
            f"phi {first.phi:g}"
        )
    else:
        word = "Not shown"
    stops = (
        f" No larger network is shown to be better than that of phi {found.rises_to:g}; nor is it shown that "
        "it stops rising there."
        if risen and found.rises_to != last.phi
        else ""
    )
    return (
        f"**{QUESTION} {word}.** Each doubling of the real multiply-adds changes top-1 by "
        f"{_points(slope.slope)} points (95% interval {_points(slope.low)} to {_points(slope.high)}; a "
        f"straight line through {plural(len(found.networks), 'network')} with "
        f"{plural(len(found.seeds), 'seed')} each). {span}.{stops}"
    )


def _networks(run: RunRecord) -> str:
    rows = [
        (
            f"{c.phi:g}",
            *(f"{value:.2f}" for value in (c.depth, c.width)),
            input_text(c),
            *((str(c.blocks), si(c.params), si(c.macs), f"{c.macs_ratio:.2f}") if c.counted else [""] * 4),
            duration((c.train_seconds or 0.0) / len(c.runs)) if c.runs else "",
            top1_seeds(c) if c.status == "completed" else c.status,
            str(len(c.runs)),
        )
        for c in sorted(run.candidates, key=lambda c: c.phi)
    ]
    failed = [c for c in run.candidates if c.status == "failed"]
    counted = counted_parts(run.settings)
    header = ("phi", "depth", "width", "input", counted, "params", "MACs", "realised ratio")
    text = (
        "What was trained are small copies of the family: the reduced baseline of the settings, scaled "
        "by the same multipliers. Accuracies are means over seeds and their standard deviations."
    )
    parts = [text, table((*header, "training of one run", "top-1", "seeds"), rows, left=0)]
    if failed:
        parts.append(bullets(f"phi {c.phi:g}: failed, {escape(c.reason)}." for c in failed))
    return "\n\n".join(parts)


def _steps(found: FamilyEvidence) -> str:
    if not found.steps:
        return ""
    rows = [_step(step) for step in found.steps]
    return "Step by step, the gain for each doubling of the multiply-adds:\n\n" + table(
        ("from", "to", "doublings", "gain (points)", "for each doubling", "95% interval", "verdict"),
        rows,
        left=2,
    )


def _step(step: Step) -> tuple[str, ...]:
    per, reach = step.per_doubling, step.interval
    return (
        f"phi {step.lower.phi:g}",
        f"phi {step.upper.phi:g}",
        f"{step.doublings:.2f}",
        _points(step.gain),
        "" if per is None else _points(per),
        "" if reach is None else f"{_points(reach[0])} to {_points(reach[1])}",
        step.verdict if step.test is None else f"{step.verdict} ({p_text(step.test.p)})",
    )


def _trust(run: RunRecord, found: FamilyEvidence) -> list[str]:
    items = []
    tested = [step.test for step in found.steps if step.test is not None]
    if tested:
        items.append(
            "**The test:** two-sided t tests at 5%, paired by seed; intervals and p values hold for all "
            f"pairs of networks at once, with noise of {tested[0].df} degrees of freedom from all of them."
        )
    images = sorted({c.images_seen for c in found.networks if c.images_seen})
    if images:
        items.append(
            f"**Short runs:** every network saw {' or '.join(f'{count:,}' for count in images)} training "
            "images. Larger networks need more of them to show what they can do, so a family that stops "
            "rising here may rise with longer training (`--images`, `--epochs`)."
        )
    if run.reliability:
        items.append(f"**Short runs are a proxy:** {quoted_agreement(run.reliability[-1])}")
    chance = 1 / run.classes
    low = [c for c in found.networks if (c.top1 or 0.0) <= 2 * chance]
    if low:
        items.append(
            f"**Chance** is {percent(chance)}: {plural(len(low), 'network')} did not get beyond twice that, "
            "so their order says little."
        )
    return items


def _points(value: float) -> str:
    return f"{round(100 * value, 1) + 0.0:+.1f}"
