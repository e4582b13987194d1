"""``scalesearch transfer`` in its folder: finished searches of other folders, set against one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scalesearch.commands.measure.run import safe_name
from scalesearch.errors import FolderError
from scalesearch.plain import typed
from scalesearch.records import RunRecord, TransferRecord
from scalesearch.runs.folder import read_run_file, read_settings, require_same, writable, write_run_file
from scalesearch.runs.kept import kept_run
from scalesearch.runs.kinds import GoingOn, Outcome, kind_in, studied
from scalesearch.text import one_of

if TYPE_CHECKING:
    import pandas as pd

KIND = "transfer"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSettings:
    """The folders of the runs that are compared, as they were typed."""

    folders: tuple[str, ...]

    @classmethod
    def from_dict(cls, data: object) -> TransferSettings:
        """The settings that a run.toml keeps.

        Raises:
            ValueError: if a setting is unknown, missing or wrong.
        """
        return typed(cls, data)


def default_folder(folders: Sequence[Path]) -> Path:
    """Where the comparison of the runs in ``folders`` is kept if nobody says."""
    short = (safe_name(name.removeprefix("reports/")) for name in _names(folders))
    return Path("reports") / f"{KIND}-{'-vs-'.join(short)}"


def compare_searches(folders: Sequence[Path], out: Path, command: str) -> Outcome:
    """Reads the searches in ``folders``, and writes what they have in common into ``out``.

    Args:
        folders: of two runs or more of ``grid`` or ``search``.
        out: the folder of the comparison.
        command: the command line, where it begins.

    Raises:
        FolderError: if a folder holds no run that can be compared, or one too small for a surface; or if
            ``out`` can't be used, or holds another run.
    """
    from scalesearch.commands.transfer.view import write_transfer_report

    runs = _runs(folders)
    settings = {"folders": [str(folder) for folder in folders]}
    require_same(out, KIND, settings, {})
    with writable(out, passing=True):
        if not read_run_file(out):
            facts = {"name": out.resolve().name, "command": command, "machine": {}, "versions": {}}
            write_run_file(out, KIND, settings, facts)
        record = TransferRecord(
            name=read_run_file(out)["run"]["name"],
            command=command,
            runs=runs,
            folders=tuple(map(str, folders)),
        )
        written = write_transfer_report(record, out)
    return Outcome.of(KIND, out, record, written)


def resume(folder: Path, _how: GoingOn) -> Outcome:
    """Compares the runs anew, as they are now; errors are those of :func:`compare_searches`."""
    return report(folder)


def report(folder: Path, _storage: str = "") -> Outcome:
    """Compares the runs anew, as they are now; errors are those of :func:`compare_searches`."""
    return compare_searches(_folders(folder), folder, read_run_file(folder)["run"]["command"])


def read(folder: Path, _storage: str = "") -> TransferRecord:
    """The runs as they are now; errors are those of :func:`compare_searches`."""
    folders, kept = _folders(folder), read_run_file(folder)["run"]
    return TransferRecord(
        name=kept["name"], command=kept["command"], runs=_runs(folders), folders=tuple(map(str, folders))
    )


def table_of(record: TransferRecord) -> pd.DataFrame:
    """A row for each pair of searches and direction, as in pairs.csv."""
    from scalesearch.commands.transfer.evidence import transfer_evidence
    from scalesearch.commands.transfer.view import pairs_table

    return pairs_table(transfer_evidence(record))


def answer_of(record: TransferRecord) -> tuple[str, ...]:
    """The first lines of the page: do they want the same split, which, and what another's would lose."""
    from scalesearch.commands.transfer.evidence import transfer_evidence
    from scalesearch.commands.transfer.view import answer_lines

    return answer_lines(transfer_evidence(record))


def _folders(folder: Path) -> tuple[Path, ...]:
    return tuple(map(Path, read_settings(folder, KIND, TransferSettings.from_dict).folders))


def _names(folders: Sequence[Path]) -> list[str]:
    """What two runs or more go by: their folders' names, or the paths where two are called the same."""
    if len(folders) < 2:
        raise FolderError(
            f"`dir` must be given for two runs or more, got {len(folders)}: "
            "scalesearch transfer reports/A reports/B"
        )
    places = [folder.resolve() for folder in folders]
    for place, folder in zip(places, folders, strict=True):
        if places.count(place) > 1:
            raise FolderError(f"`dir` must name different runs, got {folder} twice")
    short = [place.name for place in places]
    return short if len(set(short)) == len(short) else [str(folder) for folder in folders]


def _runs(folders: Sequence[Path]) -> tuple[tuple[str, RunRecord], ...]:
    """The runs with the names that they go by, each large enough for a surface."""
    from scalesearch.commands.transfer.evidence import side_of

    runs = list(zip(_names(folders), map(_run, folders), strict=True))
    if len({run.phi for _, run in runs}) > 1:
        got = ", ".join(f"{folder} of {run.phi:g}" for folder, (_, run) in zip(folders, runs, strict=True))
        raise FolderError(f"`dir` must hold runs of one phi, got {got}")
    for (_, run), folder in zip(runs, folders, strict=True):
        try:
            side_of(str(folder), run)
        except ValueError as error:  # of damaged records too
            raise FolderError(
                f"`dir` must hold a run that a surface can be fitted to: {str(error).replace('`', '')}; a "
                "grid with --max-networks 12 --seeds 2 trains enough"
            ) from error
    return tuple(runs)


def _run(folder: Path) -> RunRecord:
    """The run in a folder, whose candidates have to be triples of one phi."""
    kind, wanted = kind_in(folder), studied(lambda study: study.shares)
    if not kind.shares:
        raise FolderError(
            f"`dir` must hold a run of {one_of(wanted)}, got {folder}, which holds one of {kind.name}"
        )
    record = kept_run(folder, wanted=wanted).record
    if record.highest_mean is None:
        raise FolderError(f"`dir` must hold a run with a trained network, got {folder} with none")
    return record
