from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scalesearch.commands.alternate.view import (
    alternate_page,
    answer_lines,
    budget_text,
    rounds_table,
    write_alternate_report,
)
from scalesearch.page.markdown import plain_lines
from scalesearch.records import AlternateRecord, CandidateRecord, RoundRecord, RunRecord, SeedRun

BUDGET = 4_200_000.0
WORDS: dict[str, Any] = {
    "name": "alternate-efficientnet-b0",
    "command": "scalesearch alternate --macs 4.2e6",
    "settings": {"baseline": "efficientnet-b0", "seed": 0},
    "machine": {"cpu": "Xeon"},
    "versions": {"torch": "2.14.1"},
}


def network(triple: tuple[float, float, float], top1: tuple[float, ...]) -> CandidateRecord:
    alpha, beta, gamma = triple
    return CandidateRecord(
        key=f"net-{alpha:g}",
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        product=alpha * beta**2 * gamma**2,
        merged=(triple,),
        depth=alpha,
        width=beta,
        resolution_multiplier=gamma,
        resolution=56,
        blocks=19,
        params=300_000,
        macs=2_100_000,
        activations=900_000,
        nominal_ratio=2.0,
        macs_ratio=2.0,
        full_macs=780_000_000,
        full_macs_ratio=2.0,
        status="completed" if top1 else "failed",
        runs=tuple(
            SeedRun(
                seed=s, top1=t, loss=1.0, held_out_images=900, images_seen=4000, train_seconds=20.0, curve=()
            )
            for s, t in enumerate(top1)
        ),
    )


def round_of(
    number: int, phi: float, triple: tuple[float, float, float], next_phi: float, cost: float, seeds: int = 2
) -> RoundRecord:
    run = RunRecord(
        name=f"round-{number}",
        command="",
        phi=phi,
        settings={},
        machine={},
        versions={},
        grid_points=10,
        feasible=3,
        thinning="",
        wall_s=60.0,
        sessions=1,
        baseline={},
        classes=18,
        candidates=(network(triple, (0.42, 0.44)[:seeds]), network((1.9, 1.0, 1.0), ())),
    )
    return RoundRecord(
        number=number,
        phi=phi,
        alpha=triple[0],
        beta=triple[1],
        gamma=triple[2],
        next_phi=next_phi,
        next_cost=cost,
        budget_kind="macs",
        budget=BUDGET,
        run=run,
    )


def rounds() -> tuple[RoundRecord, ...]:
    return (
        round_of(1, 1.0, (1.2, 1.1, 1.15), 1.9, 4_100_000),
        round_of(2, 1.9, (1.1, 1.15, 1.15), 2.1, 4_180_000),
        round_of(3, 2.1, (1.1, 1.15, 1.15), 2.1, 4_180_000),
    )


def record_of(
    finished: tuple[RoundRecord, ...], *, converged: bool = False, reason: str = ""
) -> AlternateRecord:
    return AlternateRecord(rounds=finished, converged=converged, reason=reason, **WORDS)


def page_of(finished: tuple[RoundRecord, ...], *, converged: bool, reason: str) -> str:
    return alternate_page(record_of(finished, converged=converged, reason=reason), {"rounds"})


@pytest.mark.figures
def test_the_same_rounds_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_alternate_report(
            record_of(rounds(), converged=True, reason="two rounds agree"), tmp_path / name
        )
    written = [
        {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}
        for name in ("one", "two")
    ]
    assert written[0] == written[1]
    assert {str(p) for p in written[0]} == {
        "rounds.csv",
        "report.md",
        "report.html",
        "figures/rounds.svg",
        "figures/rounds.png",
    }


def test_the_table_has_a_row_for_each_round():
    table = rounds_table(rounds())
    assert list(table["round"]) == [1, 2, 3]
    first = table.iloc[0]
    assert first["residual"] == pytest.approx(4.1 / 4.2 - 1)
    assert first["product"] == 1.92027
    assert (first["top1"], first["seeds"], first["trained"], first["networks"]) == (0.43, 2, 1, 2)


def test_no_round_gives_no_figure_and_no_answer(tmp_path):
    write_alternate_report(record_of(rounds(), converged=True), tmp_path)
    report = write_alternate_report(record_of((), reason="round 1 could train no network"), tmp_path)
    said = "**No answer yet:** no round is complete. round 1 could train no network."
    assert said in report.page.read_text("utf-8")
    assert not list((tmp_path / "figures").iterdir())


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("macs", 4.2e6, "4.20 M MACs"),
        ("params", 5.3e6, "5.30 M params"),
        ("activations", 2e6, "2.00 M activations"),
        ("memory", 3 * 2**20, "3.0 MiB"),
        ("latency", 0.0123, "12.3 ms"),
    ],
)
def test_budgets_are_said_in_their_own_unit(kind, value, said):
    assert budget_text(kind, value) == said


def test_rounds_whose_best_may_be_guessing_are_named():
    first, second, third = rounds()
    flat = replace(second, run=replace(second.run, candidates=(network((1.1, 1.15, 1.15), (0.05, 0.06)),)))
    said = "**No network of round 2 has learnt anything that shows: even the best cannot be told from guessing.**"
    assert said in page_of((first, flat, third), converged=True, reason="")
    assert "**No network of any round has learnt" in page_of((flat,), converged=False, reason="")
    assert "has learnt" not in page_of(rounds(), converged=True, reason="")


def test_a_tie_in_the_last_round_is_told():
    (only,) = rounds()[:1]
    tie = network((1.9, 1.0, 1.0), (0.44, 0.42))
    shared = replace(only, run=replace(only.run, candidates=(only.run.candidates[0], tie)))
    said = "1 other network had exactly that top-1: accuracy did not decide."
    assert said in page_of((shared,), converged=False, reason="")
    assert "did not decide" not in page_of((only,), converged=False, reason="")


def test_the_answer_is_the_first_lines_of_the_page() -> None:
    """What the terminal and ``run.answer`` say is what the page begins with: three lines."""
    finished = rounds()
    for record in (
        record_of(finished, converged=True, reason="two rounds in a row chose the same coefficients"),
        record_of(finished[:2], reason="the answer still changed after 2 rounds (--max-rounds)"),
    ):
        first = alternate_page(record, {"rounds"}).split("\n\n")[1]
        lines = answer_lines(record)
        assert lines == plain_lines(first)
        assert len(lines) == 3
        assert lines[0].startswith(
            "Use alpha 1.1, beta 1.15, gamma 1.15 at phi 2.1 for a budget of 4.20 M MACs"
        )


def test_a_search_that_follows_is_of_the_same_data_and_networks() -> None:
    """A surface over splits of other data would say nothing of these coefficients."""
    record = replace(
        record_of(rounds()),
        command="scalesearch alternate --dataset folder:mine --budget macs --budget-ratio 3 --max-rounds 2 --max-networks 3 --out x",
    )
    assert "\nscalesearch grid --dataset folder:mine --phi 2.1\n" in alternate_page(record, ())
