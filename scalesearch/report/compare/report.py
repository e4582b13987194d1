"""A comparison of two networks or setups: how many times as long the one takes as the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.belief.ratio import RatioSummary, ratio_of_pairs, ratio_of_samples
from scalesearch.belief.timing import UNSTABLE, TimingSummary, summarise
from scalesearch.files import write_text
from scalesearch.records import CompareRecord, MeasurementRecord
from scalesearch.report.compare.figure import compare_figure
from scalesearch.report.frame import frame
from scalesearch.report.html.page import write_pages
from scalesearch.report.inputs import input_text
from scalesearch.report.machine_facts import machine_facts
from scalesearch.report.markdown import bullets, code, duration, escape, percent, plural, si, table, time_text
from scalesearch.report.measure.rows import setup_titles
from scalesearch.report.provenance import how_it_was_made
from scalesearch.report.sentences import listed
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text

__all__ = ["CompareReport", "compare_lines", "compare_ratio", "samples_table", "write_compare_report"]

COLUMNS = ("process", "pair", "a_s", "b_s", "ratio")
SAMPLE_COLUMNS = ("side", "name", "machine", "process", "sample", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompareReport:
    """What was written.

    Attributes:
        page: ``report.md``.
        samples_csv: ``pairs.csv``, one row per pair; ``samples.csv``, one row per sample, where the two were
            not timed in turn.
        figures: the figure, SVG and PNG.
    """

    page: Path
    samples_csv: Path
    figures: tuple[Path, ...]


def compare_ratio(record: CompareRecord) -> RatioSummary | None:
    """Time of B over time of A; None where one of them has no samples."""
    if record.pairs:
        return ratio_of_pairs(record.pairs)
    if not (any(record.a.samples_s) and any(record.b.samples_s)):
        return None
    return ratio_of_samples(*([s for s in side.samples_s if s] for side in (record.a, record.b)))


def compare_lines(record: CompareRecord) -> list[str]:
    """What came out, in plain lines: the verdict with ratio and interval, then what may be wrong with it."""
    ratio = compare_ratio(record)
    names = _names(record)
    first = [f"A is {names[0]}, B is {names[1]}"]
    if ratio is None:
        reasons = [
            f"{side}: {row.reason or row.outcome}" for side, row in _sides(record) if not any(row.samples_s)
        ]
        return [*first, f"nothing to compare: {'; '.join(reasons) or 'no samples'}"]
    return [*first, _verdict(ratio), *_warnings(record, ratio)]


def _verdict(ratio: RatioSummary) -> str:
    low, high = _three(ratio.low), _three(ratio.high)
    said = f"B takes {_three(ratio.ratio)} times as long as A (95% interval {low} to {high})"
    return said if ratio.shown else f"no difference shown: {said}"


def _three(ratio: float) -> str:
    """Three digits, and one more just above 1, where it matters."""
    if 0.1 <= ratio < 1.1:
        return f"{ratio:.3f}"
    return f"{ratio:.2f}" if 1.1 <= ratio < 10 else f"{ratio:,.3g}" if ratio < 1000 else f"{ratio:,.0f}"


def _warnings(record: CompareRecord, ratio: RatioSummary) -> list[str]:
    said = []
    if ratio.processes == 1:
        said.append("one process alone: the interval says nothing of how far another would differ")
    for side, row in _sides(record):
        summary = _summary(row)
        if summary is not None and summary.unstable:
            said.append(
                f"{side} is unstable: its interquartile range is {percent(summary.spread)} of its median"
            )
    machines = {row.machine for _, row in _sides(record)}
    if len(machines) > 1:
        said.append(f"of two machines, {listed(sorted(machines))}: the ratio is that of the machines too")
    if not record.pairs:
        said.append("not timed in turn: what changed on the machine between the two is in the ratio")
    return said


def _sides(record: CompareRecord) -> tuple[tuple[str, MeasurementRecord], tuple[str, MeasurementRecord]]:
    return ("A", record.a), ("B", record.b)


def _names(record: CompareRecord) -> tuple[str, str]:
    """What tells the two apart: their networks, and their setups where these differ."""
    a, b = record.a, record.b
    if a.setup == b.setup:
        return a.name, b.name
    titles = setup_titles((a.setup, b.setup))
    return f"{a.name} ({titles[a.setup]})", f"{b.name} ({titles[b.setup]})"


def _summary(row: MeasurementRecord) -> TimingSummary | None:
    samples = [process for process in row.samples_s if process]
    return summarise(samples) if samples else None


def samples_table(record: CompareRecord) -> pd.DataFrame:
    """The raw pairs, columns :data:`COLUMNS`; without pairs the raw samples, :data:`SAMPLE_COLUMNS`."""
    if record.pairs:
        pairs = [
            {"process": process, "pair": index, "a_s": a, "b_s": b, "ratio": b / a}
            for process, several in enumerate(record.pairs, 1)
            for index, (a, b) in enumerate(several, 1)
        ]
        return frame(pairs, COLUMNS, exact=("a_s", "b_s"))
    samples = [
        {
            "side": side,
            "name": row.name,
            "machine": row.machine,
            "process": process,
            "sample": index,
            "seconds": s,
        }
        for side, row in _sides(record)
        for process, several in enumerate(row.samples_s, 1)
        for index, s in enumerate(several, 1)
    ]
    return frame(samples, SAMPLE_COLUMNS, exact=("seconds",))


def write_compare_report(record: CompareRecord, out: Path) -> CompareReport:
    """Write ``report.md``, the raw samples as CSV and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    ratio, names = compare_ratio(record), _names(record)
    figures = write_figures({"ratio": compare_figure(record, ratio, names)}, out / "figures")
    kept, left = ("pairs.csv", "samples.csv") if record.pairs else ("samples.csv", "pairs.csv")
    (out / left).unlink(missing_ok=True)
    return CompareReport(
        samples_csv=write_text(out / kept, csv_text(samples_table(record))),
        page=write_pages(out / "report.md", _page(record, names, kept, drawn=bool(figures))),
        figures=figures,
    )


