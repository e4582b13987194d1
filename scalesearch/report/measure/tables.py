"""Measurements as tables: a row per network and setup, a row per raw sample, and rows as timm writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from scalesearch.records import CostLaw, MeasurementRecord, MeasureRecord
from scalesearch.report.frame import frame
from scalesearch.report.inputs import INPUT_WIDTH, with_input_width
from scalesearch.report.measure.rows import MeasureRow, measure_rows

__all__ = [
    "MEASUREMENT_COLUMNS",
    "SAMPLE_COLUMNS",
    "TIMM_COLUMNS",
    "measurements_table",
    "samples_table",
    "timm_table",
]

SETUP_COLUMNS = ("mode", "runtime", "dtype", "channels_last", "batch_size", "threads", "device")
MEASUREMENT_COLUMNS = (
    *("name", "key", "resolution", "params", "macs", "activations", "layers"),
    *SETUP_COLUMNS,
    *("machine", "outcome", "reason", "samples", "processes"),
    *("latency_median_s", "latency_iqr_s", "latency_p90_s", "latency_low_s", "latency_high_s", "unstable"),
    *("images_per_s", "peak_bytes", "tensor_bytes", "largest_batch", "predicted_s", "prediction_error"),
)
SAMPLE_COLUMNS = ("name", "key", *SETUP_COLUMNS, "machine", "process", "sample", "seconds")
TIMM_COLUMNS = (
    *("model", "infer_img_size", "infer_samples_per_sec", "infer_step_time", "infer_batch_size"),
    *("param_count", "infer_gmacs", "infer_macts"),
)


def measurements_table(record: MeasureRecord, laws: Sequence[CostLaw] = ()) -> pd.DataFrame:
    """One row per network and setup, columns :data:`MEASUREMENT_COLUMNS`; what is unknown is missing.

    Latencies are seconds for one pass of a whole batch: ``latency_low_s`` and ``latency_high_s`` bound the
    95% interval of the median across processes. ``unstable`` is ``yes`` where the interquartile range is over
    10% of the median. ``predicted_s`` is a law's prediction for the network, by a law not fitted on it,
    ``prediction_error`` its relative error.
    """
    columns = with_input_width(MEASUREMENT_COLUMNS, record.measurements)
    return frame([_cells(row) for row in measure_rows(record, laws)], columns)


def samples_table(record: MeasureRecord) -> pd.DataFrame:
    """One row per raw sample, columns :data:`SAMPLE_COLUMNS`: ``process`` and ``sample`` count from 1."""
    rows = []
    for measurement in record.measurements:
        shared = _setup_cells(measurement)
        rows += [
            shared | {"process": process, "sample": sample, "seconds": seconds}
            for process, samples in enumerate(measurement.samples_s, 1)
            for sample, seconds in enumerate(samples, 1)
        ]
    return frame(rows, SAMPLE_COLUMNS, exact=("seconds",))


def timm_table(record: MeasureRecord) -> pd.DataFrame:
    """Inference as timm's benchmark results list it, columns :data:`TIMM_COLUMNS`, rounded as there.

    ``infer_step_time`` is in milliseconds for a whole batch, ``param_count``, ``infer_gmacs`` and
    ``infer_macts`` in millions, billions and millions. Published EfficientNets go by timm's names. Rows
    without a figure are left out, as are training steps; that rows differ in dtype, threads or runtime cannot
    be seen in these columns.
    """
    rows = [
        {
            "model": re.sub(r"^efficientnet-([bl]\d)$", r"efficientnet_\1", row.measurement.name),
            "infer_img_size": _image_size(row.measurement),
            "infer_samples_per_sec": round(row.images_per_s or 0.0, 2),
            "infer_step_time": round(1e3 * row.summary.median_s, 3),
            "infer_batch_size": row.measurement.setup.batch_size,
            "param_count": round(row.measurement.params / 1e6, 2),
            "infer_gmacs": round(row.measurement.macs / 1e9, 2),
            "infer_macts": round(row.measurement.activations / 1e6, 2),
        }
        for row in measure_rows(record)
        if row.summary is not None and row.measurement.setup.mode == "inference"
    ]
    return frame(rows, TIMM_COLUMNS)


def _image_size(measurement: MeasurementRecord) -> int | str:
    height, width = measurement.resolution, measurement.resolution_width
    return height if width is None else f"{height}x{width}"


def _cells(row: MeasureRow) -> dict[str, Any]:
    measurement, summary, prediction = row.measurement, row.summary, row.prediction
    cells: dict[str, Any] = {
        name: getattr(measurement, name)
        for name in (
            *("resolution", INPUT_WIDTH, "params", "macs", "activations", "layers"),
            *("peak_bytes", "tensor_bytes", "largest_batch"),
        )
    }
    cells |= _setup_cells(measurement)
    cells |= {
        "outcome": measurement.outcome,
        "reason": measurement.reason,
        "samples": sum(map(len, measurement.samples_s)),
        "processes": len(measurement.processes),
        "images_per_s": row.images_per_s,
    }
    if summary is not None:
        cells |= {f"latency_{name}_s": getattr(summary, f"{name}_s") for name in ("median", "iqr", "p90")}
        cells |= {"latency_low_s": summary.low_s, "latency_high_s": summary.high_s}
        cells["unstable"] = "yes" if summary.unstable else "no"
    if prediction is not None:
        cells |= {"predicted_s": prediction.seconds, "prediction_error": prediction.error}
    return cells


def _setup_cells(measurement: MeasurementRecord) -> dict[str, Any]:
    setup = measurement.setup
    return {name: getattr(setup, name) for name in SETUP_COLUMNS} | {
        "name": measurement.name,
        "key": measurement.key,
        "machine": measurement.machine,
        "channels_last": "yes" if setup.channels_last else "no",
    }
