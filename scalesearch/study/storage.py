"""Where a study lies: its database, secrets masked, and the one driver that owns it."""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import optuna
import sqlalchemy
from sqlalchemy.pool import NullPool

from scalesearch.errors import NoStudyError, StudyError, StudyLostError
from scalesearch.files import identity, inside
from scalesearch.hardware.machine import process_space
from scalesearch.study.rows import StudyStorage

# ----------------------------------------------------------------------------------------------------
# Where studies are kept: database URLs, opened, and shown without what is secret in them.

MASK = "***"
ADDRESS = re.compile(r"[a-z][a-z0-9-]*://[\w.-]*(:\d{0,5})?", re.ASCII)
"""A host and a port alone, such as an executor's, or less: there is nothing secret in it."""
# Everything else in a query is hidden: who knows what a driver takes as a secret.
HARMLESS = frozenset(
    (
        *("application_name", "cache", "charset", "connect_timeout", "connection_timeout", "driver", "host"),
        *("immutable", "login_timeout", "mode", "nolock", "port", "service_name", "sslmode"),
        *("target_session_attrs", "tcp_connect_timeout", "timeout", "uri"),
    )
)
# Names of options that are no secret themselves, and that drivers use in what they say.
WORDS = frozenset(
    ("odbc_connect", "options", "passfile", "passwd", "password", "sslcert", "sslkey", "sslpassword", "user")
)
PLAIN = re.compile(r"[\w .,/\[\]-]*")
DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql")
# What pip calls the package whose import is missing.
PACKAGES = {
    "MySQLdb": "mysqlclient",
    "cx_Oracle": "cx_Oracle",
    "mysql": "mysql-connector-python",
    "psycopg": "'scalesearch[postgresql]'",
    "psycopg2": "psycopg2-binary",
    "psycopg2cffi": "psycopg2cffi",
    "pysqlcipher3": "sqlcipher3",
}
# What each driver calls the seconds that a connection may take.
TIMEOUTS = {
    "mariadbconnector": "connect_timeout",
    "mysqlconnector": "connection_timeout",
    "mysqldb": "connect_timeout",
    "oracledb": "tcp_connect_timeout",
    "pg8000": "timeout",
    "psycopg": "connect_timeout",
    "psycopg2": "connect_timeout",
    "pymssql": "login_timeout",
    "pymysql": "connect_timeout",
    "pyodbc": "timeout",
}
CONNECT_S = 5
"""Seconds that a connection to one address of a server may take."""
ANSWER_S = 9.0
"""Seconds after which a server is taken for unreachable, however many addresses it has."""
LIBPQ = frozenset(("psycopg", "psycopg2"))
# A cable that was pulled is noticed before the driver's claim lapses, not after the system's two hours.
KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}
# What would do, by what PostgreSQL says.
REMEDIES = {
    "authentication failed|no password supplied": (
        "give its password in the URL, in PGPASSWORD or in ~/.pgpass"
    ),
    'database "[^"]*" does not exist': "make that database first (createdb), or name another",
    'role "[^"]*" does not exist': "name a user that the server knows",
    "permission denied": (
        "let its user make tables there (GRANT ALL ON SCHEMA public TO USER), or name another database"
    ),
    "too many clients|connection slots": (
        "end what else is connected, or raise the server's max_connections"
    ),
    "read-only": "name the server that may be written to",
    "could not translate|resolve|Name or service": "name the host where it runs",
    "refused|time.?out|timed out|unreachable|No route|starting up|shutting down|No such file|closed the": (
        "start the server, or name the host and port where it answers"
    ),
}
BUSY_S = 60.0
"""Seconds that SQLite waits for another process to finish writing."""
ATTEMPTS = 4


def sqlite_url(folder: Path) -> str:
    """The URL of a folder's own database.

    Raises:
        ValueError: if it is a link that leads out of the folder.
    """
    return _url_of(inside(folder.absolute(), "study.db")).render_as_string()


