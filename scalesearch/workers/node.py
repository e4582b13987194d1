"""A node: the part of an engine that lives on another machine, and runs jobs by that machine's processes.

Jobs come with the bytes of the files that they go on from, and everything that becomes of them goes back in
messages: steps, looks, from time to time with the checkpoint as it was then, results with weights, reasons of
failures, logs. So a run of a node that is gone goes on elsewhere from the last checkpoint that it sent.
Nothing here knows of the engine that brings its jobs.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from platform import python_version
from typing import Any

import scalesearch
from scalesearch.files import inside, write_bytes
from scalesearch.hardware.device import device_kind
from scalesearch.hardware.machine import process_space
from scalesearch.text import one_line
from scalesearch.training.dataset import DataSpec
from scalesearch.training.folders import Member, memory_folder, open_file, read_tree
from scalesearch.workers.executor import Executor, TrialFailedError, WorkerLostError, training_executor
from scalesearch.workers.jobs import FactsSpec
from scalesearch.workers.worker import ELSEWHERE

FILES = ("checkpoint", "weights", "start")
"""The fields of a job that are paths of files."""
LOG_BYTES = 64 * 2**10
"""So much of the end of a job's log goes back."""
PIECE_BYTES = 64 * 2**20
"""Bytes of a piece of data that are sent."""
CODE = ("torch", "torchvision")
"""Packages that decide what training gives, beside scalesearch itself."""
PREFIX = "scalesearch-node-"

# ----------------------------------------------------------------------------------------------------
# Which code a machine has.


@cache
def code() -> Mapping[str, str]:
    """What decides what training gives here, by name: versions, and a digest of scalesearch's own files."""
    root = Path(scalesearch.__file__).parent
    content = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        content.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    here = {"scalesearch": f"{scalesearch.__version__} (files {content.hexdigest()[:8]})"}
    for package in CODE:
        try:
            # What follows the plus sign names a build, such as that for a GPU, which nodes may differ in.
            here[package] = version(package).partition("+")[0]
        except PackageNotFoundError:
            here[package] = "not installed"
    return here


def difference(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """The first thing that is another one on two machines, in words; empty where they have the same."""
    for name, value in here.items():
        if (other := there.get(name, "not installed")) != value:
            return f"{name} {other} there and {value} here"
    return ""


# ----------------------------------------------------------------------------------------------------
# Data that are sent to a node: packed once, unpacked once on each machine, under their identity.


@contextmanager
def packed(place: Path) -> Iterator[Iterator[bytes]]:
    """A file or a folder as an archive, whole on this machine's disk before its first piece is given.

    Of a folder it is what the listing of its images takes: links stay links, so that it lists alike there.

    Raises:
        DataError: if a folder can't be read.
        OSError: if a file can't be read, or there is no room for the archive.
    """
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            if place.is_dir():
                for member in read_tree(place).members("data", "aside"):
                    _add(archive, member)
            else:
                archive.add(place.resolve(), arcname="data")
        file.seek(0)
        yield iter(lambda: file.read(PIECE_BYTES), b"")


def _add(archive: tarfile.TarFile, member: Member) -> None:
    header = tarfile.TarInfo(member.name)
    if member.path:
        with open_file(member.path, member.stamp) as file:
            header.size = member.stamp[2]
            archive.addfile(header, file)
        return
    if member.link:
        header.type, header.linkname = (tarfile.LNKTYPE if member.hard else tarfile.SYMTYPE), member.link
    else:
        header.type, header.mode = tarfile.DIRTYPE, 0o755
    archive.addfile(header)


def identity_of(data: Mapping[str, Any]) -> str:
    """What data that are sent are known by: the digest of their content, or of what they are asked for by."""
    return data["digest"] or hashlib.sha256(json.dumps(dict(data), sort_keys=True).encode()).hexdigest()


def kept_data(digest: str) -> Path:
    """Where data that were sent are kept on this machine: under the user's cache, by their identity."""
    folder = memory_folder() or Path(tempfile.gettempdir()) / "scalesearch"
    return inside(folder, "sent", digest, "data")


def keep_data(digest: str, pieces: Iterable[bytes]) -> Path:
    """Unpacks an archive of data where :func:`kept_data` says, unless it is there.

    Raises:
        OSError: if it can't be written, or Python here unpacks nothing safely.
    """
    place = kept_data(digest)
    if place.exists():
        return place
    if not hasattr(tarfile, "data_filter"):
        raise OSError(f"no Python that unpacks archives safely (3.11.4 does, {python_version()} does not)")
    place.parent.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent.parent) as folder:
        archive = Path(folder) / "archive"
        with archive.open("wb") as file:
            file.writelines(pieces)
        with tarfile.open(archive) as packed_data:
            packed_data.extractall(Path(folder) / "whole", filter="data")
        with suppress(OSError):  # another of this machine's workers was quicker
            (Path(folder) / "whole").rename(place.parent)
    return place


