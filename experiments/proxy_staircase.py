"""How smoothly does the cost of the proxy baseline move with its pixels and its width?

    python experiments/proxy_staircase.py reports/proxy-staircase

Whole maps make a staircase of the cost. Where it has a high step within a doubling of the pixels, no
network of equal cost has the shares of depth, width and resolution that some coefficients ask for. It
counts the cost at each size from px0 to 2 px0 and each width from 1 to 2, at the default 52 px and at the
40 and 64 px that are not taken; and, for every built-in baseline, how many of the default grid's triples
can be built as asked (shares within 5 points, cost within 2%). Nothing is trained: about a minute of one
core. Writes ``staircase.csv``, ``sizes.csv`` and ``staircase.svg``. Expected: 52 px serve every baseline at
phi 1 and 2 (91% of the triples at the least), 48 and 64 px do not; 40 px do, but their cost lags
far behind their pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pandas as pd
from matplotlib.figure import Figure

from scalesearch.files import write_bytes, write_text
from scalesearch.networks.baselines import BASELINES
from scalesearch.networks.cost import count
from scalesearch.networks.matching import ShareMatcher
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec
from scalesearch.page.style import COLOURS, INK, house_style, new_figure, render
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.study.points import feasible
from scalesearch.study.settings import TrainingSettings

CLASSES = 18
SHOWN = ("efficientnet-b0", "resnet-18")
DRAWN = (40, 52, 64)
SIZES = (40, 48, 52, 64)
PHIS = (1.0, 2.0, -1.0)


def proxy(name: str, pixels: int) -> tuple[TrainingSettings, ArchSpec]:
    settings = TrainingSettings(baseline=name, baseline_resolution=pixels)
    base = settings.proxy_baseline(CLASSES)
    assert isinstance(base, ArchSpec)
    return settings, base


def steps(name: str, pixels: int) -> Iterator[dict[str, Any]]:
    """The cost over the baseline's at each size and at each width, beside the nominal one."""
    settings, base = proxy(name, pixels)
    cost = count(base).macs
    shared = {"baseline": name, "px0": pixels}
    for side in range(pixels, 2 * pixels + 1):
        ratio = count(replace(base, resolution=side)).macs / cost
        nominal = (side / pixels) ** 2
        yield shared | {"moved": "pixels", "by": side / pixels, "nominal": nominal, "realised": ratio}
    for k in range(101):
        width = 1 + k / 100
        wide = scale(base, Multipliers(width=width), settings.proxy_rounding)
        ratio = count(wide).macs / cost
        yield shared | {"moved": "width", "by": width, "nominal": width**2, "realised": ratio}


def built_as_asked(name: str, pixels: int, triples: list[Coefficients]) -> Iterator[dict[str, Any]]:
    """The share of the triples whose network misses nothing."""
    settings, base = proxy(name, pixels)
    matcher = ShareMatcher(base, settings.proxy_rounding)
    for phi in PHIS:
        met = [not matcher.nearest(coefficients, phi).missed for coefficients in triples]
        yield {
            "baseline": name,
            "px0": pixels,
            "phi": phi,
            "macs": count(base).macs,
            "met": sum(met) / len(met),
        }


def figure(table: pd.DataFrame) -> Figure:
    with house_style():
        drawn = new_figure("What one step of pixels or width costs the proxy baseline", 6.4)
        axes = drawn.subplots(2, 2, sharey=True)
        styles = dict(zip(DRAWN, (COLOURS["resolution"], COLOURS["width"], COLOURS["depth"]), strict=True))
        for row, name in zip(axes, SHOWN, strict=True):
            for ax, moved in zip(row, ("pixels", "width"), strict=True):
                mine = table[(table["baseline"] == name) & (table["moved"] == moved)]
                for pixels, colour in styles.items():
                    line = mine[mine["px0"] == pixels]
                    ax.step(line["by"], line["realised"], where="post", color=colour, label=f"{pixels} px")
                ax.plot(line["by"], line["nominal"], color=INK, linestyle=(0, (5, 2)), label="nominal")
                ax.set_title(f"{name}: {moved}", pad=8)
                ax.set_xlabel(f"times the {moved}" if moved == "width" else "times the side")
                ax.set_yscale("log", base=2)
            row[0].set_ylabel("times the cost")
        axes[0, 0].legend(loc="upper left")
    return drawn


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    grid = feasible(_grid()).tolist()
    triples = [Coefficients(alpha=a, beta=b, gamma=g) for a, b, g in grid]
    stairs = pd.DataFrame([row for name in SHOWN for px in DRAWN for row in steps(name, px)])
    sizes = pd.DataFrame([r for name in BASELINES for px in SIZES for r in built_as_asked(name, px, triples)])
    write_text(folder / "staircase.csv", stairs.round(5).to_csv(index=False, lineterminator="\n"))
    write_text(folder / "sizes.csv", sizes.round(3).to_csv(index=False, lineterminator="\n"))
    write_bytes(folder / "staircase.svg", render(figure(stairs))["svg"])
    print(sizes.pivot_table("met", ["baseline", "phi"], "px0").round(2).to_string())


def _grid() -> Any:
    from scalesearch.study.grid_plan import GridSettings

    return GridSettings().grid


if __name__ == "__main__":
    main()
