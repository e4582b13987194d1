"""Results on standard output: a table to read, or CSV or JSON to go on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scalesearch.cli.terminal import echo, fits, made_table, print_narrow, terminal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["measure_view", "print_table"]

# What a terminal has room for, and how it is written there; the CSV has every column in SI units.
GRID_COLUMNS = {
    "alpha": "{:g}",
    "beta": "{:g}",
    "gamma": "{:g}",
    "depth_share": "{:z.0%}",
    "width_share": "{:z.0%}",
    "resolution_share": "{:z.0%}",
    "resolution": "{:d} px",
    "params": "{:,d}",
    "macs_ratio": "{:.2f}",
    "latency_median_s": "{:.2f} ms",
    "top1": "{:.1%}",
    "top1_sd": "{:.1%}",
    "top1_fitted": "{:.1%}",
    "status": "{}",
    "pareto": "{}",
}
FAMILY_COLUMNS = {
    "phi": "{:g}",
    "depth": "{:.3f}",
    "width": "{:.3f}",
    "resolution": "{:d} px",
    "blocks": "{:d}",
    "params": "{:,d}",
    "macs": "{:,d}",
    "fvcore_total": "{:,d}",
    "nominal_ratio": "{:.2f}",
    "macs_ratio": "{:.2f}",
    "latency_median_s": "{:.2f} ms",
}
PUBLISHED_COLUMNS = {
    "name": "{}",
    "depth": "{:g}",
    "width": "{:g}",
    "resolution": "{:d} px",
    "params": "{:,d}",
    "params_error": "{:+.1%}",
    "macs": "{:,d}",
    "flops_error": "{:+.1%}",
    "top1_published": "{:.1%}",
}
PLAN_COLUMNS = {
    "alpha": "{:g}",
    "beta": "{:g}",
    "gamma": "{:g}",
    "phi": "{:.3g}",
    "resolution": "{:d} px",
    "blocks": "{:d}",
    "params": "{:,d}",
    "macs": "{:,d}",
    "macs_ratio": "{:.2f}",
    "full_macs": "{:,d}",
    "residual": "{:+.1%}",
    "merged": "{:d}",
}
SWEEP_COLUMNS = {
    "role": "{}",
    "phi": "{:g}",
    "depth": "{:.2f}",
    "width": "{:.2f}",
    "resolution": "{:d} px",
    "macs_ratio": "{:.2f}",
    "top1": "{:.1%}",
    "top1_sd": "{:.1%}",
    "status": "{}",
}
TRAINED_COLUMNS = {
    "phi": "{:g}",
    "depth": "{:.2f}",
    "width": "{:.2f}",
    "resolution": "{:d} px",
    "params": "{:,d}",
    "macs": "{:,d}",
    "macs_ratio": "{:.2f}",
    "train_seconds": "{:.0f} s",
    "top1": "{:.1%}",
    "top1_sd": "{:.1%}",
    "gain_per_doubling": "{:+.1%}",
    "status": "{}",
}
# Of the view that is made for a terminal: texts.
AUDIT_COLUMNS = dict.fromkeys(
    (
        *("baseline", "scaling", "published G", "exact G", "off", "nearest rounding", "its G", "agrees"),
        *("x published", "x nominal", "x exact", "top-1"),
    ),
    "{}",
)
AUDIT_SHORT = {"published G": "paper G", "x published": "x paper"}
AUDIT_PLAN_COLUMNS = {
    "baseline": "{}",
    "networks": "{:d}",
    "rows": "{}",
    "seeds": "{:d}",
    "macs_min": "{:,d}",
    "macs_max": "{:,d}",
    "images": "{:,d}",
    "time": "{}",
    "memory": "{}",
}
ORDER_COLUMNS = {
    "baseline": "{}",
    "ahead": "{}",
    "behind": "{}",
    "published_difference": "{:+.1%}",
    "difference": "{:+.1%}",
    "difference_low": "{:+.1%}",
    "difference_high": "{:+.1%}",
    "p": "{:.2g}",
    "verdict": "{}",
}
SEARCH_COLUMNS = {
    "alpha": "{:.3f}",
    "beta": "{:.3f}",
    "gamma": "{:.3f}",
    "resolution": "{:d} px",
    "params": "{:,d}",
    "macs_ratio": "{:.2f}",
    "latency_median_s": "{:.2f} ms",
    "top1": "{:.1%}",
    "reward": "{:.4f}",
    "front": "{}",
    "status": "{}",
}
ROUND_COLUMNS = {
    "round": "{:d}",
    "phi": "{:.3f}",
    "alpha": "{:g}",
    "beta": "{:g}",
    "gamma": "{:g}",
    "top1": "{:.1%}",
    "next_phi": "{:.3f}",
}
FIDELITY_COLUMNS = {
    "multiple": "{:g}",
    "images": "{:,d}",
    "tau": "{:+.2f}",
    "tau_low": "{:+.2f}",
    "tau_high": "{:+.2f}",
    "regret": "{:.1%}",
    "networks": "{:d}",
    "seeds": "{:d}",
}
# Of the view that is made for a terminal; all of them are texts.
MEASURE_COLUMNS = dict.fromkeys(
    (
        *("name", "px", "MACs", "machine", "mode", "runtime", "dtype", "device", "threads", "batch"),
        *("latency", "95% interval", "IQR", "images/s", "peak", "tensors", "largest", "law", "note"),
    ),
    "{}",
)
# Left out where all rows of a table have the same.
MEASURE_COMMON = ("machine", "mode", "runtime", "dtype", "device")


MOST_PRINTED = 200
"""Rows of a table on a terminal: more nobody reads there, and thousands take longer than all else."""


def print_table(
    frame: pd.DataFrame,
    output_format: str,
    *,
    columns: dict[str, str] | None = None,
    title: str = "",
    best_first: bool = False,
    width: int = 140,
    heads: dict[str, str] | None = None,
    short: dict[str, str] | None = None,
    apart: str = "",
) -> None:
    """Prints a frame on standard output.

    ``table`` shows a selection of columns without the rows of networks that were skipped, with ``best_first``
    by accuracy, and of very many rows the first; the others show all rows and columns as in the CSV file.

    Args:
        frame: the rows.
        output_format: ``table``, ``csv`` or ``json``.
        columns: those of the table, and how each is written.
        title: of the table.
        best_first: sorted by accuracy.
        width: of the table at most, in letters, where no terminal has one.
        heads: what columns are called in the table, where that isn't their names.
        short: what they are called where the table doesn't fit.
        apart: where the table doesn't fit, a small one for each value of this column takes its place.
    """
    if output_format == "csv":
        echo(frame.to_csv(index=False, lineterminator="\n"), nl=False)
        return
    if output_format == "json":
        echo(frame.to_json(orient="records", indent=2, double_precision=15))
        return
    asked = (columns or GRID_COLUMNS).items()
    columns = {name: form for name, form in asked if name in frame and not frame[name].isna().all()}
    if "status" in frame:
        frame = frame[frame["status"] != "skipped"]
    if best_first:
        frame = frame.sort_values("top1", ascending=False, kind="stable")
    more = len(frame) - MOST_PRINTED
    frame = frame.head(MOST_PRINTED)
    if "resolution" in columns and "resolution_width" in frame:
        frame, columns = frame.assign(resolution=_sides(frame)), columns | {"resolution": "{} px"}
    console = terminal(width)
    table = made_table(frame, columns, title, heads or {})
    if fits(console, table):
        console.print(table)
        _tell_of(more)
        return
    own = {name: form for name, form in columns.items() if name != apart}
    parts = frame.groupby(apart, sort=False) if apart else [(title, frame)]
    for value, rows in parts:
        print_narrow(console, made_table(rows, own, str(value), (heads or {}) | (short or {}), narrow=True))
    _tell_of(more)


def _tell_of(more: int) -> None:
    """Says how many rows a table has left out."""
    if more > 0:
        echo(f"And {more:,} more; `--format csv` and `--format json` print all.")


def measure_view(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of measurements as a terminal has room for it: with units, without what all rows share.

    ``IQR`` is the interquartile range over the median; ``note`` says what is not an ordinary figure.
    """
    from matplotlib.ticker import EngFormatter

    from scalesearch.report.markdown import time_text
    from scalesearch.report.measure.sections import HOPELESS

    def text(name: str, form: str, scale: float = 1) -> pd.Series[str]:
        return (
            frame[name].map(lambda value: form.format(float(value) * scale), na_action="ignore").astype(str)
        )

    def time(name: str) -> pd.Series[str]:
        return frame[name].astype(float).map(time_text, na_action="ignore").astype(str)

    def shown(text: pd.Series[str], name: str) -> pd.Series[str]:
        return text.where(frame[name].notna(), None)

    spread = frame.assign(spread=frame["latency_iqr_s"] / frame["latency_median_s"])["spread"]
    error = text("prediction_error", " ({:+.0%})").where(frame["prediction_error"].notna(), "")
    unstable = (frame["unstable"] == "yes").fillna(False)
    columns = {
        "px": _sides(frame),
        "MACs": frame["macs"].map(EngFormatter(places=1, sep=" ")),
        "batch": frame["batch_size"],
        "latency": shown(time("latency_median_s"), "latency_median_s"),
        "95% interval": shown(
            time("latency_low_s").str.removesuffix(" ms") + " to " + time("latency_high_s"),
            "latency_median_s",
        ).where(~(frame["latency_high_s"] > HOPELESS * frame["latency_low_s"]), "not known"),
        "IQR": spread.map("{:.1%}".format, na_action="ignore"),
        "images/s": shown(text("images_per_s", "{:.4g}"), "images_per_s"),
        "peak": shown(text("peak_bytes", "{:,.0f} MiB", 2**-20), "peak_bytes"),
        "tensors": shown(text("tensor_bytes", "{:,.0f} MiB", 2**-20), "tensor_bytes"),
        "largest": frame["largest_batch"],
        "law": shown(time("predicted_s") + error, "predicted_s"),
        "note": frame["outcome"]
        .where(~unstable, "unstable")
        .where(unstable | (frame["outcome"] != "measured")),
    }
    same = [name for name in MEASURE_COMMON if frame[name].nunique() < 2]
    return frame.drop(columns=same).assign(**columns)


def _sides(frame: pd.DataFrame) -> pd.Series[Any]:
    """The inputs' sides, or height x width where a table has both."""
    if "resolution_width" not in frame:
        return frame["resolution"]
    heights, widths = frame["resolution"], frame["resolution_width"]
    both = heights.astype(str) + "x" + widths.astype(str)
    return heights.astype(str).where(widths.isna(), both)
