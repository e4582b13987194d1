"""What the networks of a search were grown from, what that cost, and whether it changed the ranking."""

from __future__ import annotations

from collections.abc import Collection

from scalesearch.records import RunRecord, StartRecord
from scalesearch.report.markdown import bullets, escape, percent, plural
from scalesearch.report.page_parts import grown_from
from scalesearch.report.transfer.agreement import agreement_section
from scalesearch.report.transfer.evidence import run_differences

__all__ = ["start_section"]

# How the two runs are meant to differ.
START = ("start", "pretrained", "scratch_run")
QUESTION = "### Did that change the ranking?"


def start_section(run: RunRecord, scratch: RunRecord | str | None, ignored: Collection[str] = ()) -> str:
    """The section's body; empty for a run from scratch.

    Args:
        run: the run.
        scratch: the run of the same candidates from scratch; why it can't be read; None where none is known.
        ignored: settings that change no result, so that a difference in them says nothing.
    """
    start = run.start
    if start is None:
        return ""
    return "\n\n".join(
        (
            f"Every network was grown from {grown_from(start)}: before its first step, in evaluation mode, "
            "it computed what that network computed, apart from a little noise on the channels that are "
            "there more than once (Net2Net, arXiv 1511.05641). Wider layers repeat channels, added blocks "
            "begin as the identity, another resolution changes no weight. It was then trained as long, and "
            "by the same recipe, as a network from scratch would have been.",
            bullets(_items(run, start)),
            QUESTION,
            _ranking(run, scratch, ignored),
        )
    )


def _items(run: RunRecord, start: StartRecord) -> list[str]:
    items = [*_cost(run, start)]
    if start.fresh_classifier:
        items.append("**The classifier is fresh:** the file has none that fits; every network draws its own.")
    elif start.classes != run.classes:
        items.append(
            f"**The classifier was replaced:** the file's has {start.classes:,} classes, the data "
            f"{run.classes}."
        )
    elif start.kind == "pretrained":
        items.append(
            f"**The classifier was kept:** the file's has {start.classes:,} classes, as many as the data. "
            "Whether they are the same ones was not looked at."
        )
    skipped = [c for c in run.candidates if c.reason.startswith("can't be grown")]
    if skipped:
        matched = run.settings.get("match", "none") != "none"
        hint = " `--match-by resolution` matches without narrowing any." if matched else ""
        items.append(
            f"**{plural(len(skipped), 'network')} could not be grown** and "
            f"{'is' if len(skipped) == 1 else 'are'} not among those compared, such as: "
            f"{escape(skipped[0].reason)}.{hint}"
        )
    return items


def _cost(run: RunRecord, start: StartRecord) -> list[str]:
    own = sum(r.images_seen for c in run.candidates for r in c.runs)
    if start.kind == "pretrained":
        return [
            "**What it cost** here is nothing; what the file cost its makers is in no figure of this page."
        ]
    if not start.runs:
        return []
    first = sum(r.images_seen for r in start.runs)
    share = f", {percent(first / own)} of the {own:,} that the networks themselves saw" if own else ""
    tops = ", ".join(f"{percent(r.top1)} (seed {r.seed})" for r in start.runs)
    return [
        f"**What it cost:** the baseline saw {first:,} training images, once for all networks{share}. So "
        f"each network stands on {start.runs[0].images_seen:,} images more than one from scratch.",
        f"**Where it stood:** top-1 of the baseline {tops}.",
    ]


def _ranking(run: RunRecord, scratch: RunRecord | str | None, ignored: Collection[str]) -> str:
    if scratch is None:
        return (
            "**Not known:** no run of the same networks from scratch was named. `--scratch-run DIR`, with "
            "the folder of such a run for DIR, has this page say it."
        )
    if isinstance(scratch, str):
        return f"**Not known:** {escape(scratch)}."
    try:
        found = agreement_section(scratch, run)
    except ValueError as error:
        return f"**Not known:** the two runs can't be compared: {escape(error)}."
    unlike = _differences(run, scratch, ignored)
    return f"{found}\n\n{unlike}" if unlike else found


def _differences(run: RunRecord, scratch: RunRecord, ignored: Collection[str]) -> str:
    """What else differs between the two runs; empty where nothing does that could matter."""
    found = run_differences([run.settings, scratch.settings], {*ignored, *START})
    if not found:
        return ""
    said = "; ".join(f"{one.setting}: {one.values[0]} here, {one.values[1]} there" for one in found)
    return f"**More than the start differs** between the two runs: {escape(said)}."
