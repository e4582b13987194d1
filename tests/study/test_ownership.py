"""One driver owns a study wherever it lies; it ends where it is its own no more."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from click.testing import Result

from scalesearch.errors import StudyError, StudyLostError
from scalesearch.study import storage as ownership
from scalesearch.study.storage import is_known_to, sqlite_url
from scalesearch.study.study import SearchStudy, TakenTrial, open_study
from tests.processes import started
from tests.study.conftest import Job, Lab

Run = Callable[..., Result]


def _study(folder: Path) -> SearchStudy:
    return open_study(sqlite_url(folder), "run", create=True)


def _never(line: str) -> None:
    raise AssertionError(f"waited: {line}")


def test_a_second_driver_is_told_who_the_first_is_until_it_ends(tmp_path: Path) -> None:
    first, second = _study(tmp_path), _study(tmp_path)
    with first.owned(tmp_path / "one", _never):
        with pytest.raises(StudyError) as refused, second.owned(tmp_path / "two", _never):
            pass
        message = str(refused.value)
        assert f"process {os.getpid()} on " in message
        assert f"for the folder {tmp_path / 'one'}, since 20" in message
        assert "\n" not in message
        first.set_session(0, 1.0)
    with second.owned(tmp_path / "two", _never):
        second.set_session(0, 2.0)


def test_what_a_driver_writes_needs_no_other_schema_and_no_attribute_of_the_users(tmp_path: Path) -> None:
    def schema() -> list[str]:
        with sqlite3.connect(tmp_path / "study.db") as connection:
            return [row[0] for row in connection.execute("select sql from sqlite_master order by name")]

    study = _study(tmp_path)
    before = schema()
    with study.owned(tmp_path, _never), study.opened() as opened:
        assert opened.user_attrs == {}
    assert schema() == before


DIE = """
import os, sys
from pathlib import Path
from scalesearch.study.study import find_study
from scalesearch.study.storage import sqlite_url
folder = Path(sys.argv[1])
study = find_study(sqlite_url(folder), "run")
with study.owned(folder, print):
    os._exit(9)
"""


def test_the_claim_of_one_that_died_here_is_taken_over_at_once(tmp_path: Path) -> None:
    _study(tmp_path)
    assert subprocess.run([sys.executable, "-c", DIE, tmp_path], check=False).returncode == 9
    with _study(tmp_path).owned(tmp_path, _never):
        pass


def test_so_is_one_whose_process_number_another_process_has_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(sys.executable, "-c", "input()", stdin=subprocess.PIPE) as sleeper:
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: sleeper.pid)
            abandoned = _study(tmp_path).owned(tmp_path, _never)
            abandoned.__enter__()
        with pytest.raises(StudyError, match=f"process {sleeper.pid} on "):
            _study(tmp_path).owned(tmp_path, _never).__enter__()
        if Path("/proc/self/stat").exists():
            monkeypatch.setattr(ownership, "_process", lambda _pid: ("S", "another time"))
            with _study(tmp_path).owned(tmp_path, _never):
                pass
        abandoned.__exit__(None, None, None)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this process one of another machine, whose clock nobody looks at; waits are short."""
    monkeypatch.setattr(ownership, "LAPSE_S", 0.5)
    monkeypatch.setattr(ownership, "BEAT_S", 0.05)
    return lambda name: monkeypatch.setattr(ownership, "process_space", lambda: name)


def test_one_on_another_machine_is_refused_while_its_heart_beats(
    tmp_path: Path, elsewhere: Callable[[str], None]
) -> None:
    elsewhere("a/1/2")
    with _study(tmp_path).owned(tmp_path, _never):
        elsewhere("b/1/2")
        waited: list[str] = []
        with pytest.raises(StudyError, match="that no other driver works on"):
            _study(tmp_path).owned(tmp_path, waited.append).__enter__()
        assert waited == []


