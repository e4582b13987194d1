"""Jobs handed to processes of this machine and their devices, and results in order."""

from __future__ import annotations

import gc
import json
import math
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from scalesearch.files import inside
from scalesearch.hardware.largest_batch import is_out_of_memory
from scalesearch.records import CurvePoint
from scalesearch.workers.jobs import CountSpec
from scalesearch.workers.worker import (
    STEPS_BETWEEN_MESSAGES,
    Trial,
    TrialSpec,
    log_line,
    print_to,
    reason_of_failure,
    settle_torch,
    work,
)

# ----------------------------------------------------------------------------------------------------
# Where trials run: a small protocol in the manner of concurrent.futures, and its default on this machine.

Job = Mapping[str, Any]
OnStep = Callable[[int, int], None]
OnLook = Callable[[Sequence[Mapping[str, Any]], float], None]
"""Hears all looks of a training run so far, and the seconds trained until the last of them."""
# What workers need and takes seconds to load: to train, or to measure alone.
TO_TRAIN = (
    "scalesearch.workers.worker",
    "scalesearch.training.loop",
    "torchvision",
    "torch._inductor.config",  # torch loads it, in seconds, when it is asked to be deterministic
)
TO_MEASURE = ("scalesearch.workers.worker", "scalesearch.networks.build")


class TrialFailedError(Exception):
    """A job ended without a result; the message is the reason, fit for a table.

    Attributes:
        reason: the same without the file to look at.
        log: the name of that file in the folder of logs; empty where it says no more.
    """

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(f"{reason}; see logs/{log}" if log else reason)
        self.reason, self.log = reason, log


class WorkerLostError(TrialFailedError):
    """A worker is gone and has said nothing: what it ran may do well elsewhere, or another time."""


class Executor(Protocol):
    """Runs jobs of plain data. A future gives the job's result, or raises :class:`TrialFailedError`."""

    def submit(
        self, job: Job, on_step: OnStep, on_look: OnLook = lambda _curve, _seconds: None
    ) -> Future[dict[str, Any]]:
        """Starts ``job`` as soon as there is room.

        Both are called from another thread: ``on_step`` hears (done, steps), ``on_look`` the looks of a
        training run when it is taken up and after each of them.
        """
        ...

    def shutdown(self, *, kill: bool = False) -> None:
        """Ends the executor: waits for what runs, or with ``kill`` ends it at once."""
        ...


class ProcessExecutor:
    """A fresh process for each job, ``jobs`` at a time: a crash or an out-of-memory kill costs one trial.

    Where the system can, the processes are forked from one that has loaded torch but never used it, which
    saves each of them the seconds that loading takes. A worker that says nothing for ``stall_timeout``
    seconds is taken for hung and killed.
    """

    def __init__(
        self,
        *,
        jobs: int,
        log_dir: Path,
        preload: Sequence[str] = TO_TRAIN,
        stall_timeout: float | None = None,
    ) -> None:
        self._threads = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="trial")
        self._log_dir = log_dir
        self._stall_timeout = stall_timeout
        self._running: set[BaseProcess] = set()
        self._has_logged = False
        self._lock = threading.Lock()
        self._ending = False
        self._context = process_context(preload)

    def submit(
        self, job: Job, on_step: OnStep, on_look: OnLook = lambda _curve, _seconds: None
    ) -> Future[dict[str, Any]]:
        """See :class:`Executor`."""
        return self._threads.submit(self._run, job, on_step, on_look)

    def shutdown(self, *, kill: bool = False) -> None:
        """See :class:`Executor`."""
        if kill:
            with self._lock:
                self._ending = True
                for process in self._running:
                    process.kill()
        self._threads.shutdown(wait=True, cancel_futures=kill)

    def _run(self, job: Job, on_step: OnStep, on_look: OnLook) -> dict[str, Any]:
        log_path = inside(self._log_dir.parent, self._log_dir.name, f"{job['key']}.{job['kind']}.log")
        # A folder that was there and is not any more was removed: it is not brought back.
        self._log_dir.mkdir(parents=not self._has_logged, exist_ok=True)
        self._has_logged = True
        process, connection = self._start(log_path)
        try:
            with connection:
                last = _converse(connection, job, on_step, on_look, self._stall_timeout)
                if last.get("event") == "silence":
                    process.kill()
                process.join()
        finally:
            with self._lock:
                self._running.discard(process)
        if last.get("event") == "result":
            result: dict[str, Any] = last["result"]
            return result
        if last.get("event") == "failure":
            raise TrialFailedError(last["reason"])
        if last.get("event") == "silence":
            reason = f"the worker said nothing for {self._stall_timeout:g} s and was killed"
            raise TrialFailedError(reason, log_path.name)
        raise WorkerLostError(death(process.exitcode), log_path.name)

    def _start(self, log_path: Path) -> tuple[BaseProcess, Connection]:
        with self._lock:
            if self._ending:
                raise TrialFailedError("stopped")
            ours, theirs = self._context.Pipe()
            process: BaseProcess = self._context.Process(target=work, args=(theirs, str(log_path)))
            with without_script():
                process.start()
            # Only the worker may hold its end: its death is then the end of the conversation.
            theirs.close()
            self._running.add(process)
        return process, ours


