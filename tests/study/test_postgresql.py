"""Studies in a PostgreSQL server: begun, gone on with, owned by one driver at a time; no password anywhere."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
import sqlalchemy
from click.testing import CliRunner, Result

from scalesearch.cli import cli
from scalesearch.errors import StudyError, StudyLostError
from scalesearch.study import storage
from scalesearch.study.storage import masked, open_storage
from scalesearch.study.study import SearchStudy, find_study, open_study
from tests.conftest import TINY
from tests.processes import started
from tests.study.conftest import PASSWORD, Job, Lab, Server
from tests.study.test_ownership import _never, _race

Run = Callable[..., Result]
SECRETS = (PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD), repr(PASSWORD)[1:-1])


def _holds_secret(data: bytes) -> bool:
    return any(secret.encode() in data for secret in (*SECRETS, "hush-hush"))


def test_of_many_that_come_at_once_to_postgresql_one_gets_it(tmp_path: Path, postgresql: str) -> None:
    _race(postgresql, tmp_path)


@pytest.mark.parametrize("place", ["before the host", "in the query", "PGPASSWORD", ".pgpass"])
def test_the_password_may_be_where_postgresqls_own_tools_look_for_it(
    tmp_path: Path, server: Server, postgresql: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = re.sub(r"me:[^@]*@", "me@", postgresql)
    url = {"before the host": postgresql, "in the query": f"{bare}?password={quote(PASSWORD, safe='')}"}.get(
        place, bare
    )
    if place == "PGPASSWORD":
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
    if place == ".pgpass":
        passwords = tmp_path / "pgpass"
        passwords.write_text(f"127.0.0.1:{server.port}:*:me:{PASSWORD}\n", "utf-8")
        passwords.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(passwords))
    study = open_study(url, "run", create=True)
    with study.owned(tmp_path, _never):
        study.set_session(0, 1.0)
        assert not _holds_secret(study.server.encode())
        with pytest.raises(StudyError) as refused:
            open_study(url, "run", create=False).owned(tmp_path, _never).__enter__()
    assert not _holds_secret(str(refused.value).encode())
    found = find_study(url, "run")
    assert found is not None
    assert found.seconds == 1.0


def _silent() -> socket.socket:
    """An address that takes connections and never answers."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


def test_what_a_server_refuses_is_one_line_with_what_would_do(
    tmp_path: Path, server: Server, run: Run, monkeypatch: pytest.MonkeyPatch, tiny: tuple[str, ...]
) -> None:
    monkeypatch.setattr(storage, "ANSWER_S", 0.5)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    with socket.socket() as free, _silent() as silent:
        free.bind(("127.0.0.1", 0))
        closed = f"postgresql://me:hush-hush@127.0.0.1:{free.getsockname()[1]}/x"
        refused = {
            closed: "start the server, or name the host and port where it answers",
            closed.replace("me:hush-hush@", "me@") + "?password=hush-hush": "start the server",
            f"postgresql://me:hush-hush@127.0.0.1:{silent.getsockname()[1]}/x": "no answer within 0.5 s",
            server.url("nowhere"): "make that database first (createdb), or name another",
            server.url(password="hush-hush"): "give its password in the URL, in PGPASSWORD or in ~/.pgpass",
            server.url(password="postgres"): "give its password in the URL",
            server.url(password=None): "give its password in the URL",
        }
        for url, remedy in refused.items():
            result = run("grid", f"--out={tmp_path / 'run'}", *tiny, f"--storage={url}")
            assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.output
            assert remedy in result.stderr, result.stderr
            assert f"Error: --storage {masked(url)} " in result.stderr
            assert not _holds_secret(result.output.encode())
            assert not (tmp_path / "run").exists()


def test_a_driver_that_is_missing_is_one_line_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(storage, "find_spec", lambda _name: None)
    with pytest.raises(StudyError, match=r"pip install 'scalesearch\[postgresql\]'$") as raised:
        open_storage("postgresql://me:hush@host/x", create=True)
    assert "`storage` postgresql://me:***@host/x needs a driver" in str(raised.value)


