"""Commands whose runs are not one study: going on with one, or reporting it, is running it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scalesearch.runs.folder import require_raw_files

if TYPE_CHECKING:
    from scalesearch.study.settings import Computing

# Kinds of run whose tables derive from raw samples beside them.
MEASURED = ("measure", "compare", "law")
NOT_TRAINED = (*MEASURED, "compare-stored", "transfer")


def repeat_command(
    folder: Path,
    output_format: str,
    *,
    train: bool,
    storage: str = "",
    retry_failed: bool = False,
    computing: Computing | None = None,
) -> bool:
    """Runs the command again that DIR's run.toml tells of, where it is one of these; says whether it was.

    Rounds and lengths that are done are read from their studies, measurements from their raw samples. With
    ``train`` off nothing is trained or measured. ``storage`` is given where run.toml keeps it without its
    password. ``retry_failed`` has measurements that failed tried once more. ``computing`` is what training
    goes on with, where that is not what it was begun with.

    Raises:
        Fail: if a run that trains nothing is to go on with other threads or another device.
    """
    from scalesearch.runs.folder import read_run_file
    from scalesearch.study.settings import Computing

    run = read_run_file(folder).get("run", {})
    kind = run.get("kind", "")
    computing = computing or Computing()
    if kind in NOT_TRAINED:
        _refuse(computing, kind)
    if kind in MEASURED:
        require_raw_files(folder)
    modules = {"measure": "measuring", "compare": "comparing", "compare-stored": "comparing"}
    if kind in (*modules, "alternate", "audit", "fidelity", "law", "transfer"):
        from importlib import import_module

        from scalesearch.cli.running import show
        from scalesearch.runs.kinds import GoingOn

        module = import_module(f"scalesearch.runs.{modules.get(kind, kind)}")
        stored = "_stored" if kind == "compare-stored" else ""
        how = GoingOn(storage=storage, computing=computing, retry_failed=retry_failed)
        outcome = (
            getattr(module, f"resume{stored}")(folder, how)
            if train
            else getattr(module, f"report{stored}")(folder, storage)
        )
        show(outcome, output_format)
    else:
        return False
    return True


def _refuse(computing: Computing, kind: str) -> None:
    """Refuses to go on in another way with what has times for its results, or none."""
    from scalesearch.cli.main import Fail

    for name, value in computing.given.items():
        raise Fail(
            f"--{name} must be left to the run, got {value}: this one is of scalesearch {kind}, which trains "
            "nothing; what it measures with is what it measures"
        )