@contextmanager
def without_script() -> Iterator[None]:
    """Processes started within are not to run the caller's script again, as multiprocessing would have them.

    Jobs are plain data and their code is ours, so that a script needs no ``if __name__ == "__main__"``.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def process_context(preload: Sequence[str]) -> Any:
    """What starts processes: forked, where the system can, from one that has loaded those modules."""
    forkserver = "forkserver" in multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if forkserver else "spawn")
    if forkserver:
        context.set_forkserver_preload(list(preload))
        _start_server()
    return context


def _start_server() -> None:
    """Starts the process that workers are forked from, unless it runs already."""
    from multiprocessing import forkserver  # not there on every system

    # It would look for modules in the current folder first: a file named torch.py there must not be loaded.
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _converse(
    connection: Connection, job: Job, on_step: OnStep, on_look: OnLook, stall_timeout: float | None
) -> dict[str, Any]:
    """Hands over the job and follows the worker's messages; returns the last one, {} where there is none.

    A silence longer than ``stall_timeout`` seconds ends it with an event of that name.
    """
    last: dict[str, Any] = {}
    try:
        connection.send_bytes(json.dumps(dict(job)).encode())
        while last.get("event") not in ("result", "failure"):
            if not connection.poll(stall_timeout):
                return {"event": "silence"}
            last = json.loads(connection.recv_bytes())
            if last["event"] == "step":
                on_step(last["done"], last["of"])
            elif last["event"] == "look":
                on_look(last["curve"], last["seconds"])
    except (EOFError, OSError):  # the worker is gone
        return {}
    return last


def death(code: int | None) -> str:
    """How a process ended that said nothing."""
    if code is None or code >= 0:
        return f"the worker ended with exit code {code} and no result"
    name = signal.Signals(-code).name
    hint = " (often the system, out of memory)" if name == "SIGKILL" else ""
    return f"the worker was killed by {name}{hint}"


# ----------------------------------------------------------------------------------------------------
# Training on accelerators: one process a device, which trains many runs side by side.
#
# A small network leaves most of a GPU idle, and the first steps of each new one take seconds. So runs share
# a process: as many at a time as memory and speed allow, which is measured while they train. A fault costs
# no more than the runs in flight, which are then tried again one by one, from their checkpoints. What a run
# gives does not depend on its neighbours.
#
# Messages to a device's process: ``{"event": "run", "id": n, "job": {...}}``. From it: ``{"event": "room",
# "runs": n}``, how many more it would take; ``step``, ``look``, ``result`` and ``failure`` as a worker's
# (``workers.worker``) with the run's ``id``; ``{"event": "crowded", "id": n}`` where there was no memory
# for a run beside the others; ``{"event": "note", "text": ...}`` for the user.

WINDOW_S = 2.0
WORTH = 1.1
"""Twice as many runs are worth it where they see at least that many times the images."""
SPARE_MEMORY = 1.25
"""What has to be free for another run, relative to what the largest one took."""
WAIT_S = 0.2
IDLE_S = 0.0005
TURNS_AHEAD = 24
"""Turns that runs are given before a new one begins, which keeps Python for seconds."""


class Crowd:
    """How many runs train side by side on a device: twice as many as long as that is faster.

    Attributes:
        limit: how many may.
    """

    def __init__(self, most: int, first: int = 1) -> None:
        """``most`` is how many may train side by side at the most, ``first`` before anything is measured."""
        self.limit = min(first, most)
        self._most = most
        self._settled = self.limit == most
        self._before = (0, 0.0)

    def measured(self, runs: int, images_per_second: float) -> None:
        """Takes in how fast so many runs side by side were."""
        if self._settled or runs < self.limit:
            return
        if images_per_second < WORTH * self._before[1]:
            # More are no faster: as few as give the same.
            self.limit, self._settled = self._before[0], True
            return
        self._before = (runs, images_per_second)
        self.limit = min(2 * self.limit, self._most)
        self._settled = self.limit == runs

    def was_too_large(self, runs: int) -> None:
        """Takes in that there was no memory for so many."""
        self.limit, self._settled = max(1, min(self.limit, runs - 1)), True


@dataclass(slots=True, eq=False)
class _Run:
    """A job that somebody waits for; ``alone``: nothing is to train beside it."""

    job: dict[str, Any]
    on_step: OnStep
    on_look: OnLook
    future: Future[dict[str, Any]] = field(default_factory=Future)
    count: Future[dict[str, Any]] | None = None
    alone: bool = False

    def fail(self, error: TrialFailedError) -> None:
        with suppress(Exception):  # somebody may have cancelled it
            self.future.set_exception(error)

    def succeed(self, result: dict[str, Any]) -> None:
        with suppress(Exception):
            self.future.set_result(result)


class DeviceExecutor:
    """Training runs on accelerators, side by side; see :class:`Executor`.

    Jobs other than training runs, and fvcore's counts, go to processes of their own, one at a time.
    """

    def __init__(
        self,
        *,
        devices: Sequence[str],
        jobs: int,
        log_dir: Path,
        stall_timeout: float | None = None,
        on_note: Callable[[str], None] = lambda _text: None,
        window_s: float = WINDOW_S,
        first: int = 1,
    ) -> None:
        """Starts a thread for each device; its process starts with the first run.

        Args:
            devices: such as ``cuda:0``.
            jobs: runs in flight on all of them at the most.
            log_dir: where processes log.
            stall_timeout: seconds of a process's silence after which it is taken for hung and killed.
            on_note: hears what the user should know, from another thread.
            window_s: seconds over which the speed of so many runs side by side is measured.
            first: runs side by side on a device before anything is measured.
        """
        self._first = first
        self._log_dir, self._stall_timeout, self._on_note = log_dir, stall_timeout, on_note
        self._most = -(-jobs // len(devices))
        self._others = ProcessExecutor(
            jobs=1, log_dir=log_dir, preload=TO_MEASURE, stall_timeout=stall_timeout
        )
        self._waiting: deque[_Run] = deque()
        self._changed = threading.Condition()
        self._ending = self._killing = False
        self._processes: set[BaseProcess] = set()
        self._started = 0
        self._window_s = window_s
        self._context = process_context((*TO_TRAIN, "scalesearch.workers.executor"))
        self._threads = [
            threading.Thread(target=self._serve, args=(device,), name=f"device {device}", daemon=True)
            for device in devices
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, job: Job, on_step: OnStep, on_look: OnLook = lambda _curve, _seconds: None
    ) -> Future[dict[str, Any]]:
        """See ``Executor``."""
        if job["kind"] != "train":
            return self._others.submit(job, on_step, on_look)
        run = _Run(dict(job), on_step, on_look)
        if job["count"]:
            # In a process of its own, since a device would wait for it meanwhile.
            count = {"kind": CountSpec.KIND, "key": job["key"], "arch": job["arch"], "threads": 1}
            run.count = self._others.submit(count, lambda _done, _steps: None)
            run.job["count"] = False
        with self._changed:
            if self._ending:
                run.fail(TrialFailedError("stopped"))
            else:
                self._waiting.append(run)
                self._changed.notify_all()
        return run.future

    def shutdown(self, *, kill: bool = False) -> None:
        """See ``Executor``."""
        with self._changed:
            self._ending = True
            self._killing = self._killing or kill
            if kill:
                for process in self._processes:
                    process.kill()
                while self._waiting:
                    self._waiting.popleft().fail(TrialFailedError("stopped"))
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._others.shutdown(kill=kill)

    def _serve(self, device: str) -> None:
        """Has one device train what is waiting, process after process, until the end."""
        alone: deque[_Run] = deque()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or alone or self._ending)
                if self._killing or not (self._waiting or alone):
                    break
            flying: dict[int, _Run] = {}
            try:
                lost = self._converse(device, flying, alone)
            except Exception as error:  # or somebody would wait forever
                lost = WorkerLostError(f"its process was lost: {error}")
            self._after(device, list(flying.values()), alone, lost)
        for run in alone:
            run.fail(TrialFailedError("stopped"))

    def _after(
        self, device: str, runs: Sequence[_Run], alone: deque[_Run], lost: WorkerLostError | None
    ) -> None:
        """What becomes of the runs that were in flight when a process ended; ``lost`` is None at the end.

        One that dies without any costs a run that waits: it would die again and again.
        """
        if self._killing:
            lost = WorkerLostError("stopped")
        elif len(runs) > 1:
            for run in runs:
                run.alone = True
            alone.extend(runs)
            self._on_note(f"{device}: {lost}; its {len(runs)} runs are tried again one by one")
            return
        elif lost and not runs:
            with self._changed:
                runs = [self._waiting.popleft()] if self._waiting else []
        for run in runs:
            run.fail(lost or WorkerLostError("stopped"))

    def _converse(self, device: str, flying: dict[int, _Run], alone: deque[_Run]) -> WorkerLostError | None:
        """Has one process train until nothing is left, or it dies; says how it died.

        Runs that are to be tried alone come first, nothing beside them.
        """
        process, connection, log = self._start(device)
        room, heard, number = 0, time.monotonic(), 0
        try:
            with connection:
                while not self._killing:
                    with self._changed:
                        lonely = bool(alone) or any(run.alone for run in flying.values())
                        while (alone and not flying) if lonely else (self._waiting and room > 0):
                            run = alone.popleft() if lonely else self._next(flying)
                            number, room = number + 1, room - 1
                            flying[number] = run
                            message = {"event": "run", "id": number, "job": run.job | {"device": device}}
                            connection.send_bytes(json.dumps(message).encode())
                            heard = time.monotonic()
                        if not flying and not alone:
                            if self._ending and not self._waiting:
                                return None
                            if not self._waiting:
                                self._changed.wait(WAIT_S)
                                continue
                    if not connection.poll(WAIT_S):
                        silent = flying and self._stall_timeout
                        if silent and time.monotonic() - heard > silent:
                            process.kill()
                            reason = f"the worker said nothing for {silent:g} s and was killed"
                            return WorkerLostError(reason, log)
                        continue
                    heard = time.monotonic()
                    message = json.loads(connection.recv_bytes())
                    if message["event"] == "room":
                        room = message["runs"]
                    else:
                        self._take(device, message, flying)
        except (EOFError, OSError):  # the process is gone
            pass
        finally:
            process.join()
            with self._changed:
                self._processes.discard(process)
        return WorkerLostError(death(process.exitcode), log)

    def _next(self, flying: Mapping[int, _Run]) -> _Run:
        """The run to train next: one of a network that is trained here, so that it costs no plans."""
        here = {json.dumps(run.job["arch"], sort_keys=True) for run in flying.values()}
        for index, run in enumerate(self._waiting):
            if json.dumps(run.job["arch"], sort_keys=True) in here:
                del self._waiting[index]
                return run
        return self._waiting.popleft()

    def _take(self, device: str, message: dict[str, Any], flying: dict[int, _Run]) -> None:
        """Takes in what a process says of a run."""
        event = message["event"]
        if event == "note":
            self._on_note(f"{device}: {message['text']}")
            return
        run = flying[message["id"]]
        if event == "step":
            run.on_step(message["done"], message["of"])
        elif event == "look":
            run.on_look(message["curve"], message["seconds"])
        elif event == "crowded":
            del flying[message["id"]]
            with self._changed:
                self._waiting.appendleft(run)
        elif event == "failure":
            del flying[message["id"]]
            run.fail(TrialFailedError(message["reason"]))
        else:
            del flying[message["id"]]
            self._finish(run, message["result"])

    @staticmethod
    def _finish(run: _Run, result: dict[str, Any]) -> None:
        """Gives the result, with fvcore's count of the network where one was asked for."""
        if run.count is None:
            run.succeed(result)
            return

        def counted(count: Future[dict[str, Any]]) -> None:
            try:
                flops = count.result()
            except TrialFailedError as failure:
                if "target" in run.job["arch"]:  # a user's own code, which may be past counting
                    run.succeed(result)
                else:
                    run.fail(failure)
            else:
                run.succeed(result | {"fvcore_total": flops["total"], "uncounted": flops["uncounted"]})

        run.count.add_done_callback(counted)

    def _start(self, device: str) -> tuple[BaseProcess, Connection, str]:
        with self._changed:
            if self._killing:
                raise TrialFailedError("stopped")
            self._started += 1
            name = f"{device.replace(':', '-')}.{self._started}.log"
            log = inside(self._log_dir.parent, self._log_dir.name, name)
            # A folder that was there and is not any more was removed: it is not brought back.
            self._log_dir.mkdir(parents=self._started == 1, exist_ok=True)
            ours, theirs = self._context.Pipe()
            process = self._context.Process(
                target=serve, args=(theirs, str(log), device, Crowd(self._most, self._first), self._window_s)
            )
            with without_script():
                process.start()
            # Only the process may hold its end: its death is then the end of the conversation.
            theirs.close()
            self._processes.add(process)
        return process, ours, name