def test_a_run_in_postgresql_is_gone_on_with_and_reported_where_its_url_is_given(
    tmp_path: Path, postgresql: str, run: Run, tiny: tuple[str, ...], lab: Lab
) -> None:
    folder, url = tmp_path / "run", f"{postgresql}?connect_timeout=9"

    def stop(_job: Job) -> None:
        raise KeyboardInterrupt

    lab.on_result = stop
    stopped = run("grid", f"--out={folder}", "--jobs=1", *tiny, f"--storage={url}")
    assert stopped.exit_code == 130, stopped.output
    lab.on_result = lambda _job: None
    refused = run("resume", folder)
    assert "--storage must be given with its password" in refused.stderr
    resumed = run("resume", folder, f"--storage={url}")
    assert resumed.exit_code == 0, resumed.output
    reported = run("report", folder, f"--storage={url}")
    assert reported.exit_code == 0, reported.output
    assert not any(_holds_secret(result.output.encode()) for result in (stopped, refused, resumed, reported))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if _holds_secret(path.read_bytes())] == []
    study = find_study(url, "grid-efficientnet-b0-phi1")
    assert study is not None
    assert study.finished() == 3


HIDE = """
import sys
from pathlib import Path
from scalesearch.cli.terminal import hide_passwords
hide_passwords()
print(Path("/proc/self/cmdline").read_bytes().decode().split("\\0")[3:-1])
"""


@pytest.mark.skipif(
    not Path("/proc/self/cmdline").exists(), reason="Linux tells a process where its words are"
)
def test_the_list_of_processes_has_no_password_either(postgresql: str) -> None:
    words = ["--storage", postgresql, f"--storage={postgresql}", "--dataset=folder:/x", "ray://host:1"]
    listed = subprocess.run(
        [sys.executable, "-c", HIDE, *words], check=True, capture_output=True, text=True
    ).stdout
    stars = "*" * (len(postgresql.encode()) - len("postgresql://"))
    shown = f"postgresql://{stars}"
    assert listed.strip() == repr(["--storage", shown, f"--storage={shown}", *words[3:]])


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Makes this process one of another machine; waits are short."""
    monkeypatch.setattr(storage, "LAPSE_S", 1.5)
    monkeypatch.setattr(storage, "BEAT_S", 0.2)
    return lambda name: monkeypatch.setattr(storage, "process_space", lambda: name)


def _without_beats(monkeypatch: pytest.MonkeyPatch, study: SearchStudy, folder: Path) -> object:
    """A claim whose heart stands still; it lasts as long as what is returned."""
    with monkeypatch.context() as patch:
        patch.setattr(storage.Ownership, "_keep_beating", lambda _self: None)
        claimed = study.owned(folder, _never)
        claimed.__enter__()
    return claimed


def test_a_second_driver_on_another_machine_is_told_in_one_line_who_the_first_is(
    tmp_path: Path, postgresql: str, elsewhere: Callable[[str], None]
) -> None:
    elsewhere("a/1/2")
    with open_study(postgresql, "run", create=True).owned(tmp_path, _never):
        elsewhere("b/1/2")
        with pytest.raises(StudyError) as refused:
            open_study(postgresql, "run", create=False).owned(tmp_path / "two", _never).__enter__()
    line = str(refused.value)
    assert re.search(
        rf"one of process {os.getpid()} on \S+, for the folder {tmp_path}, since 20\S+ \S+, last heard of 0 s ago;",
        line,
    )


def test_a_claim_lapses_by_the_databases_clock_and_its_driver_writes_nothing_more(
    tmp_path: Path, postgresql: str, elsewhere: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clocks of the machines differ by hours, and the first was paused between its look at the claim and a write."""
    elsewhere("a/1/2")
    sleeping = open_study(postgresql, "run", create=True)
    claimed = _without_beats(monkeypatch, sleeping, tmp_path / "one")
    sleeping.set_session(0, 1.0)
    elsewhere("b/1/2")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 7200)
    time.sleep(1.6)
    other = open_study(postgresql, "run", create=False)
    with other.owned(tmp_path / "two", _never):  # at once: it has lapsed already
        monkeypatch.setattr(storage.Ownership, "require", lambda _self: None)
        lost = (
            rf"taken over by another driver while this one was away, process {os.getpid()} on \S+, for the "
        )
        for write in (
            lambda: sleeping.set_session(0, 99.0),
            lambda: sleeping.set_latency("x", {}),
            lambda: sleeping.set_reliability([]),
        ):
            with pytest.raises(StudyLostError, match=lost):
                write()
        other.set_session(1, 2.0)
    again = open_study(postgresql, "run", create=False)
    assert again.attributes == {"session/0000": 1.0, "session/0001": 2.0}
    del claimed


