"""A run's folder that somebody else made: nothing outside of it is written, removed or gone on with."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scalesearch.cli import cli
from scalesearch.study.study import open_study
from tests.conftest import TINY, slow_but
from tests.study.conftest import Job, Lab

Run = Callable[..., Result]

COMMANDS = {
    "grid": ("grid",),
    "rungs": ("grid", "--rungs=4:0.5,2:1", "--max-networks=4"),
    "grown": ("grid", "--start=grown"),
    "search": ("search", "--trials=3"),
    "sweep": ("sweep", "--phi=1"),
    "alternate": ("alternate", "--max-rounds=1"),
    "scale": ("scale", "--phi=0,1", "--train"),
    "audit": ("audit", "--train", "--baseline=mobilenet-v1"),
}


def _options(command: tuple[str, ...], tiny: tuple[str, ...]) -> list[str]:
    limited = command[0] in ("grid", "alternate") and not any("max-networks" in word for word in command)
    return [option for option in tiny if limited or not option.startswith("--max-networks")]


def _stop(job: Job) -> None:
    if job["kind"] == "train" and not job["key"].startswith("speed"):
        raise KeyboardInterrupt


def _begun(folder: Path, run: Run, tiny: tuple[str, ...], lab: Lab, command: tuple[str, ...]) -> Path:
    """The database of a run that was stopped in its first training."""
    lab.on_result = _stop
    result = run(*command, f"--out={folder}", "--jobs=1", *_options(command, tiny))
    assert result.exit_code == 130, result.output
    lab.on_result = lambda _job: None
    (database,) = folder.rglob("study.db")
    return database


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a grid that was stopped in its first training, made once."""
    folder, lab = tmp_path_factory.mktemp("begun") / "run", Lab()

    def run(*words: object) -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scalesearch.runs.planning.ProcessExecutor", lab.executor)
        patch.setattr("scalesearch.workers.executor.ProcessExecutor", lab.executor)
        _begun(folder, run, TINY, lab, COMMANDS["grid"])
    return folder


def _doctor(database: Path, key: str) -> int:
    """Gives every network of the study this key; returns how often one stood there."""
    count = 0
    with sqlite3.connect(database) as connection:
        for table, number in (("trial", "trial_user_attribute_id"), ("study", "study_user_attribute_id")):
            name = f"{table}_user_attributes"
            for row, text in connection.execute(f"select {number}, value_json from {name}").fetchall():
                changed = json.dumps(_with_key(json.loads(text), key))
                count += changed != json.dumps(json.loads(text))
                connection.execute(f"update {name} set value_json = ? where {number} = ?", (changed, row))
        connection.execute(
            "update trial_user_attributes set value_json = ? where key = 'key'", (json.dumps(key),)
        )
    connection.close()
    return count


def _with_key(value: object, key: str) -> object:
    if isinstance(value, list):
        return [_with_key(item, key) for item in value]
    if isinstance(value, dict):
        return {name: key if name == "key" else _with_key(item, key) for name, item in value.items()}
    return value


def _outside(root: Path, folder: Path) -> dict[str, bytes | None]:
    paths = (path for path in sorted(root.rglob("*")) if folder not in (path, *path.parents))
    return {str(path): path.read_bytes() if path.is_file() else None for path in paths}


@pytest.mark.parametrize("kind", slow_but(("grid", "search", "scale"), COMMANDS))
def test_a_network_whose_key_is_a_path_is_refused(
    kind: str, tmp_path: Path, run: Run, tiny: tuple[str, ...], lab: Lab
) -> None:
    folder = tmp_path / "deep" / "run"
    database = _begun(folder, run, tiny, lab, COMMANDS[kind])
    levels = len(database.parent.relative_to(tmp_path).parts) + 1
    key = "../" * levels + "victim"
    assert _doctor(database, key) > 0
    for ending in ("", "-seed0", "-seed0.safetensors", "-seed0.safetensors.tmp", "-seed0.train.log"):
        (tmp_path / f"victim{ending}").write_bytes(b"precious")
    before = _outside(tmp_path, folder)
    trained = len(lab.ledger)
    result = run("resume", folder)
    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[-1] == (
        f"Error: DIR must hold plain names of files, got {(key + '-seed0.safetensors')[:60]!r}"
    )
    assert _outside(tmp_path, folder) == before
    assert len(lab.ledger) == trained