def training_executor(
    device: str,
    *,
    jobs: int,
    log_dir: Path,
    stall_timeout: float | None = None,
    on_note: Callable[[str], None] = lambda _text: None,
) -> Executor:
    """What trains on the devices of that name: a process for each run on a CPU, for each device elsewhere.

    Raises:
        ValueError: if a device is not there.
    """
    if device == "cpu":
        # By its module, where tests put others in its place, whenever this module was loaded.
        return ProcessExecutor(jobs=jobs, log_dir=log_dir, stall_timeout=stall_timeout)
    from scalesearch.hardware.device import resolve_devices

    return DeviceExecutor(
        devices=[str(each) for each in resolve_devices(device)],
        jobs=jobs,
        log_dir=log_dir,
        stall_timeout=stall_timeout,
        on_note=on_note,
    )


def serve(connection: Connection, log_path: str, device: str, crowd: Crowd, window_s: float) -> None:
    """A device's process: trains the runs that the connection brings until it closes.

    Args:
        connection: to the driver; when its other end closes, the driver is gone and the process goes with it.
        log_path: where whatever is printed goes.
        device: such as ``cuda:0``.
        crowd: how many runs train side by side.
        window_s: seconds over which the speed of so many runs is measured.
    """
    print_to(log_path)
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_hear, args=(connection, inbox), daemon=True).start()
    import torch

    try:
        _Served(connection, inbox, torch.device(device), crowd, window_s).go_on()
    except BaseException:
        log_line(traceback.format_exc())
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(1)


