"""What a measure command found: a row per network and setup, with what is derived from its raw samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scalesearch.page.markdown import listed
from scalesearch.records import CostLaw, MeasurementRecord, MeasureRecord, Setup
from scalesearch.statistics.law import predict
from scalesearch.statistics.timing import TimingSummary, summarise

SHOWN = ("measured", "waiting")
"""Outcomes whose samples count: a run that was stopped has figures too, of fewer processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a cost law says of a network that it was not fitted on.

    ``error`` is relative to the measured median; None where nothing was measured.
    """

    seconds: float
    error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRow:
    """One network in one setup on one machine.

    Attributes:
        measurement: the record.
        summary: of its samples; None where there is no figure.
        prediction: a law's, where one of the same machine and setup was given.
    """

    measurement: MeasurementRecord
    summary: TimingSummary | None
    prediction: Prediction | None

    @property
    def images_per_s(self) -> float | None:
        """Images per second, by the median."""
        return self.measurement.setup.batch_size / self.summary.median_s if self.summary else None

    @property
    def macs_per_s(self) -> float | None:
        """Multiply-adds of the forward pass per second, by the median."""
        return None if self.images_per_s is None else self.measurement.macs * self.images_per_s

    @property
    def panel(self) -> tuple[str, Setup]:
        """Machine and setup: what times may be compared within."""
        return self.measurement.machine, self.measurement.setup


def measure_rows(record: MeasureRecord) -> tuple[MeasureRow, ...]:
    """The rows of ``record`` in its order, with what its laws of their machine and setup predict.

    A network that a law was fitted on gets the prediction of the law that was fitted without it.
    """
    by_panel = {(law.machine, law.setup): law for law in record.laws}
    return tuple(
        _row(measurement, by_panel.get((measurement.machine, measurement.setup)))
        for measurement in record.measurements
    )


def _row(measurement: MeasurementRecord, law: CostLaw | None) -> MeasureRow:
    known = measurement.outcome in SHOWN and any(measurement.samples_s)
    summary = summarise([samples for samples in measurement.samples_s if samples]) if known else None
    prediction = None
    if law is not None:
        held_out = {row.key: row.predicted_s for row in law.held_out}
        seconds = held_out.get(measurement.key)
        if seconds is None:
            seconds = predict(law, measurement)
        prediction = Prediction(seconds=seconds, error=seconds / summary.median_s - 1 if summary else None)
    return MeasureRow(measurement=measurement, summary=summary, prediction=prediction)


def check_machines(measurements: Iterable[MeasurementRecord], *, mix_machines: bool) -> None:
    """Refuse to put measurements of several machines into one report, unless asked.

    Raises:
        ValueError: if there are several machines and ``mix_machines`` is not set; the machines are named.
    """
    keys = sorted({measurement.machine for measurement in measurements})
    if len(keys) > 1 and not mix_machines:
        raise ValueError(
            f"`mix_machines` must be set to show measurements of several machines side by side, got "
            f"{len(keys)} machines: {listed(keys)}"
        )


def setup_titles(setups: Iterable[Setup]) -> dict[Setup, str]:
    """A short name for each setup: what it does not share with all others, or all of it for a single one."""
    parts = {setup: _parts(setup) for setup in setups}
    shared = _shared(list(parts.values()))
    return {
        setup: ", ".join(part for part in own if part not in shared) or setup.label
        for setup, own in parts.items()
    }


def common_label(setups: Iterable[Setup]) -> str:
    """What all setups share, in words; empty for a single one, whose title says it all."""
    parts = {setup: _parts(setup) for setup in setups}
    if len(parts) < 2:
        return ""
    shared = _shared(list(parts.values()))
    return ", ".join(part for part in next(iter(parts.values())) if part in shared)


def _parts(setup: Setup) -> list[str]:
    return setup.label.split(", ")


def _shared(parts: Sequence[Sequence[str]]) -> set[str]:
    return set.intersection(*map(set, parts)) if len(parts) > 1 else set()


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names as a figure has room for: without the words before a dash that all of them begin with."""
    words = [name.split("-") for name in dict.fromkeys(names)]
    shared = 0
    if len(words) > 1:
        while all(len(own) > shared + 1 and own[shared] == words[0][shared] for own in words):
            shared += 1
    return {"-".join(own): "-".join(own[shared:]) for own in words}