# ----------------------------------------------------------------------------------------------------
# The node itself.


class Node:
    """Runs jobs in a folder of its own, which goes with it.

    Messages are plain data but for bytes. Each names its job by ``id``: ``{"event": "step", "done", "of"}``;
    ``look`` with ``curve``, ``seconds`` and ``checkpoint``; ``result`` with ``result``, ``weights`` and
    ``checkpoint``; ``failure`` with ``reason``, whether its log says more (``see_log``), and whether the job
    may do well on another node (``elsewhere``) or the data are not here (``lacks``: their place). The last
    two have ``log``. ``note`` has ``text``.

    A checkpoint comes with a look only where the last one is long enough ago for its size, and with the
    result of a run that goes on later. Elsewhere it is None: what came before still holds.
    """

    def __init__(
        self,
        *,
        device: str,
        most: int,
        stall_timeout: float | None,
        checkpoint_bytes_s: float = math.inf,
    ) -> None:
        """Starts what runs jobs.

        Args:
            device: a kind of device, of which it takes all that it sees.
            most: jobs that run at a time.
            stall_timeout: as :class:`~scalesearch.workers.engines.Work` has it.
            checkpoint_bytes_s: bytes of checkpoints that a job may send each second, on average.
        """
        _sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_prefix()}{os.getpid()}-"))
        self._code = self._folder / "code"
        self._code.mkdir()
        # A user's own code is looked for in the current folder, by the processes that are started from here.
        os.chdir(self._code)
        self._kind, self.checkpoint_bytes_s = device_kind(device), checkpoint_bytes_s
        self._changed = threading.Condition()
        self._messages: list[dict[str, Any]] = []
        self._steps: dict[int, dict[str, Any]] = {}
        self._executor: Executor = training_executor(
            device,
            jobs=most,
            log_dir=self._folder / "logs",
            stall_timeout=stall_timeout,
            # The log that a note may name is no file of whoever reads it.
            on_note=lambda text: self._say({"event": "note", "text": re.sub("; see logs/[^ ;]+", "", text)}),
        )

    def begin(
        self, number: int, job: Mapping[str, Any], files: Mapping[str, bytes], code: Mapping[str, bytes]
    ) -> None:
        """Starts a job, known by ``number``, that goes on from ``files``, by the names of its fields.

        ``code`` has the user's own Python files, by their relative paths.
        """
        try:
            for name, content in code.items():
                path = inside(self._code, *name.split("/"))
                if not path.exists() or path.read_bytes() != content:
                    write_bytes(path, content)
            folder = self._folder / "jobs" / str(number)
            paths = {
                name: folder / name / "run.safetensors" for name in FILES if job.get(name) or name in files
            }
            for name, path in paths.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                if name in files:
                    path.write_bytes(files[name])
            here = dict(job) | {name: str(path) for name, path in paths.items()}
            run = _Job(self, number, here, paths)
            future = self._executor.submit(here, run.step, run.look)
        except (OSError, ValueError) as error:
            self._say({"id": number, "log": b"", **self.failure(one_line(error))})
            return
        future.add_done_callback(run.ended)

    def messages(self, wait_s: float) -> Sequence[dict[str, Any]]:
        """What has happened since it was last asked; waits so long at the most where nothing has.

        Steps alone are not worth a message at once: the last of each job comes with the next one.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._messages, wait_s)
            told = [*self._steps.values(), *self._messages]
            self._messages, self._steps = [], {}
        return told

    def shutdown(self) -> None:
        """Ends what runs, and removes the folder."""
        self._executor.shutdown(kill=True)
        os.chdir(tempfile.gettempdir())
        shutil.rmtree(self._folder, ignore_errors=True)

    def facts(
        self, device: str, data: Mapping[str, Any], sent: Iterable[bytes] | None = None
    ) -> dict[str, Any]:
        """What this machine is, and whether it has the data: as ``FactsSpec`` says.

        Args:
            device: kind of device.
            data: a dataset as plain data, with its place from the root on; empty for none.
            sent: pieces of an archive of them, to be kept if they are not there; None where nothing is sent,
                empty where they may have been before.

        Returns:
            The job's result, with where sent data lie under ``sent``; empty where they were not needed.

        Raises:
            TrialFailedError: if that can't be found out.
            OSError: if what was sent can't be kept.
        """

        def ask(data: Mapping[str, Any]) -> dict[str, Any]:
            spec = FactsSpec(key="facts", device=device, data=data)
            return self._executor.submit(spec.to_dict(), lambda _done, _of: None).result()

        told = ask(data)
        if not told["problem"] or not data["place"] or sent is None:
            return told | {"sent": ""}
        place, pieces = kept_data(identity_of(data)), iter(sent)
        if not place.exists():
            if (first := next(pieces, None)) is None:
                return told | {"sent": ""}
            keep_data(identity_of(data), chain([first], pieces))
        return ask({**data, "place": str(place)}) | {"sent": str(place)}

    @staticmethod
    def failure(
        reason: str, *, elsewhere: bool = True, lacks: str = "", see_log: bool = False
    ) -> dict[str, Any]:
        """A message of a job that failed, but for its number and its log."""
        told = {"reason": reason, "elsewhere": elsewhere, "lacks": lacks, "see_log": see_log}
        return {"event": "failure", **told}

    def _say(self, message: dict[str, Any]) -> None:
        with self._changed:
            if message["event"] == "step":
                self._steps[message["id"]] = message
                return
            if message["event"] in ("result", "failure"):
                # What is told of a job after its end would be news of nothing.
                self._steps.pop(message["id"], None)
            self._messages.append(message)
            self._changed.notify_all()

    def _log(self, job: Mapping[str, Any], named: str) -> bytes:
        """The end of what a job logged; of its device's process, where that runs many jobs, what it did."""
        logs = self._folder / "logs"
        with suppress(OSError):
            path = logs / (named or f"{job['key']}.{job['kind']}.log")
            if not path.exists():  # a device's own, such as cuda-0.1.log: one for each process it had
                path = max(
                    logs.glob(f"{self._kind}*.log"), key=lambda log: log.stat().st_mtime_ns, default=path
                )
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - LOG_BYTES))
                return file.read()
        return b""


