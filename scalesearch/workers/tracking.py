"""Looks passed on to a tracker that people watch: TensorBoard, MLflow, Weights & Biases or trackio.

The tracker lives in a process of its own, that is told of every look over a pipe: whatever it does, raise,
hang, print or die, training goes on and is told of it once. Its package is imported there alone, and only
when it is asked for. No tracker uses the network unless the user's environment tells it to.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from scalesearch.text import one_line

TRACKING = "tracking"
"""The folder, in a run's, of what a tracker keeps."""
GRACE_S = 30.0
"""How long a tracker may take to end once everything is told."""
VALUES = ("train_loss", "loss", "top1", "seconds")
# Unless the environment says otherwise: nothing goes over the network, nobody is told who uses what.
QUIET = MappingProxyType(
    {
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
)


class Adapter(Protocol):
    """A tracker as it is used here; made of a folder of its own and the name of what its runs belong to."""

    def __init__(self, folder: Path, project: str) -> None: ...

    def start(self, run: str, facts: Mapping[str, Any]) -> None:
        """A training run begins, or goes on."""

    def look(self, run: str, images: int, values: Mapping[str, float]) -> None:
        """A run had a look after so many images."""

    def end(self, run: str, *, whole: bool) -> None:
        """Nothing more comes of a run; ``whole``: it was trained as far as was asked."""


class TensorBoard:
    """A folder of event files for each run: ``tensorboard --logdir``."""

    def __init__(self, folder: Path, project: str) -> None:
        self._writer: Any = importlib.import_module("torch.utils.tensorboard").SummaryWriter
        self._folder = folder
        self._runs: dict[str, Any] = {}

    def start(self, run: str, facts: Mapping[str, Any]) -> None:
        """See :class:`Adapter`."""
        new = not (self._folder / run).exists()
        writer = self._runs[run] = self._writer(log_dir=str(self._folder / run))
        if new:
            writer.add_text("run", "".join(f"    {line}\n" for line in _lines(facts)))

    def look(self, run: str, images: int, values: Mapping[str, float]) -> None:
        """See :class:`Adapter`."""
        for name, value in values.items():
            self._runs[run].add_scalar(name, value, global_step=images)
        self._runs[run].flush()

    def end(self, run: str, *, whole: bool) -> None:
        """See :class:`Adapter`."""
        self._runs.pop(run).close()


class MLflow:
    """A run of MLflow for each: in a database in the folder, or where MLFLOW_TRACKING_URI says."""

    def __init__(self, folder: Path, project: str) -> None:
        client: Any = importlib.import_module("mlflow").MlflowClient
        # Not a folder of files, which MLflow has given up.
        local = f"sqlite:///{folder / 'mlflow.db'}"
        given = os.environ.get("MLFLOW_TRACKING_URI")
        self._client = client(tracking_uri=given or local)
        experiment = self._client.get_experiment_by_name(project)
        if experiment is not None:
            self._experiment: str = experiment.experiment_id
        else:
            place = None if given else (folder / "artifacts").as_uri()
            self._experiment = self._client.create_experiment(project, artifact_location=place)
        self._runs: dict[str, str] = {}

    def start(self, run: str, facts: Mapping[str, Any]) -> None:
        """See :class:`Adapter`."""
        known = self._client.search_runs([self._experiment], filter_string=f"tags.scalesearch_run = '{run}'")
        if known:
            self._runs[run] = known[0].info.run_id
            self._client.update_run(self._runs[run], status="RUNNING")
            return
        made = self._client.create_run(self._experiment, tags={"scalesearch_run": run}, run_name=run)
        self._runs[run] = made.info.run_id
        for name, value in _flat(facts).items():
            self._client.log_param(self._runs[run], name, value)

    def look(self, run: str, images: int, values: Mapping[str, float]) -> None:
        """See :class:`Adapter`."""
        for name, value in values.items():
            self._client.log_metric(self._runs[run], name, value, step=images)

    def end(self, run: str, *, whole: bool) -> None:
        """See :class:`Adapter`."""
        self._client.set_terminated(self._runs.pop(run), status="FINISHED" if whole else "KILLED")


class WandB:
    """A run of Weights & Biases for each, side by side: offline, unless WANDB_MODE says otherwise."""

    def __init__(self, folder: Path, project: str) -> None:
        self._wandb: Any = importlib.import_module("wandb")
        self._folder, self._project = folder, project
        self._runs: dict[str, Any] = {}

    def start(self, run: str, facts: Mapping[str, Any]) -> None:
        """See :class:`Adapter`."""
        mode = os.environ.get("WANDB_MODE") or "offline"
        self._runs[run] = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT") or "scalesearch",
            group=self._project,
            name=run,
            # The same run where training goes on; this folder's, of all that are kept in one place.
            id=hashlib.sha256(f"{self._folder}/{run}".encode()).hexdigest()[:16],
            dir=str(self._folder),
            config=dict(facts),
            mode=mode,
            resume=None if mode == "offline" else "allow",
            reinit="create_new",
            settings=self._wandb.Settings(silent=True, console="off"),
        )

    def look(self, run: str, images: int, values: Mapping[str, float]) -> None:
        """See :class:`Adapter`."""
        self._runs[run].log(dict(values), step=images)

    def end(self, run: str, *, whole: bool) -> None:
        """See :class:`Adapter`."""
        self._runs.pop(run).finish(exit_code=0 if whole else 1)


