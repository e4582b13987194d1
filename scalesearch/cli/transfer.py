"""``scalesearch transfer``: would the coefficients of one search have served another?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scalesearch.cli.help import Command
from scalesearch.cli.main import Fail
from scalesearch.cli.options import command_line, format_option, out_option
from scalesearch.cli.terminal import Place, echo, tell_page

if TYPE_CHECKING:
    import pandas as pd

    from scalesearch.records import RunRecord

KIND = "transfer"
# Runs whose candidates are triples of one phi.
SEARCHES = ("grid", "search")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSettings:
    """The folders of the runs that are compared, as they were typed."""

    folders: tuple[str, ...]


@click.command(cls=Command)
@click.argument("folders", metavar="DIR DIR [DIR...]", nargs=-1, type=Place())
@out_option("reports/transfer-A-vs-B")
@format_option
def transfer(folders: tuple[Path, ...], out: Path | None, output_format: str) -> None:
    """Do several finished searches want the same split of the compute, and would one's serve another?

    Each DIR is a run of scalesearch grid (or search): of other baselines, datasets, recipes or starts, but
    of one phi, with seven trained networks or more. Each gets a surface over how its networks' growth was
    shared out between depth, width and resolution, and the surfaces are tested against one another. Nothing
    is trained.

    Writes transfer.md, pairs.csv, rates.csv and figures/.

    \b
    Examples:
      scalesearch transfer reports/step1-efficientnet reports/step1-resnet-18
      scalesearch transfer reports/mine reports/mine-longer --format csv
    """
    names = _names(folders)
    default = Path("reports") / f"{KIND}-{'-vs-'.join(map(_short, names))}"
    run_transfer(folders, out or default, command_line(), output_format)


def run_transfer(folders: tuple[Path, ...], out: Path, command: str, output_format: str) -> None:
    """Reads the runs, writes the report and prints what came out.

    Raises:
        Fail: if a folder holds no run that can be compared, or one too small for a surface.
    """
    from scalesearch.cli.terminal import print_table
    from scalesearch.commands.transfer.view import side_of, write_transfer_report
    from scalesearch.runs.folder import read_run_file, require_same, writable, write_run_file
    from scalesearch.study.settings import NOT_IDENTITY

    runs = list(zip(_names(folders), map(_record, folders), strict=True))
    _require_comparable(folders, [run for _, run in runs])
    for (_, run), folder in zip(runs, folders, strict=True):
        try:
            side_of(str(folder), run)
        except ValueError as error:  # of damaged records too
            raise Fail(
                f"DIR must hold a run that a surface can be fitted to: {str(error).replace('`', '')}; a grid "
                "with --max-networks 12 --seeds 2 trains enough"
            ) from error
    settings = {"folders": [str(folder) for folder in folders]}
    require_same(out, KIND, settings, {})
    with writable(out, passing=True):
        if not read_run_file(out):
            facts = {"name": out.resolve().name, "command": command, "machine": {}, "versions": {}}
            write_run_file(out, KIND, settings, facts)
        name = read_run_file(out)["run"]["name"]
        written = write_transfer_report(runs, out, name=name, command=command, ignored=NOT_IDENTITY)
    view = written.table if output_format != "table" else transfer_view(written.table)
    print_table(view, output_format, columns=dict.fromkeys(view.columns, "{}"))
    for line in written.answer:
        echo(line, err=output_format != "table")
    tell_page(out / "transfer.md", err=output_format != "table")


def transfer_view(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of pairs as a terminal has room for it: the split, and the loss with its interval."""
    splits = frame[["depth_share", "width_share", "resolution_share"]].to_numpy()
    from scalesearch.page.markdown import points_text

    points = frame[["loss", "loss_low", "loss_high"]].itertuples(index=False)
    view = frame[["best_of"]].copy()
    view["depth, width, resolution"] = [", ".join(f"{share:z.0%}" for share in row) for row in splits]
    view["used_in"] = frame["used_in"]
    view["points lost"] = [
        None if value != value else points_text(value, low, high) for value, low, high in points
    ]
    view["same split"] = frame["same_split"] + " (p = " + frame["p_holm"].map("{:.2g}".format) + ")"
    return view


def _names(folders: tuple[Path, ...]) -> list[str]:
    """What the runs go by: their folders' names, or the whole paths where two are called the same.

    Raises:
        Fail: if there are fewer than two, or one comes twice.
    """
    if len(folders) < 2:
        raise Fail(f"DIR must be given for two runs or more, got {len(folders)}")
    places = [folder.resolve() for folder in folders]
    for place, folder in zip(places, folders, strict=True):
        if places.count(place) > 1:
            raise Fail(f"DIR must name different runs, got {folder} twice")
    short = [place.name for place in places]
    return short if len(set(short)) == len(short) else [str(folder) for folder in folders]


def _short(name: str) -> str:
    """A run's name as part of a folder's name."""
    from scalesearch.commands.measure.run import safe_name

    return safe_name(name.removeprefix("reports/"))


def _record(folder: Path) -> RunRecord:
    """The run in a folder.

    Raises:
        Fail: if there is none, or none whose candidates are triples of one phi.
    """
    from scalesearch.runs.folder import read_run_file
    from scalesearch.runs.kept import kept_run

    kind = read_run_file(folder).get("run", {}).get("kind", "grid")
    if kind not in SEARCHES:
        raise Fail(f"DIR must hold a run of grid or search, got {folder}, which holds one of {kind}")
    record = kept_run(folder).record
    if record.highest_mean is None:
        raise Fail(f"DIR must hold a run with a trained network, got {folder} with none")
    return record


def _require_comparable(folders: tuple[Path, ...], runs: list[RunRecord]) -> None:
    if len({run.phi for run in runs}) > 1:
        got = ", ".join(f"{folder} of {run.phi:g}" for folder, run in zip(folders, runs, strict=True))
        raise Fail(f"DIR must hold runs of one phi, got {got}")