def _url_of(path: Path) -> sqlalchemy.URL:
    return sqlalchemy.URL.create("sqlite", database=str(path))


def _parsed(url: str) -> sqlalchemy.URL:
    """The parts of a URL.

    Raises:
        StudyError: if it is no URL of a database; it is not repeated, as nobody knows what in it is secret.
    """
    message = (
        f"`storage` must be a database URL such as sqlite:///study.db or postgresql://USER@HOST/DATABASE, of "
        f"{', '.join(DIALECTS[:-1])} or {DIALECTS[-1]}"
    )
    try:
        parsed = sqlalchemy.make_url(url)
        url.encode()  # bytes that are no text can't be written in a URL
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        if isinstance(error, UnicodeEncodeError):
            message += ", in UTF-8"
        elif isinstance(error, ValueError) and re.match(r"[\w+]+://", url):
            message += ", its port a whole number"
        raise StudyError(message) from None
    if parsed.get_backend_name() not in DIALECTS:
        raise StudyError(message)
    return parsed


def masked(url: str) -> str:
    """The URL with every part hidden that may be a secret; all of it where it is no URL of a database.

    Drivers take passwords in many places. So only what is known to be harmless is shown: the dialect, the
    user, the host, the port, the database, and the options of a fixed list.
    """
    if ADDRESS.fullmatch(url):
        return url
    try:
        parsed = _parsed(url)
    except StudyError:
        return MASK
    query = {
        key if key in HARMLESS else MASK: value
        if key in HARMLESS and all(PLAIN.fullmatch(part.replace(":", "")) for part in _listed(value))
        else MASK
        for key, value in parsed.query.items()
    }
    user = parsed.username
    shown_user = user if user is None or re.fullmatch(r"[\w.@+-]*", user) else MASK
    host = parsed.host if parsed.host is None or re.fullmatch(r"[\w.:-]*", parsed.host) else MASK
    database = parsed.database
    if database is not None and not (
        PLAIN.fullmatch(database)
        if parsed.get_backend_name() != "sqlite"
        # A path; after a question mark SQLite reads options.
        else not ("file:" in database and "?" in database)
    ):
        database = MASK
    shown = parsed._replace(
        username=shown_user,
        password=None if parsed.password is None else MASK,
        host=host,
        database=database,
        query=sqlalchemy.util.immutabledict(query),
    )
    return shown.render_as_string(hide_password=False).replace(quote(MASK), MASK)


def recorded(url: str) -> str:
    """What a run's folder keeps of the URL of its study: nothing secret, and a file from the root on."""
    if not url:
        return ""
    path = database_file(url)
    if path is None or _parsed(url).query:
        return masked(url)
    return masked(_parsed(url).set(database=str(path.absolute())).render_as_string(hide_password=False))


def masked_arguments(arguments: Sequence[str]) -> list[str]:
    """The words of a command line, with what may be secret in a storage's URL hidden."""
    shown, before = [], ""
    for word in arguments:
        head, equals, tail = word.partition("=") if word.startswith("-") else ("", "", word)
        is_url = "://" in tail or before == "--storage" or head == "--storage"
        shown.append(head + equals + masked(tail) if is_url and tail else word)
        before = word
    return shown


def without_urls(text: str, arguments: Sequence[str] = ()) -> str:
    """A message with every URL in it masked, those of the command line by their whole words."""
    for word, shown in zip(arguments, masked_arguments(arguments), strict=True):
        if word != shown:
            for form in (str, repr):
                text = text.replace(form(word), form(shown))
            _, _, tail = word.partition("=")
            text = text.replace(tail, MASK) if "://" in tail else text
    # In quotes it may have spaces.
    text = re.sub(r"(?<=')\w[\w+]*://[^']+(?=')", lambda match: _masked_match(match[0]), text)
    return re.sub(r"\b\w[\w+]*://[^\s'\"]+", lambda match: _masked_match(match[0]), text)