class Trackio:
    """A run of trackio for each: in the folder, unless TRACKIO_DIR, _SPACE_ID or _SERVER_URL is set."""

    def __init__(self, folder: Path, project: str) -> None:
        # Read when it is imported. Without a Space of its own it has nothing to ask the Hub.
        os.environ.setdefault("TRACKIO_DIR", str(folder))
        if not any(os.environ.get(f"TRACKIO_{name}") for name in ("SPACE_ID", "SERVER_URL")):
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
        self._trackio: Any = importlib.import_module("trackio")
        self._project = project
        self._runs: dict[str, Any] = {}

    def start(self, run: str, facts: Mapping[str, Any]) -> None:
        """See :class:`Adapter`."""
        self._runs[run] = self._trackio.init(
            project=self._project,
            name=run,
            config=dict(facts),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
        )

    def look(self, run: str, images: int, values: Mapping[str, float]) -> None:
        """See :class:`Adapter`."""
        self._runs[run].log(dict(values), step=images)

    def end(self, run: str, *, whole: bool) -> None:
        """See :class:`Adapter`."""
        self._runs.pop(run).finish()


TRACKERS: Mapping[str, tuple[str, type[Adapter]]] = MappingProxyType(
    {
        "tensorboard": ("tensorboard", TensorBoard),
        "mlflow": ("mlflow", MLflow),
        "wandb": ("wandb", WandB),
        "trackio": ("trackio", Trackio),
    }
)
"""Each tracker's package and its adapter."""


def missing_package(name: str) -> str:
    """What installs a tracker's package, as the end of an error; empty where it is there."""
    package, _ = TRACKERS[name]
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    # A folder of that name in the current one, as wandb makes, is no package.
    if spec is not None and spec.origin is not None:
        return ""
    return f"which needs its package: pip install 'scalesearch[{name}]'"


