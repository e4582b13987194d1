from __future__ import annotations

from scalesearch.bench.selftest import (
    check_known_time,
    check_noise,
    check_ratio,
    check_same,
    self_test,
)
from scalesearch.measure.latency import pair_passes, time_pass
from scalesearch.measure.passes import Pass


def slow_clock(work: Pass, *, min_run_time_s: float) -> tuple[float, ...]:
    return tuple(1.1 * sample for sample in time_pass(work, min_run_time_s=min_run_time_s))


def smoothed(work: Pass, *, min_run_time_s: float) -> tuple[float, ...]:
    samples = time_pass(work, min_run_time_s=min_run_time_s)
    return (sum(samples) / len(samples),) * len(samples)


def test_measuring_passes() -> None:
    checks = self_test()
    assert [check.name for check in checks if not check.passed] == [], checks
    assert [check.name for check in checks] == [
        "a known time is measured within 2%",
        "injected noise is flagged",
        "A is told from 2A",
        "A is not told from A",
    ]


def test_a_timer_that_is_off_by_a_tenth_fails() -> None:
    check = check_known_time(slow_clock)
    assert not check.passed
    assert " ms for 100 ms, +" in check.detail


def test_a_module_that_takes_a_tenth_less_fails() -> None:
    assert not check_known_time(seconds=0.09).passed


def test_a_timer_that_hides_the_spread_fails() -> None:
    check = check_noise(smoothed)
    assert not check.passed
    assert check.detail.startswith("IQR / median 0.0% where the time swings by 30%, flagged above 10%")


def test_pairs_that_do_not_belong_together_fail() -> None:
    def blind(a: Pass, _b: Pass, *, pairs: int) -> tuple[tuple[float, float], ...]:
        return pair_passes(a, a, pairs=pairs)

    def unfair(a: Pass, b: Pass, *, pairs: int) -> tuple[tuple[float, float], ...]:
        return tuple((first, 2 * second) for first, second in pair_passes(a, b, pairs=pairs))

    assert not check_ratio(blind).passed
    assert not check_same(unfair).passed


def test_the_whole_says_which_part_failed_and_how_often_it_was_tried() -> None:
    calls = []

    def wrong(work: Pass, *, min_run_time_s: float) -> tuple[float, ...]:
        calls.append((work, min_run_time_s))
        return (0.5,) * 5

    def wrong_pairs(_a: Pass, _b: Pass, *, pairs: int) -> tuple[tuple[float, float], ...]:
        return ((1.0, 1.5),) * pairs

    checks = self_test(wrong, wrong_pairs)
    assert [check.passed for check in checks] == [False] * 4
    assert checks[0].detail == "500.00 ms for 100 ms, +400.0%; 3 attempts"
    assert checks[3].detail == "ratio 1.500, 95% interval 1.500 to 1.500; 3 attempts"
    assert len(calls) == 6