def _masked_match(text: str) -> str:
    if re.fullmatch(r"(https?|file)://[^@?#]*", text):
        return text
    # A sentence may go on right behind it.
    url = text.rstrip(".,;:)")
    return masked(url) + text[len(url) :]


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _without_secrets(text: str, url: str) -> str:
    """What a driver said about ``url``, without what is hidden of it; nothing where some would be left."""
    parsed = _parsed(url)
    unknown = {key: values for key, values in parsed.query.items() if key not in HARMLESS}
    hidden = {value for values in unknown.values() for value in _listed(values)}
    hidden |= set(unknown) - WORDS
    hidden |= {part for value in hidden for part in re.split(r"[;=&]", value)}
    hidden.add(str(parsed.password or ""))
    hidden = {secret for secret in hidden if secret}
    forms = {
        form(secret)
        for secret in hidden
        for form in (str, quote, quote_plus, unquote, unquote_plus, lambda s: repr(s)[1:-1])
    }
    for form in sorted(forms, key=len, reverse=True):
        # One letter is part of every word.
        text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)" if len(form) < 4 else re.escape(form), MASK, text)
    plain = text.casefold()
    if any(
        secret[start : start + 6].casefold() in plain for secret in hidden for start in range(len(secret) - 5)
    ):
        return "its driver refused it"
    return without_urls(text)


@contextmanager
def clear_errors(url: str) -> Iterator[None]:
    """Turns what a broken database makes Optuna and SQLAlchemy raise into one line."""
    try:
        yield
    except StudyError:
        raise
    except (KeyError, IndexError):
        raise
    except (
        sqlalchemy.exc.SQLAlchemyError,
        optuna.exceptions.OptunaError,
        RuntimeError,
        OSError,
        LookupError,  # SQLAlchemy's of a state that is none
    ) as error:
        raise _one_line(error, url) from None


def _one_line(error: BaseException, url: str) -> StudyError:
    lines = [" ".join(line.split()) for line in _without_secrets(str(_root(error)), url).splitlines()]
    # What a driver asks, it says below what is wrong: "Is the server running on that host?"
    told = [line for line in lines if line and not line.endswith("?")] or lines
    first = "; ".join(told)[:300]
    if "disk is full" in first or "No space left" in first:
        return StudyError(
            f"{masked(url)} cannot be written, no space left on device: free some and go on, "
            "nothing that was stored is lost"
        )
    if is_server(url):
        return StudyError(f"`storage` {masked(url)} cannot be used: {first}{_remedy(str(_root(error)), url)}")
    if "readonly database" in first or "unable to open" in first:
        return StudyError(
            f"{masked(url)} must be a file that can be read and written, in a folder that can: {first}"
        )
    if re.search("database .*is locked", first):
        return StudyError(
            f"{masked(url)} must be free to be used, another program holds it: {first}; let that end and try "
            "again, nothing that was stored is lost"
        )
    return StudyError(
        f"{masked(url)} must be a readable Optuna study: {first}; "
        "move it away to start anew, or name another place"
    )


def _remedy(text: str, url: str) -> str:
    """What would do where a server said so much; empty where nobody knows."""
    if _parsed(url).get_backend_name() != "postgresql":
        return ""
    does = (remedy for said, remedy in REMEDIES.items() if re.search(said, text))
    return "".join(f"; {remedy}" for remedy in [*does][:1])


def _connectable(url: str) -> str:
    """The URL with a driver named where it leaves that open and there is one.

    SQLAlchemy's own choice for PostgreSQL differs from release to release.
    """
    parsed = _parsed(url)
    if parsed.drivername != "postgresql":
        return url
    driver = "psycopg" if find_spec("psycopg") or not find_spec("psycopg2") else "psycopg2"
    return parsed.set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)


def is_server(url: str) -> bool:
    """Whether the database is a server's, and no file."""
    return _parsed(url).get_backend_name() != "sqlite"


