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
    from functools import partial

    from scalesearch.plain import typed
    from scalesearch.runs.folder import read_run_file, read_settings
    from scalesearch.study.settings import Computing

    run = read_run_file(folder).get("run", {})
    kind, command = run.get("kind", ""), run.get("command", "")
    computing = computing or Computing()
    if kind in NOT_TRAINED:
        _refuse(computing, kind)
    if kind in MEASURED:
        require_raw_files(folder)
    if kind in ("alternate", "audit", "fidelity", "transfer"):
        from importlib import import_module

        from scalesearch.cli.running import show
        from scalesearch.runs.kinds import GoingOn

        module = import_module(f"scalesearch.runs.{kind}")
        how = GoingOn(storage=storage, computing=computing, retry_failed=retry_failed)
        show(module.resume(folder, how) if train else module.report(folder, storage), output_format)
    elif kind == "measure":
        from scalesearch.cli.measure import measure_folder, show_measurements
        from scalesearch.commands.measure.run import MeasureSettings, SampleStore

        if not train:
            show_measurements(folder, output_format)
            return True
        measuring = read_settings(folder, kind, MeasureSettings.from_dict)
        measure_folder(
            folder,
            measuring,
            SampleStore(folder).subjects(),
            name=folder.name,
            command=command,
            output_format=output_format,
            retry_failed=retry_failed,
        )
    elif kind == "compare":
        from scalesearch.cli.compare import compare_folder, show_comparison
        from scalesearch.commands.compare.run import CompareSettings
        from scalesearch.commands.measure.run import SampleStore

        if not train:
            show_comparison(folder)
            return True
        comparing = read_settings(folder, kind, CompareSettings.from_dict)
        compare_folder(
            folder,
            comparing,
            SampleStore(folder).subjects(),
            name=folder.name,
            command=command,
            retry_failed=retry_failed,
        )
    elif kind == "compare-stored":
        from scalesearch.cli.compare import StoredSettings, compare_stored

        stored = read_settings(folder, kind, partial(typed, StoredSettings))
        compare_stored(stored.a, stored.b, folder, command=command, mix_machines=stored.mix_machines)
    elif kind == "law":
        from scalesearch.cli.law import law_folder, show_law
        from scalesearch.commands.law.run import LawSettings

        if not train:
            show_law(folder, output_format)
            return True
        lawful = read_settings(folder, kind, LawSettings.from_dict)
        law_folder(
            folder,
            lawful,
            name=folder.name,
            command=command,
            output_format=output_format,
            retry_failed=retry_failed,
        )
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
