"""A self-test of measuring, which can fail: things whose time is known, timed as networks are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from scalesearch.hardware.timing import Pass, module_pass, pair_passes, time_pass
from scalesearch.records.timings import Setup
from scalesearch.statistics.timing import UNSTABLE, ratio_of_pairs, summarise

KNOWN_S = 0.100
TOLERANCE = 0.02
"""How far the measured time of a known one may lie from it, as a fraction."""
SWING = 0.3
PERIOD_S = 0.5
SPIN_S = 0.0002  # more would be lost to whatever else wants the core
PAIRS = 16
PAIR_S = 0.025
"""Longer than the least that a sample of a pair lasts, so that one pass is one sample."""
NOISY_S = 0.020
ATTEMPTS = 3
NEGLIGIBLE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried: whether it went as it has to, and in words what came out."""

    name: str
    passed: bool
    detail: str


class TimesPass(Protocol):
    """``measure.latency.time_pass``, or what stands in for it."""

    def __call__(self, work: Pass, *, min_run_time_s: float) -> tuple[float, ...]:
        """Samples in seconds."""


class TimesPairs(Protocol):
    """``measure.latency.pair_passes``, or what stands in for it."""

    def __call__(self, a: Pass, b: Pass, *, pairs: int) -> tuple[tuple[float, float], ...]:
        """Pairs of samples in seconds."""


class Known(nn.Module):
    """A module that takes a known time: it sleeps for nearly all of it, then watches the clock.

    Sleep alone ends late by as long as the system takes to wake a process.

    Args:
        seconds: of one pass.
        swing: how far, as a fraction, the time swings about ``seconds``, as beside work that comes and goes.
    """

    def __init__(self, seconds: float, *, swing: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.swing = swing

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x``, after the time."""
        begun = time.perf_counter()
        phase = math.sin(2 * math.pi * begun / PERIOD_S)
        end = begun + self.seconds * (1 + self.swing * phase)
        time.sleep(max(0.0, end - begun - SPIN_S))
        while time.perf_counter() < end:
            pass
        return x


def patiently(
    check: Callable[[], Check], *, ends: float, clock: Callable[[], float] = time.monotonic
) -> Check:
    """A check, tried again where it fails: up to three times, while there is time.

    A machine that is busy for a moment is no fault of the measuring, which fails every time.

    Args:
        check: takes about a second and a half, longer on a busy machine.
        ends: no attempt but the first is begun unless ``clock`` leaves as long as the last one took.
        clock: in seconds.
    """
    tried = 0
    while True:
        begun = clock()
        done, tried = check(), tried + 1
        now = clock()
        room = now + (now - begun) <= ends
        if done.passed or tried == ATTEMPTS or not room:
            break
    again = f"; {tried} attempts" if tried > 1 else ""
    if not done.passed and tried < ATTEMPTS:
        again = f"; {tried} attempt{'s' * (tried > 1)}, no time for more"
    return Check(name=done.name, passed=done.passed, detail=done.detail + again)


def check_known_time(timing: TimesPass = time_pass, *, seconds: float = KNOWN_S) -> Check:
    """A module that takes 100 ms is measured within 2%; one that takes other ``seconds`` isn't."""
    summary = summarise([timing(_known(seconds), min_run_time_s=1.0)])
    error = summary.median_s / KNOWN_S - 1
    return Check(
        name="a known time is measured",
        passed=abs(error) <= TOLERANCE,
        detail=f"{1000 * summary.median_s:.2f} ms for {1000 * KNOWN_S:g} ms, {error:+.1%} "
        f"where {TOLERANCE:.0%} may be",
    )


def check_noise(timing: TimesPass = time_pass, *, swing: float = SWING) -> Check:
    """A time that swings by 30% is flagged as unstable; a steady one isn't."""
    summary = summarise([timing(_known(NOISY_S, swing=swing), min_run_time_s=1.0)])
    return Check(
        name="injected noise is flagged",
        passed=summary.unstable,
        detail=f"IQR / median {summary.spread:.1%} where the time swings by {SWING:.0%}, "
        f"flagged above {UNSTABLE:.0%}",
    )


def check_ratio(pairing: TimesPairs = pair_passes, *, times: float = 2.0) -> Check:
    """A pass is told from one that takes twice as long, and by as much."""
    return _compared(
        "A is told from 2A", pairing, times, lambda r, shown: shown and abs(r / 2 - 1) <= TOLERANCE
    )


def check_same(pairing: TimesPairs = pair_passes, *, times: float = 1.0) -> Check:
    """A pass isn't told from itself.

    One 95% interval in 20 leaves 1 out by chance, however little: a difference below 1% is none.
    """
    return _compared(
        "A is not told from A", pairing, times, lambda r, shown: not shown or abs(r - 1) < NEGLIGIBLE
    )


def _compared(name: str, pairing: TimesPairs, times: float, right: Callable[[float, bool], bool]) -> Check:
    summary = ratio_of_pairs([pairing(_known(PAIR_S), _known(times * PAIR_S), pairs=PAIRS)])
    return Check(
        name=name,
        passed=right(summary.ratio, summary.shown),
        detail=f"ratio {summary.ratio:.3f}, 95% interval {summary.low:.3f} to {summary.high:.3f}",
    )


def _known(seconds: float, *, swing: float = 0.0) -> Pass:
    return module_pass(Known(seconds, swing=swing), torch.zeros(1, 1, 1, 1), Setup())
