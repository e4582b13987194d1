"""Commands whose runs hold several studies: going on with one, or reporting it, is running it again."""

from __future__ import annotations

from pathlib import Path

__all__ = ["repeat_command"]


def repeat_command(folder: Path, output_format: str, *, train: bool, storage: str = "") -> bool:
    """Runs the command again that DIR's run.toml tells of, where it is one of these; says whether it was.

    Rounds and lengths that are done are read from their studies. With ``train`` off nothing is trained.
    ``storage`` is given where run.toml keeps it without its password.
    """
    from dataclasses import replace

    from scalesearch.cli.folder import read_run_file
    from scalesearch.cli.main import Fail

    recorded = read_run_file(folder)
    kind = recorded.get("run", {}).get("kind", "")
    command = recorded.get("run", {}).get("command", "")
    if kind == "alternate":
        from scalesearch.cli.alternate import run_alternate
        from scalesearch.search.alternate import AlternateSettings

        settings = AlternateSettings.from_dict(recorded[kind])
        settings = replace(settings, storage=storage or settings.storage)
        if "***" in settings.storage:
            raise Fail(f"--storage must be given with its password: {folder} keeps only {settings.storage}")
        run_alternate(folder, settings, command, output_format, train=train)
    elif kind == "fidelity":
        from scalesearch.cli.fidelity import FOLDER, FidelitySettings, run_fidelity

        table = recorded[kind]
        asked = FidelitySettings(
            lengths=tuple(table["lengths"]), networks=table["networks"], seeds=table["seeds"]
        )
        # Not its parent by name: DIR may be "." itself.
        whole = folder.parent if folder.name == FOLDER else folder.resolve().parent
        run_fidelity(whole, asked, command, output_format, train=train)
    else:
        return False
    return True