def database_file(url: str) -> Path | None:
    """The file of an SQLite database; None of a server's.

    Raises:
        StudyError: if ``url`` is no URL of a database, or of one in memory, which would be gone with the
            process.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    name = parsed.database or ""
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:").partition("?")[0])
        name = name.removeprefix("//localhost") if name.startswith("//localhost/") else name
    if name in ("", ":memory:") or parsed.query.get("mode") == "memory":
        raise StudyError("`storage` must be a file where it is SQLite's, such as sqlite:///study.db")
    return Path(name)


def _root(error: BaseException) -> BaseException:
    """The database's own error, which Optuna and SQLAlchemy wrap."""
    found: BaseException | None = error
    while found is not None:
        original = getattr(found, "orig", None)
        if isinstance(original, BaseException):
            return original
        found = found.__cause__
    return error


def open_storage(url: str, *, create: bool) -> StudyStorage:
    """The database at ``url``, with Optuna's tables.

    Raises:
        StudyError: if it cannot be opened.
        NoStudyError: if it is not there or has no such tables, and ``create`` is off: nothing is made then.
    """
    # What it warns of (a trial that failed, a package it can do without) is said by the run itself.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if MASK in url:
        raise StudyError(f"`storage` must be given with its password, got {masked(url)}")
    path = database_file(url)
    if path is not None:
        _require_database(path, create=create)
    _require_driver(url)
    engine_options(url)
    with clear_errors(url):
        if path is not None and not path.exists():
            _make_file(path)
        else:
            _require_answer(url)
            if not create and not _has_tables(url):
                raise NoStudyError(f"`dir` must hold a study, found none at {masked(url)}")
        return _connected(url)


def _require_database(path: Path, *, create: bool) -> None:
    """Refuses what cannot be an SQLite database, or become one."""
    if path.is_dir():
        raise StudyError(f"{path} must be a database's file, got a folder")
    if not path.exists() and not create:
        raise NoStudyError(f"`dir` must hold a study, found none at {masked(str(_url_of(path.absolute())))}")
    if not path.exists() and not path.parent.is_dir():
        raise StudyError(f"`storage` must be a file in a folder that is there, got {path}")
    if path.exists() and path.stat().st_size == 0:
        raise StudyError(
            f"{path} must be a study's database, got an empty file of 0 bytes: put the study back from a "
            "copy, or remove the file to start anew"
        )


def _require_driver(url: str) -> None:
    """Refuses a URL whose driver is not there, naming the package that has it."""
    parsed = _parsed(_connectable(url))
    try:
        dialect = parsed.get_dialect()
        if dialect.is_async:
            raise StudyError(
                f"`storage` {masked(url)} must name a driver that waits, got an asynchronous one; "
                f"{parsed.get_backend_name()}:// alone names one that does"
            )
        dialect.import_dbapi()
    except sqlalchemy.exc.NoSuchModuleError:
        raise StudyError(f"`storage` {masked(url)} must name a driver that SQLAlchemy knows") from None
    except ImportError as error:
        module = (error.name or parsed.get_driver_name()).partition(".")[0]
        raise StudyError(
            f"`storage` {masked(url)} needs a driver that is not installed: pip install "
            f"{PACKAGES.get(module, module)}"
        ) from None


def _connect_arguments(url: str) -> dict[str, Any]:
    """What a server's driver is told beside the URL."""
    parsed = _parsed(_connectable(url))
    driver = parsed.get_driver_name()
    told: dict[str, Any] = {TIMEOUTS[driver]: CONNECT_S} if driver in TIMEOUTS else {}
    told |= KEEPALIVES if driver in LIBPQ else {}
    return {name: value for name, value in told.items() if name not in parsed.query}


def _engine(url: str) -> sqlalchemy.Engine:
    """Connects anew for everything, and keeps nothing open."""
    options = engine_options(url)
    options.pop("pool_pre_ping", None)
    return sqlalchemy.create_engine(_connectable(url), **options, poolclass=NullPool)