def test_one_that_stops_in_the_middle_of_a_write_keeps_nobody_waiting_for_ever(
    tmp_path: Path, postgresql: str, elsewhere: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere("a/1/2")
    stuck = open_study(postgresql, "run", create=True)
    claimed = _without_beats(monkeypatch, stuck, tmp_path / "one")
    engine = stuck._storage.engine

    def sleep(connection: sqlalchemy.Connection) -> None:
        """Behind the guard, which holds the claim's row by now."""
        if connection.get_execution_options().get(storage.CLAIMS):
            return
        elsewhere("b/1/2")
        other = open_study(postgresql, "run", create=False)
        time.sleep(1.0)
        with other.owned(tmp_path / "two", lambda _line: None):
            other.set_session(1, 2.0)

    sqlalchemy.event.listen(engine, "commit", sleep)
    with pytest.raises(StudyLostError, match="taken over by another driver while this one was away"):
        stuck.set_session(0, 99.0)
    sqlalchemy.event.remove(engine, "commit", sleep)
    assert open_study(postgresql, "run", create=False).attributes == {"session/0001": 2.0}
    del claimed


TAKE = """
import sys, time
from pathlib import Path
from scalesearch.errors import StudyError
from scalesearch.study import storage
from scalesearch.study.study import find_study
storage.LAPSE_S, storage.BEAT_S = 3.0, 0.5
storage.process_space = lambda: sys.argv[2]
study = find_study(sys.stdin.readline().strip(), "run")
print("ready", flush=True)
sys.stdin.readline()
try:
    with study.owned(Path(sys.argv[1]), lambda line: None):
        print("mine", flush=True)
        time.sleep(2)
except StudyError as error:
    print(error, flush=True)
"""


@pytest.mark.slow
def test_of_two_processes_that_take_a_dead_ones_claim_over_exactly_one_has_it(
    tmp_path: Path, postgresql: str, elsewhere: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere("a/1/2")
    claimed = _without_beats(monkeypatch, open_study(postgresql, "run", create=True), tmp_path / "dead")
    with ExitStack() as stack:
        takers = [
            stack.enter_context(
                started(
                    *(sys.executable, "-c", TAKE, tmp_path / name, name),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for name in ("b", "c")
        ]
        for taker in takers:
            assert taker.stdin is not None
            assert taker.stdout is not None
            taker.stdin.write(f"{postgresql}\n")
            taker.stdin.flush()
            assert taker.stdout.readline() == "ready\n"
        for taker in takers:
            assert taker.stdin is not None
            taker.stdin.write("\n")
            taker.stdin.flush()
        lines = sorted(taker.communicate(timeout=60)[0].strip() for taker in takers)
    assert lines[0] == "mine"
    assert lines[1].startswith("the study in postgresql://me:***@127.0.0.1:")
    assert "must be one that no other driver works on, got one of process " in lines[1]
    del claimed


DRIVE = """
import sys
from scalesearch.cli import cli
from scalesearch.study import storage
storage.LAPSE_S, storage.BEAT_S = 3.0, 0.5
cli(sys.argv[1:], prog_name="scalesearch")
"""


def _started(
    folder: Path, url: str, options: tuple[str, ...]
) -> AbstractContextManager[subprocess.Popen[str]]:
    return started(
        *(sys.executable, "-c", DRIVE, "grid", f"--out={folder}", "--jobs=1", *options),
        env={**os.environ, "SCALESEARCH_STORAGE": url},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def _follow_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    assert any(text in line for line in process.stderr), f"the run ended without saying {text!r}"


def _table(folder: Path) -> pd.DataFrame:
    clocks = ["train_seconds", "latency_median_s", "latency_iqr_s"]
    return pd.read_csv(folder / "candidates.csv").drop(columns=clocks)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run in a database of its own."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    result = CliRunner().invoke(cli, ["grid", f"--out={folder}", "--jobs=1", *TINY])
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.slow
def test_kill_9_and_resume_end_with_the_uninterrupted_table(
    tmp_path: Path, whole: Path, postgresql: str, tiny: tuple[str, ...], run: Run
) -> None:
    with _started(tmp_path / "killed", postgresql, tiny) as process:
        _follow_until(process, "[1/3]")
        process.kill()
        process.communicate()
    study = find_study(postgresql, "grid-efficientnet-b0-phi1")
    assert study is not None
    before = {c.key: c.runs for c in study.record().candidates if c.runs}
    assert len(before) >= 1
    resumed = run("resume", tmp_path / "killed", f"--storage={postgresql}")
    assert resumed.exit_code == 0, resumed.output
    pd.testing.assert_frame_equal(_table(whole), _table(tmp_path / "killed"))
    after = {c.key: c.runs for c in open_study(postgresql, study.name, create=False).record().candidates}
    assert {key: after[key] for key in before} == before


@pytest.mark.slow
def test_a_driver_that_was_stopped_and_replaced_ends_when_it_wakes_up(
    tmp_path: Path,
    whole: Path,
    postgresql: str,
    tiny: tuple[str, ...],
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with _started(tmp_path / "stopped", postgresql, tiny) as process:
        _follow_until(process, "[1/3]")
        refused = run("resume", tmp_path / "stopped", f"--storage={postgresql}")
        assert "that no other run works on" in refused.stderr  # its folder is locked, too
        refused = run("grid", f"--out={tmp_path / 'other'}", "--jobs=1", *tiny, f"--storage={postgresql}")
        assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
        assert f"got one of process {process.pid} on " in refused.stderr
        process.send_signal(signal.SIGSTOP)
        time.sleep(3.5)
        monkeypatch.setattr(storage, "LAPSE_S", 3.0)
        other = run("grid", f"--out={tmp_path / 'other'}", "--jobs=1", *tiny, f"--storage={postgresql}")
        assert other.exit_code == 0, other.output
        pd.testing.assert_frame_equal(_table(whole), _table(tmp_path / "other"))
        record = open_study(postgresql, "grid-efficientnet-b0-phi1", create=False).record()
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "was taken over by another driver while this one was away, process" in errors.splitlines()[-1]
    assert not (tmp_path / "stopped" / "candidates.csv").exists()
    assert open_study(postgresql, "grid-efficientnet-b0-phi1", create=False).record() == record


@pytest.mark.slow
def test_a_server_that_goes_away_is_one_line_and_what_was_stored_is_there_when_it_is_back(
    tmp_path: Path, server: Server, postgresql: str
) -> None:
    study = open_study(postgresql, "run", create=True)
    with study.owned(tmp_path, _never):
        study.set_session(0, 1.0)
        server.stop()
        try:
            for write in (lambda: study.set_session(0, 2.0), study.adopt):
                with pytest.raises(StudyError, match="start the server, or name the host and port") as gone:
                    write()
                assert not isinstance(gone.value, StudyLostError)
                assert "\n" not in str(gone.value)
                assert not _holds_secret(str(gone.value).encode())
        finally:
            server.start()
        study.set_session(1, 3.0)
    with open_study(postgresql, "run", create=False).owned(tmp_path, _never):
        pass
    assert open_study(postgresql, "run", create=False).attributes == {
        "session/0000": 1.0,
        "session/0001": 3.0,
    }