@pytest.mark.parametrize(("place", "command"), [(".", "fidelity"), ("fidelity", "resume")])
def test_so_it_is_where_networks_are_trained_longer(
    place: str, command: str, tmp_path: Path, run: Run, tiny: tuple[str, ...], lab: Lab
) -> None:
    folder = tmp_path / "deep" / "run"
    assert run("grid", f"--out={folder}", "--jobs=1", *tiny, "--max-networks=7").exit_code == 0
    lab.on_result = _stop
    longer = ("fidelity", folder, "--lengths=2", "--networks=7")
    assert run(*longer).exit_code == 130
    lab.on_result = lambda _job: None
    # From where checkpoints and logs lie, the file outside of both folders.
    key = "../../../victim"
    assert _doctor(folder / place / "study.db", key) > 0
    for name in ("deep/victim", "victim", "deep/run/victim"):
        for ending in ("", "-seed0.safetensors", "-seed0.train.log"):
            (tmp_path / f"{name}{ending}").write_bytes(b"precious")
    before, trained = _victims(tmp_path), len(lab.ledger)
    result = run(*longer) if command == "fidelity" else run("resume", folder / "fidelity")
    assert result.exit_code == 2, result.output
    # Networks of one key are one network, and of one there is nothing to train longer.
    reason = (
        "a run with at least 7" if (place, command) == (".", "fidelity") else "plain names of files, got "
    )
    assert result.stderr.splitlines()[-1].startswith(f"Error: DIR must hold {reason}")
    assert _victims(tmp_path) == before
    assert len(lab.ledger) == trained


def _victims(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("victim*"))}


@pytest.mark.parametrize("key", ["/etc/victim", "..\\victim", "C:victim", "a\0b", "~/victim", "x" * 300])
def test_so_is_every_other_kind_of_path(key: str, tmp_path: Path, run: Run, begun: Path) -> None:
    folder = Path(shutil.copytree(begun, tmp_path / "run"))
    assert _doctor(folder / "study.db", key) > 0
    result = run("resume", folder)
    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[-1].startswith("Error: DIR must hold plain names of files, got ")


@pytest.mark.parametrize("name", ["checkpoints", "weights", "figures", "study.db", "driver.lock"])
def test_a_link_in_the_folder_that_leads_out_of_it_is_refused(
    name: str, tmp_path: Path, run: Run, begun: Path
) -> None:
    folder, victim = Path(shutil.copytree(begun, tmp_path / "run")), tmp_path / "victim"
    place = folder / name
    if place.is_file():
        place.rename(victim)
    else:
        for path in place.glob("*"):
            path.unlink()
        if place.exists():
            place.rmdir()
        victim.mkdir()
        (victim / "precious").write_bytes(b"precious")
    place.symlink_to(victim)
    before = _outside(tmp_path, folder)
    result = run("resume", folder)
    assert result.exit_code == 2, result.output
    assert f"Error: DIR must hold no link that leads out of it, got {place}" in result.stderr
    assert _outside(tmp_path, folder) == before


def test_a_run_file_that_names_a_study_elsewhere_is_not_followed(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], lab: Lab
) -> None:
    own, strangers = tmp_path / "own", tmp_path / "strangers"
    database = _begun(own, run, tiny, lab, COMMANDS["grid"])
    strangers.mkdir()
    text = (own / "run.toml").read_text("utf-8")
    places = {
        f"sqlite:///{database}": f"its study lies at sqlite:///{database}, outside of it",
        f"sqlite:///{os.path.relpath(database)}": "outside of it",
        f"sqlite:///{tmp_path / 'nothing.db'}": "outside of it",
        "postgresql://me@127.0.0.1:1/study": "its study lies at postgresql://me@127.0.0.1:1/study, outside of it",
        "postgresql://me:***@127.0.0.1:1/study": "must be given with its password",
        "sqlite://": "must be a file where it is SQLite's",
        "no url": "must be a database URL such as",
    }
    before = _outside(tmp_path, strangers)
    for url, message in places.items():
        (strangers / "run.toml").write_text(text.replace('storage = ""', f'storage = "{url}"'), "utf-8")
        for command in ("resume", "report"):
            result = run(command, strangers)
            assert result.exit_code == 2, result.output
            assert message in result.stderr
            assert len(result.stderr.splitlines()) == 1
    assert _outside(tmp_path, strangers) == before
    assert {path.name for path in strangers.iterdir()} == {"run.toml"}
    assert len(lab.ledger) == 1


def test_a_study_that_is_gone_or_empty_is_not_begun_anew_by_going_on(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], lab: Lab
) -> None:
    folder = tmp_path / "run"
    database = _begun(folder, run, tiny, lab, COMMANDS["grid"])
    content = database.read_bytes()
    database.write_bytes(b"")
    again = ("grid", f"--out={folder}", "--jobs=1", *tiny)
    for command in (("resume", folder), ("report", folder), again):
        result = run(*command)
        assert result.exit_code == 2
        assert result.stderr == (
            f"Error: {database} must be a study's database, got an empty file of 0 bytes: put the study back from "
            "a copy, or remove the file to start anew\n"
        )
    assert database.read_bytes() == b""
    database.unlink()
    for command in ("resume", "report"):
        assert run(command, folder).exit_code == 2
        assert not database.exists()
    # What was advised works.
    assert run(*again).exit_code == 0
    database.write_bytes(content)
    assert open_study(f"sqlite:///{database}", "grid-efficientnet-b0-phi1", create=False).waiting() == 3