def _hear(connection: Connection, inbox: queue.SimpleQueue[dict[str, Any]]) -> None:
    try:
        while True:
            inbox.put(json.loads(connection.recv_bytes()))
    except (EOFError, OSError):
        os._exit(0)


class _Served:
    """The runs of one device's process."""

    def __init__(
        self,
        connection: Connection,
        inbox: queue.SimpleQueue[dict[str, Any]],
        device: Any,
        crowd: Crowd,
        window_s: float,
    ) -> None:
        from scalesearch.training.images import load
        from scalesearch.training.rendering import free_bytes

        self._free_bytes = free_bytes
        self._connection, self._inbox, self._device = connection, inbox, device
        self._crowd, self._window_s = crowd, window_s
        self._trials: dict[int, Trial] = {}
        self._asked = 0
        self._loaded = lru_cache(maxsize=2)(load)
        self._largest = 0.0
        self._window = (time.perf_counter(), 0)
        self._images = 0

    def go_on(self) -> None:
        """Trains for good."""
        while True:
            self._ask()
            self._take_in(wait=not self._trials)
            moved = False
            for number in list(self._trials):
                moved |= self._advance(number)
            self._measure()
            if not moved and self._trials:
                time.sleep(IDLE_S)

    def _ask(self) -> None:
        """Says how many more runs there is room for, where that has changed."""
        room = 0
        # One that draws random numbers has the device's only generator for itself.
        if not any(trial.training.draws for trial in self._trials.values()):
            room = self._crowd.limit - len(self._trials)
        if self._trials and not self._has_memory():
            room = 0
        # One by one: how much memory the next takes is known once this one has begun.
        room = max(0, min(room, 1))
        if room != self._asked:
            self._asked = room
            self._say({"event": "room", "runs": room})

    def _take_in(self, *, wait: bool) -> None:
        try:
            message = self._inbox.get(block=wait)
        except queue.Empty:
            return
        self._asked = 0
        for number in list(self._trials):
            # A device as fast as Python would take the whole run, as a CPU does, which need not wait.
            for _ in range(0 if self._device.type == "cpu" else TURNS_AHEAD):
                if not self._advance(number, TURNS_AHEAD):
                    break
        self._begin(message["id"], message["job"])
        self._restart_window()

    def _begin(self, number: int, job: dict[str, Any]) -> None:
        def on_step(done: int, steps: int) -> None:
            self._images += job["recipe"]["batch_size"]
            if done % (STEPS_BETWEEN_MESSAGES * 10) == 0 or done == steps:
                self._say({"event": "step", "id": number, "done": done, "of": steps})

        def on_look(curve: Sequence[CurvePoint], seconds: float) -> None:
            points = [asdict(point) for point in curve]
            self._say({"event": "look", "id": number, "curve": points, "seconds": seconds})

        before = self._free_bytes(self._device)
        settle_torch(self._device.type, job["threads"])
        try:
            self._trials[number] = Trial(
                TrialSpec.from_dict(job),
                on_step=on_step,
                on_look=on_look,
                on_restart=lambda reason: log_line(f"{job['key']}: starting anew: {reason}"),
                on_eager=lambda reason: log_line(f"{job['key']}: not captured as a graph: {reason}"),
                loaded=self._loaded,
            )
            if self._trials[number].training.done:
                self._finish(number)
        except (Exception, SystemExit) as error:
            self._give_up(number, error)
        if before < math.inf:
            self._largest = max(self._largest, before - self._free_bytes(self._device))

    def _advance(self, number: int, turns_ahead: int | None = None) -> bool:
        trial = self._trials.get(number)
        if trial is None:
            return False
        try:
            moved = trial.training.advance(turns_ahead)
            if trial.training.done:
                self._finish(number)
        except (Exception, SystemExit) as error:
            self._give_up(number, error)
            return True
        return moved

    def _finish(self, number: int) -> None:
        result = self._trials[number].result().to_dict()
        del self._trials[number]
        self._say({"event": "result", "id": number, "result": result})
        self._restart_window()

    def _give_up(self, number: int, error: BaseException) -> None:
        """Tells of a run that failed; ends the process where its device is of no more use."""
        log_line("".join(traceback.format_exception(error)))
        others = len(self._trials.keys() - {number})
        self._trials.pop(number, None)
        crowded = is_out_of_memory(error) and others > 0
        reason = reason_of_failure(error)
        del error
        if self._device.type != "cpu":
            import torch

            # A kernel's fault shows here too, and stays: whatever runs beside it is lost as well.
            torch.accelerator.synchronize(self._device)
            gc.collect()
            torch.get_device_module(self._device).empty_cache()
        if crowded:
            self._crowd.was_too_large(others + 1)
            self._say({"event": "note", "text": f"no memory for {others + 1} side by side: now {others}"})
            self._say({"event": "crowded", "id": number})
        else:
            self._say({"event": "failure", "id": number, "reason": reason})
        self._restart_window()

    def _measure(self) -> None:
        """Measures how fast the runs are together, over a window in which none began or ended."""
        begun, images = self._window
        seconds = time.perf_counter() - begun
        if self._trials and seconds >= self._window_s:
            rate = (self._images - images) / seconds
            before = self._crowd.limit
            self._crowd.measured(len(self._trials), rate)
            if self._crowd.limit != before:
                log_line(
                    f"{len(self._trials)} side by side see {rate:,.0f} images/s: now {self._crowd.limit}"
                )
            self._restart_window()

    def _restart_window(self) -> None:
        self._window = (time.perf_counter(), self._images)

    def _has_memory(self) -> bool:
        return self._free_bytes(self._device) >= SPARE_MEMORY * self._largest

    def _say(self, message: dict[str, Any]) -> None:
        self._connection.send_bytes(json.dumps(message).encode())