def _require_answer(url: str) -> None:
    """Waits for a server, but not for ever.

    Raises:
        StudyError: if it does not answer.
    """
    if not is_server(url):
        return
    failures: list[BaseException] = []

    def connect() -> None:
        try:
            with _engine(url).connect():
                pass
        except BaseException as error:
            failures.append(error)

    # Not every driver can be told when to give up, and none of them while it looks up a name.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(ANSWER_S)
    if thread.is_alive():
        raise StudyError(f"`storage` {masked(url)} cannot be reached: no answer within {ANSWER_S:g} s")
    if failures:
        raise _one_line(failures[0], url)


def engine_options(url: str) -> dict[str, Any]:
    """How SQLAlchemy connects: never by making a file that is gone, and anew where a server hung up."""
    if is_server(url):
        return {"connect_args": _connect_arguments(url), "pool_pre_ping": True}
    parsed = _parsed(url)
    if parsed.get_driver_name() != "pysqlite":
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("error", sqlalchemy.exc.SAWarning)
        try:
            (name,), options = parsed.get_dialect()().create_connect_args(parsed)
        except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.SAWarning, ValueError):
            raise StudyError(
                f"`storage` must be sqlite:///FILE, with options of SQLite only where FILE begins with file: "
                f"and uri=true is one of them, got {masked(url)}"
            ) from None
    if not options.get("uri"):
        name = f"file:{quote(name)}"
    if "mode" not in parsed.query:
        name += ("&" if "?" in name else "?") + "mode=rw"
    options = {"timeout": BUSY_S, "check_same_thread": False, **options, "uri": True}
    return {"creator": lambda: sqlite3.connect(name, **options)}


def _has_tables(url: str) -> bool:
    """Whether the database has Optuna's tables; it must be there and answer."""
    with clear_errors(url):
        return sqlalchemy.inspect(_engine(url)).has_table("studies")


def _connected(url: str) -> StudyStorage:
    # Optuna takes braces in a URL for places to fill in.
    plain = _connectable(url).replace("{", "{{").replace("}", "}}")
    for attempt in range(ATTEMPTS):
        try:
            storage = StudyStorage(plain, engine_kwargs=engine_options(url))
            if storage.engine.dialect.name == "postgresql":
                storage.remove_session()
                storage.engine.dispose()
                sqlalchemy.event.listen(storage.engine, "connect", _limit_transactions)
            return storage
        except sqlalchemy.exc.SQLAlchemyError:
            # Another process that makes the same tables at this moment.
            if attempt == ATTEMPTS - 1 or not is_server(url):
                raise
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("unreachable")


def _limit_transactions(connection: Any, _record: object) -> None:
    """Has PostgreSQL end what stops in mid-transaction, whose locks would keep every other driver waiting."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {1000 * LAPSE_S:.0f}")
    connection.commit()


def _make_file(path: Path) -> None:
    """Makes an SQLite database with Optuna's tables, whole or not at all, unless another process does."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        temporary.touch(exist_ok=False)
        storage = _connected(_url_of(temporary.absolute()).render_as_string())
        storage.remove_session()
        storage.engine.dispose()
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            if not path.exists():
                temporary.rename(path)
    finally:
        for name in (temporary.name, f"{temporary.name}-journal"):
            with suppress(OSError):
                path.with_name(name).unlink(missing_ok=True)


# ----------------------------------------------------------------------------------------------------
# One driver owns a study, wherever it lies: its claim is kept in the study's own database.
#
# A claim is one system attribute of the study, which Optuna's schema has room for, and is changed by
# compare-and-set alone. Its owner counts a heartbeat up. Another driver takes a claim over at once where
# its owner ended on this machine, and otherwise when the heartbeat has stood still for :data:`LAPSE_S`: by
# the database's own clock where it has one (PostgreSQL), else as long as it was watched itself. Clocks of
# different machines are never compared.
#
# A driver that was away (stopped, asleep, cut off) may wake up in the middle of a write. So each transaction
# that writes looks at the claim last, and locks it until it is committed: either it is through before the
# claim can be taken over, or nothing of it is.

