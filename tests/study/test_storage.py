"""URLs of databases: what is secret in them is shown nowhere, what is wrong with them is one line."""

from __future__ import annotations

import re
import sqlite3
import string
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.errors import NoStudyError, StudyError
from scalesearch.study import storage
from scalesearch.study.rows import StudyStorage
from scalesearch.study.storage import (
    clear_errors,
    masked,
    masked_arguments,
    open_storage,
    recorded,
    sqlite_url,
    without_urls,
)
from scalesearch.study.study import find_study, open_study

Run = Callable[..., Result]

PLACES = {
    "a password": "postgresql://me:{}@host/study",
    "a password alone": "mysql+pymysql://:{}@host/study",
    "half of a password with an at sign": "postgresql://me:half@{}@host/study",
    "half of a password with a colon": "postgresql://me:half:{}@host/study",
    "a password in the query": "postgresql://me@host/study?password={}",
    "beside harmless options": "postgresql://me@host/study?sslmode=require&passwd={}&host=a&host=b",
    "of a key": "postgresql://me@host/study?sslkey=/home/me/key&sslpassword={}",
    "a file of passwords": "postgresql://me@host/study?passfile=/home/me/{}",
    "in ODBC's own words": "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BUID%3Dme%3BPWD%3D{}",
    "a token": "mysql://me@host/study?auth_token={}",
    "an option's name": "mysql://me@host/study?{}=1",
    "an option without a value": "mysql://me@host/study?{}",
    "after a number sign": "postgresql://me@host/study#{}",
    "a user with a percent-encoded colon": "postgresql://me%3A{}@host/study",
    "an address in brackets, and more": "postgresql://[::1]{}/study",
    "a key of SQLite": "sqlite+pysqlcipher://:{}@//tmp/study.db?cipher=aes-256-cfb",
    "an option of SQLite": "sqlite:////tmp/study.db?key={}",
    "an option in the name of a file": "sqlite:////file:/tmp/study.db%3Fkey={}&uri=true",
    "in Oracle's own words": "oracle+oracledb://me:x@(DESCRIPTION=(PASSWORD={}))/",
    "a port": "postgresql://me@host:{}/study",
    "a dialect's": "{}://me@host/study",
    "no dialect that is known": "postgres://me:{}@host/study",
    "no URL at all": "host=x password={}",
    "a bare word": "{}",
    "another kind of storage": "redis://:{}@host:6379/0",
}
# Not of letters that a URL has anyway.
SECRET = st.text(string.ascii_letters + string.digits + "!$*+,;@: %/?#&={}'\"\\ü", min_size=8, max_size=8)


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret), quote(secret, safe=""), repr(secret)[1:-1]}


@pytest.mark.parametrize("place", PLACES.values(), ids=list(PLACES))
@given(secret=st.text(string.ascii_letters + string.digits, min_size=8, max_size=8))
def test_what_may_be_secret_is_hidden_wherever_it_is(place: str, secret: str) -> None:
    url = place.format(secret)
    shown = [
        masked(url),
        recorded(url) if masked(url) != "***" else "",
        *masked_arguments(["grid", f"--storage={url}", "--storage", url]),
        without_urls(f"No such option: --storag={url}", ["grid", f"--storag={url}"]),
        without_urls(f"got {url!r} there"),
    ]
    if "://" not in url:
        shown = shown[:-2]  # nothing tells it from any other word
    assert all(secret not in text for text in shown), shown


@pytest.mark.parametrize(
    "place",
    [
        PLACES["a password"],
        PLACES["a password in the query"],
        PLACES["in ODBC's own words"],
        PLACES["a token"],
    ],
)
@given(secret=SECRET)
def test_so_is_one_of_any_letters_and_what_a_driver_says_of_it(place: str, secret: str) -> None:
    url = place.format(quote(secret, safe=""))
    texts = [masked(url), *masked_arguments([url, f"--storage={url}"])]
    for said in (
        url,
        secret,
        f'connection failed: invalid dsn "{secret}"',
        f"bad option {secret!r}",
        quote(secret),
    ):
        with pytest.raises(StudyError) as raised, clear_errors(url):
            raise sqlalchemy.exc.OperationalError("", {}, RuntimeError(said))
        texts.append(str(raised.value))
        assert "\n" not in texts[-1]
    whole = [masked(place.format("x")), "its driver refused it"]
    for text in texts:
        plain = text
        for known in whole:
            plain = plain.replace(known, "")
        assert not any(form in plain for form in _forms(secret)), text


