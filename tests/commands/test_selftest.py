from __future__ import annotations

import math

import pytest

from scalesearch.commands.doctor.run import SELF_TEST
from scalesearch.commands.doctor.selftest import (
    Check,
    check_known_time,
    check_noise,
    check_ratio,
    check_same,
    patiently,
)
from scalesearch.hardware.timing import Pass, pair_passes, time_pass


def slow_clock(work: Pass, *, min_run_time_s: float) -> tuple[float, ...]:
    return tuple(1.1 * sample for sample in time_pass(work, min_run_time_s=min_run_time_s))


def smoothed(work: Pass, *, min_run_time_s: float) -> tuple[float, ...]:
    samples = time_pass(work, min_run_time_s=min_run_time_s)
    return (sum(samples) / len(samples),) * len(samples)


@pytest.mark.slow
@pytest.mark.parametrize("check", [check_known_time, check_noise, check_ratio, check_same])
def test_measuring_passes(check) -> None:
    """On a machine as busy as any that tests run on: one attempt of many goes well, where none of a wrong timer does."""
    assert any(check().passed for _ in range(20))


def test_the_doctor_knows_each_check_by_its_name() -> None:
    def timer(_work: Pass, **_options: float) -> tuple[float, ...]:
        return (0.1,) * 5

    def pairing(_a: Pass, _b: Pass, *, pairs: int) -> tuple[tuple[float, float], ...]:
        return ((1.0, 1.0),) * pairs

    checks = [check_known_time(timer), check_noise(timer), check_ratio(pairing), check_same(pairing)]
    assert [check.name for check in checks] == list(SELF_TEST)
    assert list(SELF_TEST.values()) == ["check_known_time", "check_noise", "check_ratio", "check_same"]
    assert [check.passed for check in checks] == [True, False, False, True]


def test_a_timer_that_is_off_by_a_tenth_fails() -> None:
    check = check_known_time(slow_clock)
    assert not check.passed
    assert " ms for 100 ms, +" in check.detail


def test_a_module_that_takes_longer_fails() -> None:
    """Longer, since a busy machine makes what takes less take as long as it should."""
    assert not check_known_time(seconds=0.11).passed


def test_a_timer_that_hides_the_spread_fails() -> None:
    check = check_noise(smoothed)
    assert not check.passed
    assert check.detail.startswith("IQR / median 0.0% where the time swings by 30%, flagged above 10%")


@pytest.mark.slow
def test_pairs_that_do_not_belong_together_fail() -> None:
    def blind(a: Pass, _b: Pass, *, pairs: int) -> tuple[tuple[float, float], ...]:
        return pair_passes(a, a, pairs=pairs)

    def unfair(a: Pass, b: Pass, *, pairs: int) -> tuple[tuple[float, float], ...]:
        return tuple((first, 2 * second) for first, second in pair_passes(a, b, pairs=pairs))

    assert not check_ratio(blind).passed
    assert not check_same(unfair).passed


class Clock:
    """A clock that each attempt moves on by two seconds."""

    def __init__(self, passes_at: float = math.inf) -> None:
        self.now, self.attempts, self.passes_at = 0.0, 0, passes_at

    def __call__(self) -> float:
        return self.now

    def check(self) -> Check:
        self.now += 2
        self.attempts += 1
        return Check(name="a", passed=self.attempts >= self.passes_at, detail="x")


@pytest.mark.parametrize(
    ("passes_at", "ends", "detail", "attempts"),
    [
        (1, 0, "x", 1),
        (2, 9, "x; 2 attempts", 2),
        (math.inf, 9, "x; 3 attempts", 3),
        (math.inf, 5, "x; 2 attempts, no time for more", 2),
        (math.inf, 0, "x; 1 attempt, no time for more", 1),
    ],
)
def test_what_fails_is_tried_again_while_there_is_time(
    passes_at: float, ends: float, detail: str, attempts: int
) -> None:
    clock = Clock(passes_at)
    done = patiently(clock.check, ends=ends, clock=clock)
    assert (done.passed, done.detail, clock.attempts) == (passes_at <= attempts, detail, attempts)