KEY = "scalesearch:driver"
BEAT_S = 5.0
LAPSE_S = 30.0
"""Seconds that the heartbeat of a driver must stand still before its claim lapses."""
ATTRIBUTES = sqlalchemy.table(
    "study_system_attributes",
    sqlalchemy.column("study_id", sqlalchemy.Integer),
    sqlalchemy.column("key", sqlalchemy.String),
    sqlalchemy.column("value_json", sqlalchemy.Text),
)
# What a connection knows of itself: that it has written, and that what it writes are claims.
WRITTEN, CLAIMS = "scalesearch_written", "scalesearch_claims"
# Claims that this process holds: any other that bears its number is a dead one's.
_HELD: set[str] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """Who works on a study, or did last.

    Attributes:
        host: the machine's name, to be read.
        machine: tells this machine, since it was started, from any other: process numbers mean something on
            the same one alone.
        pid: the process.
        started: when the process began, as the system counts; tells it from a later one of the same number.
        folder: of the run.
        since: when it began, by its own clock, to be read.
        token: tells this claim from any other.
        beat: the heartbeat.
        at: when it beat last, in seconds by the database's clock; None where that has none.
        held: whether the driver still works on it.
    """

    host: str
    machine: str
    pid: int
    started: str
    folder: str
    since: str
    token: str
    beat: int = 0
    at: float | None = None
    held: bool = True

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> _Claim | None:
        """The claim; None where it is none of this version's."""
        try:
            claim = cls(**json.loads(text))
        except (TypeError, ValueError):
            return None
        return claim if isinstance(claim.pid, int) and claim.pid > 0 else None

    def is_over(self) -> bool:
        """Whether it is known that nobody holds it any more."""
        return not self.held or (self.machine == process_space() and not self.is_alive())

    def is_alive(self) -> bool:
        """Whether its process, of this machine, still runs."""
        if self.pid == os.getpid():
            return self.token in _HELD
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:  # another user's
            return True
        state, started = _process(self.pid)
        return state not in ("Z", "X") and started == self.started

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, for the folder {self.folder}, since {self.since}"