class _Job:
    """A job of a node under way: what is heard of it becomes messages."""

    def __init__(self, node: Node, number: int, job: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
        self._node, self._number, self._job, self._paths = node, number, job, paths
        self._sent_at = time.monotonic()
        self._unsent = False  # whether there is a later checkpoint than the one that was sent

    def step(self, done: int, steps: int) -> None:
        self._node._say({"event": "step", "id": self._number, "done": done, "of": steps})

    def look(self, curve: Sequence[Mapping[str, Any]], seconds: float) -> None:
        self._node._say(
            {
                "event": "look",
                "id": self._number,
                "curve": list(curve),
                "seconds": seconds,
                "checkpoint": self._checkpoint(),
            }
        )

    def ended(self, future: Future[dict[str, Any]]) -> None:
        message: dict[str, Any] = {"id": self._number}
        log = ""
        try:
            result, weights = future.result(), self._content("weights")
            # Weights that lie beside no result are told from whole ones by the checkpoint that has both.
            last = self._unsent and (weights is not None or not result.get("complete", True))
            checkpoint = self._content("checkpoint") if last else None
            message |= {"event": "result", "result": result, "weights": weights, "checkpoint": checkpoint}
        except TrialFailedError as failure:
            log, reason = failure.log, failure.reason
            elsewhere = isinstance(failure, WorkerLostError) or reason.startswith(ELSEWHERE)
            message |= self._node.failure(
                reason, elsewhere=elsewhere, lacks=self._lacking(), see_log=bool(log)
            )
            # Whoever tries again goes on from there.
            message["checkpoint"] = self._content("checkpoint") if self._unsent else None
        except BaseException as error:  # or somebody would wait for good
            message |= self._node.failure(one_line(error))
        message["log"] = self._node._log(self._job, log)
        shutil.rmtree(self._node._folder / "jobs" / str(self._number), ignore_errors=True)
        self._node._say(message)

    def _checkpoint(self) -> bytes | None:
        """The checkpoint, where it is time to send it: the larger it is, the less often."""
        now, content = time.monotonic(), None
        with suppress(OSError, KeyError):  # a run that has only just begun has none
            size = self._paths["checkpoint"].stat().st_size
            self._unsent = now < self._sent_at + size / self._node.checkpoint_bytes_s
            if not self._unsent:
                content, self._sent_at = self._content("checkpoint"), now
        return content

    def _content(self, name: str) -> bytes | None:
        path = self._paths.get(name)
        try:
            return None if path is None else path.read_bytes()
        except OSError:
            return None

    def _lacking(self) -> str:
        return lacking(self._job["data"]) if self._job.get("data") else ""


def lacking(data: Mapping[str, Any]) -> str:
    """Where data should lie on this machine, if they do not; else empty."""
    spec = DataSpec(**data)
    place = spec.folder if spec.at_path else None
    if spec.name in ("cifar10", "cifar100"):
        place = Path(spec.data_dir).expanduser()
    return "" if place is None or place.exists() else str(place)


def _prefix() -> str:
    """What folders' names begin with whose owners can be asked for here: containers may share a folder."""
    return f"{PREFIX}{hashlib.sha256(process_space().encode()).hexdigest()[:12]}-"


def _sweep() -> None:
    """Removes what nodes left behind that were killed on this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        owner = folder.name.removeprefix(_prefix()).partition("-")[0]
        if not owner.isdecimal() or sys.platform == "win32":
            continue
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