def _page(record: CompareRecord, names: tuple[str, str], kept: str, *, drawn: bool) -> str:
    lines = compare_lines(record)
    answer = lines[1][0].upper() + lines[1][1:]
    parts = [
        f"# {escape(record.name)}",
        f"**{escape(answer)}.** A is {escape(names[0])}, B is {escape(names[1])}.",
        bullets(escape(line[0].upper() + line[1:] + ".") for line in lines[2:]),
        _table(record),
        "![Ratio of the times, by process](figures/ratio.png)\n\n" + _reading(record) if drawn else "",
        "## How to read this page\n\n" + _glossary(record, kept),
        how_it_was_made(
            command=record.command,
            facts=[f"Time: {duration(record.wall_s)}.", _taken(record)],
            settings=record.settings,
            machine=machine_facts(record.machines),
            versions=record.versions,
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(record: CompareRecord) -> str:
    rows = []
    for side, row in _sides(record):
        summary = _summary(row)
        rows.append(
            (
                f"{side}: {escape(row.name)}",
                escape(row.setup.label),
                input_text(row),
                si(row.macs),
                time_text(summary.median_s) if summary else row.outcome,
                percent(summary.spread) + (" **unstable**" if summary.unstable else "") if summary else "",
                code(row.machine),
            )
        )
    return table(("", "setup", "input", "MACs", "median", "IQR", "machine"), rows, left=2)


def _reading(record: CompareRecord) -> str:
    if record.pairs:
        return (
            "How to read it: a dot is two pairs in turn, A B B A, in which drift of the machine cancels; "
            "a dash is the median of one process. Where the band holds 1, no difference is shown."
        )
    return "How to read it: a dot is one sample, a dash the median of one process."


def _glossary(record: CompareRecord, kept: str) -> str:
    how = (
        "A and B were timed in turn, A B B A, in each fresh process, so that what else happens on the "
        "machine meets both. The ratio is the median over processes of the median over such blocks."
        if record.pairs
        else "A and B were timed apart. The ratio is that of the medians of the processes' medians."
    )
    return bullets(
        (
            f"**Ratio**: time of B over time of A, so 2 means that B takes twice as long. {how}",
            "**95% interval**: the wider of a bootstrap of processes and what is in them, and of Student's t "
            "over processes. With three processes it is wide, and has to be.",
            "**No difference shown**: the interval holds 1. It is no proof that there is none.",
            f"**IQR**: interquartile range as a share of the median; above {UNSTABLE:.0%} a timing is "
            "unstable.",
            f"**Files**: `{kept}` has the raw times in seconds.",
        )
    )


def _taken(record: CompareRecord) -> str:
    if record.pairs:
        pairs = sum(map(len, record.pairs))
        processes = f"{len(record.pairs)} fresh process{'es' * (len(record.pairs) > 1)}"
        return f"Timed in turn: {plural(pairs, 'pair')} in {processes}."
    counts = [f"{side} {plural(sum(map(len, row.samples_s)), 'sample')}" for side, row in _sides(record)]
    return f"From finished runs: {listed(counts)}."