def _process(pid: int) -> tuple[str, str]:
    """A process's state and when it began, as Linux tells them; empty elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]


class Ownership:
    """A driver's claim on a study, kept alive by a thread until it is released."""

    def __init__(self, engine: sqlalchemy.Engine, url: str, study_id: int, folder: Path) -> None:
        self._writes_to = engine
        self._engine = engine.execution_options(**{CLAIMS: True})
        self._url = url
        self._study_id = study_id
        self._folder = folder.absolute()
        self._file = database_file(url)
        self._places = {path: identity(path) for path in (self._folder, self._file) if path is not None}
        self._claim = _Claim(
            host=platform.node(),
            machine=process_space(),
            pid=os.getpid(),
            started=_process(os.getpid())[1],
            folder=str(folder.resolve()),
            since=datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
            token=secrets.token_hex(8),
        )
        self._owner: str | None = None
        self._beaten = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)
        self._locked = self._claim_row().with_for_update(read=True)
        self._listeners = (("after_cursor_execute", _note_write), ("commit", self._guard))

    def acquire(self, tell: Callable[[str], None]) -> None:
        """Claims the study.

        Args:
            tell: hears how long there is to wait, where it is not known whether the owner still lives.

        Raises:
            StudyError: if another driver works on it.
        """
        # Before it is written: another thread of this process that reads a claim whose token isn't held
        # takes it for a dead process's, and takes it over.
        _HELD.add(self._claim.token)
        try:
            while True:
                self._beaten = time.time()
                if self._try(tell):
                    break
        except BaseException:
            _HELD.discard(self._claim.token)
            raise
        for name, listener in self._listeners:
            sqlalchemy.event.listen(self._writes_to, name, listener)
        self._thread.start()

    def _try(self, tell: Callable[[str], None]) -> bool:
        there, now = self._read()
        if there is None:
            return self._insert()
        other = _Claim.from_json(there)
        age = None if other is None or other.at is None or now is None else now - other.at
        if other is not None and not other.is_over() and (age is None or age <= LAPSE_S):
            if other.machine == process_space():
                raise self._refusal(other, age)
            self._watch(there, other, age or 0.0, tell)
        elif other is None:
            self._watch(there, None, 0.0, tell)
        return self._swap(there, self._claim)

    def _refusal(self, other: _Claim | None, age: float | None = None) -> StudyError:
        heard = "" if age is None else f", last heard of {max(age, 0.0):.0f} s ago"
        return StudyError(
            f"the study in {masked(self._url)} must be one that no other driver works on, got one of "
            f"{other or 'another version'}{heard}; wait for its end, or name another study"
        )

    def _watch(self, there: str, other: _Claim | None, age: float, tell: Callable[[str], None]) -> None:
        """Watches a claim until it lapses or is given back.

        Args:
            there: the claim as it was read.
            other: the same; None where it is another version's.
            age: seconds since its last beat.
            tell: hears how long there is to wait, where nothing has been heard for two beats.

        Raises:
            StudyError: if its heart beats.
        """
        begun, told = time.monotonic(), False
        while (waited := time.monotonic() - begun) < LAPSE_S - age:
            if not told and waited + age > 2 * BEAT_S:
                told = True
                left, who = LAPSE_S - age - waited, other or "a driver of another version"
                tell(f"Waiting up to {left:.2g} s to see whether the study's last driver still runs: {who}")
            time.sleep(min(1.0, BEAT_S / 5))
            now, clock = self._read()
            if now != there:
                later = _Claim.from_json(now or "")
                if now is None or (later is not None and not later.held):
                    return
                heard = None if later is None or later.at is None or clock is None else clock - later.at
                raise self._refusal(later or other, heard)

    def require(self) -> None:
        """Makes sure that the study is still this driver's, its database and folder the same ones.

        Raises:
            StudyLostError: if not.
        """
        for path, before in self._places.items():
            if identity(path) != before:
                what = "the run's folder" if path == self._folder else "the study's database"
                raise StudyLostError(
                    f"{what} {path} was removed or replaced while the run went on: it ends here, and makes "
                    "nothing anew; what it had stored is where that was moved to, if anywhere"
                )
        # A machine that slept has missed its beats: who may have come in its place?
        if abs(time.time() - self._beaten) > 2 * BEAT_S:
            self._beat()
        if self._owner is not None:
            raise self._lost()

    def require_held(self) -> None:
        """Asks the database whether the study is still this driver's; says nothing where it can't be asked.

        Raises:
            StudyLostError: if another driver has taken it over.
        """
        with suppress(sqlalchemy.exc.SQLAlchemyError):
            self._beat()
        if self._owner is not None:
            raise self._lost()

    def release(self) -> None:
        """Gives the study back; it keeps who worked on it last."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        _HELD.discard(self._claim.token)
        for name, listener in self._listeners:
            with suppress(
                sqlalchemy.exc.InvalidRequestError
            ):  # at the end of Python it may have gone by itself
                sqlalchemy.event.remove(self._writes_to, name, listener)
        with suppress(sqlalchemy.exc.SQLAlchemyError):
            self._swap(self._claim.to_json(), replace(self._claim, held=False))

    def _keep_beating(self) -> None:
        while not self._ended.wait(BEAT_S):
            # A server may be away for a while, and a disk full.
            with suppress(sqlalchemy.exc.SQLAlchemyError):
                self._beat()

    def _beat(self) -> None:
        with self._lock:
            begun = time.time()
            if not self._swap(self._claim.to_json(), replace(self._claim, beat=self._claim.beat + 1)):
                there = _Claim.from_json(self._read()[0] or "")
                if there is None or there.token != self._claim.token:
                    self._owner = str(there or "which has gone")
                    return
                self._claim = there  # written, though its server did not come to saying so
            self._beaten = begun

    def _guard(self, connection: sqlalchemy.Connection) -> None:
        """Lets a transaction that has written be committed only while the study is this driver's.

        Raises:
            StudyLostError: if it is not.
        """
        if not connection.info.pop(WRITTEN, False) or connection.get_execution_options().get(CLAIMS):
            return
        there = connection.execute(self._locked).scalar()
        claim = _Claim.from_json(there or "")
        if claim is None or claim.token != self._claim.token:
            self._owner = str(claim or "which has gone")
            raise self._lost()

    def _lost(self) -> StudyLostError:
        return StudyLostError(
            f"the study in {masked(self._url)} was taken over by another driver while this one was away, "
            f"{self._owner}: this one ends and has written nothing since"
        )

    def _where(self) -> Any:
        return (ATTRIBUTES.c.study_id == self._study_id) & (ATTRIBUTES.c.key == KEY)

    def _claim_row(self) -> sqlalchemy.Select[Any]:
        return sqlalchemy.select(ATTRIBUTES.c.value_json).where(self._where())

    def _clock(self, connection: sqlalchemy.Connection) -> float | None:
        """Seconds by the database's clock; None where it has none of its own that is known to be exact."""
        if connection.dialect.name != "postgresql":
            return None
        seconds = sqlalchemy.extract("epoch", sqlalchemy.func.clock_timestamp())
        return float(connection.execute(sqlalchemy.select(seconds)).scalar_one())

    def _read(self) -> tuple[str | None, float | None]:
        """The claim, and what time it was in the database then."""
        with self._engine.begin() as connection:
            value: str | None = connection.execute(self._claim_row()).scalar()
            return value, self._clock(connection)

    def _insert(self) -> bool:
        try:
            with self._engine.begin() as connection:
                claim = replace(self._claim, at=self._clock(connection))
                row = {"study_id": self._study_id, "key": KEY, "value_json": claim.to_json()}
                connection.execute(ATTRIBUTES.insert().values(**row))
        except sqlalchemy.exc.IntegrityError:  # another driver was faster
            return False
        self._claim = claim
        return True

    def _swap(self, before: str, after: _Claim) -> bool:
        """Makes ``after`` the claim if it is still ``before``, and says whether it was."""
        change = ATTRIBUTES.update().where(self._where() & (ATTRIBUTES.c.value_json == before))
        with self._engine.begin() as connection:
            claim = replace(after, at=self._clock(connection))
            changed = connection.execute(change.values(value_json=claim.to_json())).rowcount == 1
        if changed:
            self._claim = claim
        return bool(changed)


def _note_write(
    connection: sqlalchemy.Connection, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool
) -> None:
    if context is not None and (context.isinsert or context.isupdate or context.isdelete):
        connection.info[WRITTEN] = True


def is_known_to(url: str, folder: Path) -> bool:
    """Whether a study in the database was last worked on for this folder, or one within it.

    Raises:
        StudyError: if the database cannot be read.
    """
    with clear_errors(url):
        engine = _engine(url)
        if not sqlalchemy.inspect(engine).has_table(ATTRIBUTES.name):
            return False
        with engine.begin() as connection:
            rows = connection.execute(
                sqlalchemy.select(ATTRIBUTES.c.value_json).where(ATTRIBUTES.c.key == KEY)
            ).scalars()
            claims = [claim for text in rows if (claim := _Claim.from_json(text)) is not None]
    return any(Path(claim.folder).is_relative_to(folder.resolve()) for claim in claims)
