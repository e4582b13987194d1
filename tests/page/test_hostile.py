"""Names and reasons that are Markdown or HTML are shown as they are written, on every page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from markdown_it import MarkdownIt

from scalesearch.commands.alternate.view import alternate_page
from scalesearch.commands.audit.view import audit_page
from scalesearch.commands.compare.view import write_compare_report
from scalesearch.commands.explain.view import Section, explain_page
from scalesearch.commands.fidelity.evidence import fidelity_evidence
from scalesearch.commands.fidelity.view import fidelity_page
from scalesearch.commands.grid.view import grid_page
from scalesearch.commands.law.view import law_page
from scalesearch.commands.measure.rows import measure_rows
from scalesearch.commands.measure.view import measure_page
from scalesearch.commands.scale.trained_view import trained_section
from scalesearch.commands.scale.view import scale_page
from scalesearch.commands.search.evidence import search_evidence
from scalesearch.commands.search.view import search_page
from scalesearch.commands.sweep.view import sweep_page
from scalesearch.commands.transfer.evidence import transfer_evidence
from scalesearch.commands.transfer.view import transfer_page
from scalesearch.records import MachineRecord, RunRecord, Setup, TransferRecord
from tests.commands.test_law import run_law
from tests.page import test_alternate_report as alternation
from tests.page import test_audit as audits
from tests.page import test_fidelity_report as studies
from tests.page import test_search_report as searches
from tests.page import test_sweep_report as sweeps
from tests.page.changes import with_candidates
from tests.page.measurements import compared, measured, measurement

BAD = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) **z** | `q`\n# h"


def bad(run: RunRecord) -> RunRecord:
    """The run with that for its name, its settings and the reasons of its networks."""
    run = with_candidates(run, lambda _, c: replace(c, reason=BAD if c.status != "completed" else c.reason))
    settings = {**run.settings, "baseline": BAD, "dataset": f"folder:{BAD}", "sampler": BAD}
    return replace(
        run,
        name=BAD,
        command=f"scalesearch grid --out '{BAD}'",
        settings=settings,
        machine={"cpu": BAD, "cores": 2},
        versions={"torch": BAD},
        notes=(BAD,),
        stopped=BAD,
        thinning=BAD,
    )


def compare(_: object, __: object, folder: Any) -> str:
    record = compared(1.2)
    record = replace(record, name=BAD, command=BAD, a=replace(record.a, name=BAD))
    report = write_compare_report(replace(record, machines=(machine(),)), folder)
    return report.page.read_text("utf-8")


def machine() -> MachineRecord:
    return MachineRecord(key="1f0c9a3e", facts={"cpu": BAD})


def measure(*_: object) -> str:
    rows = [
        replace(measurement(0, Setup()), name=BAD),
        replace(measurement(1, Setup()), outcome="failed", reason=BAD, processes=()),
    ]
    record = replace(measured(rows), name=BAD, command=BAD, machines=(machine(),))
    return measure_page(record, measure_rows(record), ())


def alternate(*_: object) -> str:
    rounds = tuple(replace(r, run=bad(r.run)) for r in alternation.rounds())
    record = alternation.record_of(rounds, converged=True, reason=BAD)
    return alternate_page(replace(record, name=BAD, command=BAD, settings={"baseline": BAD}), ())


def fidelity(*_: object) -> str:
    record = studies.fabricate()
    record = replace(record, run=bad(record.run), lengths=tuple(map(bad, record.lengths)))
    return fidelity_page(record, fidelity_evidence(record), ())


def transfer(*_: object) -> str:
    record = studies.fabricate()
    runs = tuple((f"{BAD}{letter}", bad(run)) for letter, run in zip("ab", record.lengths, strict=False))
    return transfer_page(transfer_evidence(TransferRecord(name=BAD, command=BAD, runs=runs)), ())


def search(*_: object) -> str:
    run = bad(searches.fabricate(8, objectives=("top1", "macs")))
    return search_page(run, search_evidence(run), ())


def trained(make_run: Callable[..., RunRecord], *_: object) -> str:
    failed = with_candidates(
        make_run(trained=3), lambda _, c: c if c.status == "completed" else replace(c, status="failed")
    )
    return trained_section(bad(failed), ())


def law(_: object, __: object, folder: Any) -> str:
    record = run_law(folder, threads=(1,))
    timed = replace(record.measured, command=BAD, machines=(MachineRecord(key="here", facts={"cpu": BAD}),))
    return law_page(replace(record, measured=timed, baseline=BAD, notes=(BAD,)), ())


PAGES: dict[str, Callable[..., str]] = {
    "alternate": alternate,
    "audit": lambda *_: audit_page(
        replace(audits.record_of("resnet-50"), command=BAD, machine={"cpu": BAD}, settings={"x": BAD}), ()
    ),
    "compare": compare,
    "explain": lambda *_: explain_page(
        BAD, BAD, [Section(title=BAD, header=(BAD, "b"), rows=((BAD, BAD),), note=BAD)], BAD
    ),
    "fidelity": fidelity,
    "grid": lambda make_run, *_: grid_page(bad(make_run(trained=16, seeds=3)), ()),
    "law": law,
    "measure": measure,
    "scale": lambda _, make_scale, __: scale_page(
        replace(make_scale(), baseline=BAD, command=BAD, settings={"x": BAD}, machine={"cpu": BAD}), ()
    ),
    "scale --train": trained,
    "search": search,
    "sweep": lambda *_: sweep_page(bad(sweeps.fabricate(phis=(1,))), ()),
    "transfer": transfer,
}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_hostile_text_is_nothing_but_text(name: str, make_run: Any, make_scale: Any, tmp_path: Any) -> None:
    page = PAGES[name](make_run, make_scale, tmp_path)
    assert "img src=x" in page
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(page)
    inline = [child for token in tokens for child in token.children or ()]
    assert not [t.content for t in (*tokens, *inline) if t.type in ("html_block", "html_inline")]
    assert not [
        t.attrGet("href") for t in inline if t.type == "link_open" and "script" in str(t.attrGet("href"))
    ]
    strong = [after.content for before, after in pairwise(inline) if before.type == "strong_open"]
    assert "z" not in strong
    headings = [after.content for before, after in pairwise(tokens) if before.type == "heading_open"]
    assert "h" not in headings