class Tracker:
    """A tracker at work: told of looks, it never waits; ended, it is waited for a while.

    Args:
        name: one of :data:`TRACKERS`.
        folder: of what it keeps; made if need be.
        project: what the training runs belong to.
        log_path: of the file that takes what it prints.
        tell: says a line to the user, of a tracker that fails.
    """

    def __init__(
        self, name: str, folder: Path, project: str, log_path: Path, tell: Callable[[str], None]
    ) -> None:
        self._name = name
        self._log_path = log_path
        self._tell = tell
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._open: set[str] = set()
        self._told = False
        self._thread: threading.Thread | None = None
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            log_path.parent.mkdir(parents=True, exist_ok=True)
            self._process = context.Process(
                target=serve, args=(theirs, name, str(folder.resolve()), project, str(log_path)), daemon=True
            )
            with _safe_path():
                self._process.start()
        except OSError as error:
            self._fail(f"{error.filename or folder} ({error.strerror or error})")
            return
        theirs.close()
        self._thread = threading.Thread(target=self._pass_on, args=(ours,), daemon=True)
        self._thread.start()

    def look(self, task: str, run: Mapping[str, Any], look: Mapping[str, Any]) -> None:
        """Passes on a look of a training run."""
        if task not in self._open:
            self._open.add(task)
            self._messages.put({"do": "start", "run": task, "facts": dict(run)})
        values = {name: look[name] for name in VALUES if look[name] is not None}
        self._messages.put({"do": "look", "run": task, "images": look["images"], "values": values})

    def ended(self, task: str, *, whole: bool) -> None:
        """Passes on that nothing more comes of a training run."""
        if task in self._open:
            self._open.discard(task)
            self._messages.put({"do": "end", "run": task, "whole": whole})

    def close(self) -> None:
        """Ends the tracker; one that has not ended after a while is killed."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        for task in sorted(self._open):
            self.ended(task, whole=False)
        self._messages.put(None)
        thread.join(timeout=GRACE_S)
        if thread.is_alive():
            self._fail(f"it has not ended after {GRACE_S:g} s, and was killed")
        self._process.kill()
        self._process.join(timeout=GRACE_S)

    def _pass_on(self, connection: Connection) -> None:
        """Sends what is told to the process; at the end, or where it fails, waits for its last word."""
        try:
            while (message := self._messages.get()) is not None:
                connection.send_bytes(json.dumps(message).encode())
                if connection.poll():
                    break
            else:
                connection.send_bytes(b"null")
            last = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            last = {"reason": "its process ended"}
            with suppress(EOFError, OSError):  # what it said before
                last = json.loads(connection.recv_bytes())
        if last["reason"]:
            self._fail(last["reason"])

    def _fail(self, reason: str) -> None:
        if not self._told:
            self._told = True
            see = f" (see {self._log_path})" if Path(self._log_path).exists() else ""
            self._tell(
                f"Note: {self._name} does not track this run: {reason}; training goes on without it{see}"
            )


def serve(connection: Connection, name: str, folder: str, project: str, log_path: str) -> None:
    """A tracker's process: passes on what the connection tells, until it ends; then says how it went."""
    # Ctrl-C is the driver's to handle: a terminal sends it to every process of its group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o644)
    for handle in (1, 2):
        os.dup2(log, handle)
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    reason = ""
    try:
        _, adapter = TRACKERS[name]
        _follow(connection, adapter(Path(folder), project))
    except BaseException as error:  # somebody else's code, which may end itself
        import traceback

        reason = one_line(error)
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    with suppress(OSError):
        connection.send_bytes(json.dumps({"reason": reason}).encode())


def _follow(connection: Connection, adapter: Adapter) -> None:
    runs: dict[str, None] = {}
    while True:
        try:
            message = json.loads(connection.recv_bytes())
        except EOFError:  # the driver was killed: what is known is kept
            message = None
        if message is None:
            break
        run = message["run"]
        if message["do"] == "start":
            adapter.start(run, message["facts"])
            runs[run] = None
        elif message["do"] == "look":
            adapter.look(run, message["images"], message["values"])
        else:
            adapter.end(run, whole=message["whole"])
            runs.pop(run, None)
    for run in list(runs):
        adapter.end(run, whole=False)


@contextmanager
def _safe_path() -> Iterator[None]:
    """A Python that starts meanwhile does not look for modules in the current folder first."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _lines(facts: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {value}" for name, value in _flat(facts).items()]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested facts by names such as ``recipe.looks``."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