def test_one_whose_heart_stands_still_is_replaced_and_ends_when_it_comes_back(
    tmp_path: Path, elsewhere: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop that is closed, and opened again an hour later."""
    elsewhere("a/1/2")
    sleeping = _study(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(ownership.Ownership, "_keep_beating", lambda _self: None)
        claimed = sleeping.owned(tmp_path / "closed", _never)
        claimed.__enter__()
    sleeping.set_session(0, 1.0)
    elsewhere("b/1/2")
    waited: list[str] = []
    with _study(tmp_path).owned(tmp_path / "other", waited.append):
        assert len(waited) == 1
        assert re.match(
            r"Waiting up to 0\.\d+ s to see whether the study's last driver still runs: process", waited[0]
        )
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3600)
        for write in (
            lambda: sleeping.set_session(0, 99.0),
            sleeping.adopt,
            lambda: sleeping.set_session(1, 9.0),
        ):
            with pytest.raises(
                StudyLostError, match=r"taken over by another driver while this one was away, process"
            ):
                write()
    claimed.__exit__(None, None, None)
    with _study(tmp_path).opened() as opened:
        assert {k: v for k, v in opened.user_attrs.items() if k.startswith("session/")} == {
            "session/0000": 1.0
        }
    # What the second one left is not the first one's to change.
    assert is_known_to(sqlite_url(tmp_path), tmp_path / "other")


def test_of_many_that_come_at_once_one_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = ownership.Ownership._insert

    def insert_and_dawdle(claim: ownership.Ownership) -> bool:
        inserted = insert(claim)
        time.sleep(0.5)  # in which the others read what was inserted
        return inserted

    monkeypatch.setattr(ownership.Ownership, "_insert", insert_and_dawdle)
    _race(sqlite_url(tmp_path), tmp_path)


def _race(url: str, folder: Path) -> None:
    """Eight drivers make and claim one study at the same moment."""
    winners: list[int] = []
    others: list[str] = []
    start, end = threading.Barrier(8), threading.Barrier(8)

    def drive(number: int) -> None:
        study = open_study(url, "race", create=True)
        start.wait()
        try:
            with study.owned(folder / str(number), _never):
                winners.append(number)
                end.wait()
        except StudyError as error:
            others.append(str(error))
            end.wait()

    threads = [threading.Thread(target=drive, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(winners), len(others)) == (1, 7), others
    assert all(f"for the folder {folder / str(winners[0])}" in line for line in others)


def test_what_is_told_together_is_kept_however_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "BEAT_S", 0.02)
    monkeypatch.setattr(ownership, "BUSY_S", 0.3)
    study, other = _study(tmp_path), _study(tmp_path)
    first, second = _trials(study)
    with study.owned(tmp_path, _never):
        with study.together():
            study.store_run(first, 0, {"top1": 0.5})
            # The heart beats on another connection, which waits in vain for this transaction's end.
            time.sleep(0.5)
            study.store_run(second, 0, {"top1": 0.25})
        assert [other.runs(trial) for trial in (first, second)] == [{0: {"top1": 0.5}}, {0: {"top1": 0.25}}]
        study.set_attribute("goes", "on")
    with other.owned(tmp_path, _never):
        assert other.attributes["goes"] == "on"


def test_an_error_among_what_is_told_together_asks_for_the_claim_when_all_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, joined = _study(tmp_path), []
    first, second = _trials(study)
    held = ownership.Ownership.require_held

    def require_held(claim: ownership.Ownership) -> None:
        joined.append(study._storage.joined)
        held(claim)

    monkeypatch.setattr(ownership.Ownership, "require_held", require_held)
    with study.owned(tmp_path, _never):
        study.fail(second, "out of memory")

        def tell() -> None:
            with study.together():
                study.store_run(first, 0, {"top1": 0.5})
                study.fail(second, "out of memory")

        with pytest.raises(StudyError, match="trial 1 must be running, got one that is fail"):
            tell()
    assert joined == [False]
    assert study.runs(first) == {}


def test_one_that_has_lost_its_study_keeps_nothing_of_what_it_tells_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "BEAT_S", 60.0)
    study, other = _study(tmp_path), _study(tmp_path)
    first, _ = _trials(study)
    with study.owned(tmp_path, _never):
        monkeypatch.setattr(ownership._Claim, "is_over", lambda _claim: True)
        with other.owned(tmp_path, _never):
            with pytest.raises(StudyLostError), study.together():
                study.store_run(first, 0, {"top1": 0.5})
            assert other.runs(first) == {}


def _trials(study: SearchStudy) -> list[TakenTrial]:
    study.set_attribute("run", {"settings": {"seed": 0}})
    with study.opened() as opened:
        made = [opened.ask() for _ in range(2)]
    return [TakenTrial(trial.number, trial._trial_id, {}) for trial in made]


def test_a_database_that_another_program_holds_is_not_to_be_moved_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "BUSY_S", 0.01)
    study = _study(tmp_path)
    holder = sqlite3.connect(tmp_path / "study.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    for use in (lambda: study.set_attribute("a", 1), lambda: study.attributes, lambda: _study(tmp_path)):
        with pytest.raises(StudyError, match="another program holds it: database is locked") as caught:
            use()
        assert "try again" in str(caught.value)
        assert "move it away" not in str(caught.value)
    holder.close()
    study.set_attribute("a", 1)


def test_a_database_knows_the_folders_of_its_studies(tmp_path: Path) -> None:
    study = _study(tmp_path)
    assert not is_known_to(sqlite_url(tmp_path), tmp_path)
    with study.owned(tmp_path / "audit" / "train", _never):
        pass
    assert is_known_to(sqlite_url(tmp_path), tmp_path / "audit")
    assert not is_known_to(sqlite_url(tmp_path), tmp_path / "another")


def test_two_commands_on_one_study_train_nothing_twice(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], lab: Lab
) -> None:
    url = f"--storage=sqlite:///{tmp_path / 'shared.db'}"
    second: list[Result] = []

    def meanwhile(_job: Job) -> None:
        if not second:
            second.append(run("grid", f"--out={tmp_path / 'two'}", "--jobs=1", *tiny, url))

    lab.on_result = meanwhile
    first = run("grid", f"--out={tmp_path / 'one'}", "--jobs=1", *tiny, url)
    assert first.exit_code == 0, first.output
    assert second[0].exit_code == 2
    assert "must be one that no other driver works on, got one of process" in second[0].stderr
    assert f"for the folder {tmp_path / 'one'}, since" in second[0].stderr
    assert len(second[0].stderr.splitlines()) == 1
    assert not (tmp_path / "two").exists()
    assert len({(t.key, t.seed, t.start) for t in lab.ledger}) == len(lab.ledger) == 3
    # The study's own folder is gone on with by itself; another has to be told.
    assert run("resume", tmp_path / "one").exit_code == 0
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    refused = run("resume", tmp_path / "copy")
    assert (refused.exit_code, "--storage must be given for" in refused.stderr) == (2, True)
    assert run("resume", tmp_path / "copy", url).exit_code == 0
    assert len(lab.ledger) == 3


def _remove(folder: Path) -> None:
    shutil.rmtree(folder)


def _replace(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("copy"))
    shutil.rmtree(folder)
    folder.with_name("copy").rename(folder)


def _remove_study(folder: Path) -> None:
    (folder / "study.db").unlink()


def _replace_study(folder: Path) -> None:
    copy = (folder / "study.db").read_bytes()
    (folder / "new.db").write_bytes(copy)
    (folder / "new.db").replace(folder / "study.db")


@pytest.mark.parametrize("harm", [_remove, _replace, _remove_study, _replace_study])
@pytest.mark.parametrize("when", ["train", "latency"])
def test_a_run_whose_folder_or_study_goes_away_ends_with_an_error_and_brings_nothing_back(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], lab: Lab, harm: Callable[[Path], None], when: str
) -> None:
    folder, left = tmp_path / "run", []

    def meanwhile(job: Job) -> None:
        if job["kind"] == when and not left:
            harm(folder)
            left.append({path: path.read_bytes() for path in folder.rglob("*") if path.is_file()})

    lab.on_result = meanwhile
    options = [option for option in tiny if option != "--no-latency"]
    result = run("grid", f"--out={folder}", "--jobs=1", *options)
    assert result.exit_code == 1, result.output
    errors = result.stderr.splitlines()[-1]
    assert errors.startswith("Error: ")
    assert "was removed or replaced while the run went on" in errors
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == left[0]
    if harm is _remove:
        assert not folder.exists()


@pytest.mark.usefixtures("lab")
def test_optunas_dashboard_has_a_named_metric_and_single_numbers_to_sort(
    tmp_path: Path, run: Run, tiny: tuple[str, ...]
) -> None:
    assert run("grid", f"--out={tmp_path / 'run'}", *tiny, "--seeds=2").exit_code == 0
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'run' / 'study.db'}")
    assert study.metric_names == ["top1"]
    for trial in study.trials:
        attributes, candidate = trial.user_attrs, trial.user_attrs["candidate"]
        assert attributes["macs"] == candidate["macs"]
        assert attributes["params"] == candidate["params"]
        assert attributes["macs_ratio"] == candidate["macs_ratio"]
        shares = [attributes[f"{name}_share"] for name in ("depth", "width", "resolution")]
        assert sum(shares) == pytest.approx(1)
        assert attributes["top1_sd"] >= 0