def test_what_is_harmless_is_shown_and_stays_usable() -> None:
    for url in (
        "postgresql://me@db.example.org:5433/study?sslmode=require&host=a&host=b%3A5433",
        "postgresql+psycopg://me@[::1]:5432/my study",
        "sqlite:////home/me/a%20run/study.db?timeout=5",
        "mysql+pymysql://me@host/study?charset=utf8mb4",
    ):
        assert sqlalchemy.make_url(masked(url)) == sqlalchemy.make_url(url)
        assert masked(masked(url)) == masked(url)
    assert masked("postgresql://me:hush@host/study") == "postgresql://me:***@host/study"
    assert masked(masked("postgresql://me:hush@host/study?x=y")) == "postgresql://me:***@host/study?***=***"
    assert without_urls("see https://example.org/a and file:///tmp/x") == (
        "see https://example.org/a and file:///tmp/x"
    )


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    "command",
    [
        ("grid",),
        *(
            pytest.param(command, marks=pytest.mark.slow)
            for command in (
                ("sweep", "--phi=1"),
                ("search", "--trials=2"),
                ("alternate", "--max-rounds=1"),
                ("scale", "--phi=0,1", "--train"),
                ("audit", "--train", "--baseline=mobilenet-v1"),
            )
        ),
    ],
    ids=lambda command: command[0],
)
def test_a_secret_is_in_no_file_and_no_line_of_a_run(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite ignores options that it does not know, so a whole run gets by with them."""
    secret, folder = "q7WjZx04", tmp_path / "run"
    options = [o for o in tiny if o.startswith("--max-n") is False or command[0] in ("grid", "alternate")]
    url = f"sqlite:///file:{tmp_path / 'other.db'}?uri=true&password={secret}"
    argv = ["scalesearch", *command, f"--out={folder}", *options, "--storage", url]
    monkeypatch.setattr("sys.argv", argv)
    begun = run(*argv[1:])
    assert begun.exit_code == 0, begun.output
    refused = run("resume", folder)
    assert (refused.exit_code, "--storage must be given with its password" in refused.stderr) == (2, True)
    monkeypatch.setenv("SCALESEARCH_STORAGE", url)
    results = [begun, refused, run("resume", folder)]
    assert [result.exit_code for result in results] == [0, 2, 0], results[-1].output
    assert not any(secret in result.output for result in results)
    files = [*folder.rglob("*"), tmp_path / "other.db"]
    holding = [path for path in files if path.is_file() and secret.encode() in path.read_bytes()]
    assert holding == []


BAD = {
    "mysql://me:hush@host/x": "`storage` mysql://me:***@host/x needs a driver that is not installed: pip install ",
    "postgresql+psycopg2cffi://me:hush@host/x": "needs a driver that is not installed: pip install psycopg2cffi",
    "postgresql+nodriver://me:hush@host/x": "must name a driver that SQLAlchemy knows",
    "postgresql://me:hush@host:port/x": "its port a whole number",
    "postgres://me:hush@host/x": "`storage` must be a database URL such as sqlite:///study.db or postgresql://",
    "redis://:hush@host": "`storage` must be a database URL such as",
    "journal.log": "`storage` must be a database URL such as",
    "sqlite://": "`storage` must be a file where it is SQLite's, such as sqlite:///study.db",
    "sqlite://host/study.db": "`storage` must be sqlite:///FILE, with options of SQLite only where",
    "sqlite:////tmp/no_study.db?password=hush": "got sqlite:////tmp/no_study.db?***=***",
    "sqlite:///:memory:": "`storage` must be a file where it is SQLite's",
    "sqlite:///file:x?mode=memory&uri=true": "`storage` must be a file where it is SQLite's",
    "sqlite:////no/such/folder/study.db": "`storage` must be a file in a folder that is there, got /no/such/folder",
    "postgresql://me:***@host/x": "`storage` must be given with its password, got postgresql://me:***@host/x",
}


@pytest.mark.parametrize(("url", "message"), BAD.items(), ids=list(BAD))
def test_a_url_that_will_not_do_is_one_line(url: str, message: str) -> None:
    with pytest.raises(StudyError) as raised:
        open_storage(url, create=True)
    assert message in str(raised.value)
    assert "hush" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_driver_that_keeps_the_caller_waiting_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "ANSWER_S", 0.05)
    monkeypatch.setattr(storage, "_require_driver", lambda _url: None)
    monkeypatch.setattr(storage.sqlalchemy, "create_engine", lambda *_a, **_k: time.sleep(5))
    with pytest.raises(StudyError, match=r"me:\*\*\*@host/x cannot be reached: no answer within 0.05 s"):
        open_storage("postgresql://me:hush@host/x", create=False)


def test_files_that_are_no_database_are_one_line_and_stay_as_they_are(tmp_path: Path) -> None:
    empty, text, folder = tmp_path / "empty.db", tmp_path / "text.db", tmp_path / "folder.db"
    empty.touch()
    text.write_text("no database, but long enough to be looked at as if it were one" * 99)
    folder.mkdir()
    other, torn = tmp_path / "other.db", tmp_path / "torn.db"
    with sqlite3.connect(other) as connection:
        connection.execute("create table visits (place text)")
    connection.close()
    open_study(f"sqlite:///{torn}", "run", create=True)
    torn.write_bytes(torn.read_bytes()[:5000])
    content = {path: path.read_bytes() for path in (empty, text, other, torn)}
    messages = {
        empty: "an empty file of 0 bytes: put the study back from a copy, or remove the file to start anew",
        text: "file is not a database",
        folder: "must be a database's file, got a folder",
        torn: "must be a readable Optuna study: database disk image is malformed",
    }
    for path, message in messages.items():
        for create in (True, False):
            with pytest.raises(StudyError, match=re.escape(message)):
                open_storage(f"sqlite:///{path}", create=create)
    with pytest.raises(NoStudyError):
        open_storage(f"sqlite:///{other}", create=False)
    assert find_study(f"sqlite:///{other}", "run") is None
    assert {path: path.read_bytes() for path in content} == content


def test_a_database_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = sqlite_url(tmp_path)

    class Full(StudyStorage):
        def __init__(self, *_arguments: object, **_options: object) -> None:
            raise sqlalchemy.exc.OperationalError(
                "", {}, sqlite3.OperationalError("database or disk is full")
            )

    with monkeypatch.context() as patch:
        patch.setattr(storage, "StudyStorage", Full)
        with pytest.raises(StudyError, match="no space left on device: free some and go on"):
            open_storage(url, create=True)
    assert list(tmp_path.iterdir()) == []
    open_storage(url, create=True)
    assert {path.name for path in tmp_path.iterdir()} == {"study.db"}
    (tmp_path / "study.db").unlink()
    # One that is gone is not made again by whoever still has it open.
    with pytest.raises(NoStudyError):
        open_storage(url, create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "a {b} %41 ?c=d #e"
    folder.mkdir()
    made = open_study(sqlite_url(folder), "run", create=True)
    assert {path.name for path in folder.iterdir()} == {"study.db"}
    found = find_study(sqlite_url(folder), "run")
    assert found is not None
    assert found.name == made.name


def test_a_study_of_another_version_of_optuna_is_one_line(tmp_path: Path) -> None:
    open_study(sqlite_url(tmp_path), "run", create=True)
    with sqlite3.connect(tmp_path / "study.db") as connection:
        connection.execute("update alembic_version set version_num = 'v99.0.0.a'")
    connection.close()
    with pytest.raises(StudyError, match=r"no longer compatible with the table schema.*install -U optuna"):
        open_study(sqlite_url(tmp_path), "run", create=False)


def test_what_a_server_says_on_several_lines_is_one_sentence() -> None:
    said = (
        'connection to server at "::1", port 5 failed: Connection refused\n\tIs the server running on that host '
        'and accepting TCP/IP connections?\nconnection to server at "127.0.0.1", port 5 failed: no p'
    )
    message = (
        '`storage` postgresql://u:***@h/db cannot be used: connection to server at "::1", port 5 failed: '
        'Connection refused; connection to server at "127.0.0.1", port 5 failed: no ***; start the server, or '
        "name the host and port where it answers"
    )
    # A password of one letter is no part of every word.
    with pytest.raises(StudyError) as caught, clear_errors("postgresql://u:p@h/db"):
        raise OSError(said)
    assert str(caught.value) == message


def test_what_a_server_asks_is_told_where_it_says_nothing_else() -> None:
    told = "cannot be used: is there anybody[?]"
    with pytest.raises(StudyError, match=told), clear_errors("postgresql://u@h/db"):
        raise OSError("is there anybody?")
