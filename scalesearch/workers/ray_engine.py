"""Ray as an engine: runs on the nodes of a cluster, each in the hands of an actor that may die.

An actor (a *place*) holds one GPU, or the CPUs of one run, and is a :class:`~scalesearch.workers.node.Node`.
One thread here hands out jobs and takes in messages. Ray's own retries are off: a run whose place is lost
goes on in another from its last look, and counts as failed once that has happened ``ATTEMPTS`` times without
a look in between.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import math
import os
import re
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from scalesearch.errors import RunFailedError, ScalesearchError
from scalesearch.files import inside, write_bytes
from scalesearch.hardware.device import device_kind
from scalesearch.networks.user_code import sources
from scalesearch.text import one_line, printable
from scalesearch.training.dataset import DataSpec
from scalesearch.workers.engines import GPUS, Hello, Resources, Work
from scalesearch.workers.executor import Job, OnLook, OnStep, TrialFailedError
from scalesearch.workers.jobs import KindsSpec, LatencySpec, MeasureSpec, PairSpec
from scalesearch.workers.node import code, difference, identity_of, packed
from scalesearch.workers.worker import reason_of_failure

ATTEMPTS = 5
"""How often a run may lose its place, or fail for want of memory, without a new checkpoint in between."""
CHECKPOINT_BYTES_S = 100e6
"""Bytes of checkpoints that reach this machine each second from all runs: what a line of 1 Gbit/s takes."""
ANSWER_S = 2.5
"""How long an address may take to answer a question; it is asked three at the most."""
HELLO_S = 120.0
"""How long nodes may take to say what they are: they load Python and nothing else."""
SENDING_S = 3600.0
"""How long a node may take to say what it is, and to take data."""
WAIT_S, MESSAGES_S, NODES_S, HEAD_S = 0.2, 5.0, 2.0, 2.0
"""How long the thread waits for messages, and a place for news; how often nodes and the head are asked."""
PATIENCE_S = 60.0
"""How long no node may be of use before the run ends."""
LAST_ANSWER_S = 1.0
"""How long a head that is being killed may answer yet."""
LOST_AFTER = 4
"""The head is lost when it has not answered so many times."""
TIMED = frozenset(spec.KIND for spec in (LatencySpec, MeasureSpec, PairSpec, KindsSpec))
"""Jobs that measure time, which are all run on machines of one kind."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})", re.ASCII)

# ----------------------------------------------------------------------------------------------------
# The cluster: found, spoken to, asked for its nodes.


def _ray() -> Any:
    return importlib.import_module("ray")


def _quiet(address: str) -> None:
    """Settles, before Ray is loaded, that it tells nobody of its use and stays on this machine if it can."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns of a change of its own
    if not address or _host(address) in LOOPBACK:
        # Ray's way to have all of a cluster on the loopback interface, whatever the system.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        constants: Any = sys.modules.get("ray._private.ray_constants")
        if constants is not None:  # it is loaded already
            constants.ENABLE_RAY_CLUSTER = False


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


def _shown(address: str) -> str:
    return f"ray://{address}" if address else "ray"


def _spoken(address: str) -> str:
    """The address as Ray takes it: a head's own is taken as it is, its server for clients as ``ray://``.

    Raises:
        ScalesearchError: if it is none, nobody answers, or it isn't Ray that does.
    """
    match = ADDRESS.fullmatch(address)
    if match is None:
        raise ScalesearchError(
            "`executor` must be ray, or HOST:PORT of a Ray cluster such as ray://head:10001, got "
            f"{_shown(printable(address))!r}{'' if ':' in address else ' without a port'}"
        )
    if not 0 < int(match[2]) < 2**16:
        raise ScalesearchError(
            f"`executor` must have a port from 1 to {2**16 - 1:,} in its address, got {match[2]}"
        )
    try:
        socket.create_connection((_host(address), int(match[2])), timeout=ANSWER_S).close()
    except OSError as error:
        raise ScalesearchError(
            f"`executor` must be an address that answers, got {_shown(address)}: {error.strerror or error}; "
            "`ray start --head` prints a head's address"
        ) from None
    try:
        import grpc
    except ImportError:
        return address
    with grpc.insecure_channel(address) as channel:
        # A method that a head's own server has, and one of its server for clients.
        for method, spoken in (
            ("/ray.rpc.NodeInfoGcsService/CheckAlive", address),
            ("/ray.rpc.RayletDriver/ClusterInfo", f"ray://{address}"),
        ):
            try:
                channel.unary_unary(method)(b"", timeout=ANSWER_S)
            except grpc.RpcError as error:
                absent = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNAVAILABLE)
                if error.code() in (*absent, grpc.StatusCode.DEADLINE_EXCEEDED):
                    continue
                if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                    _show_token(address)
            return spoken
    raise ScalesearchError(
        f"`executor` must be the address of a Ray cluster, got {_shown(address)}, where something else is"
    )


def _show_token(address: str) -> None:
    """Has Ray show the user's token to a cluster that asks for it.

    Raises:
        ScalesearchError: if there is none.
    """
    place = os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")
    if "RAY_AUTH_TOKEN" not in os.environ and not Path(place).expanduser().exists():
        raise ScalesearchError(
            f"`executor` must be a cluster whose token is here, got {_shown(address)}, which asks for one: "
            "set RAY_AUTH_TOKEN, or put it into ~/.ray/auth_token"
        )
    os.environ["RAY_AUTH_MODE"] = "token"
    loaded: Any = sys.modules.get("ray._raylet")
    if loaded is not None:  # it has read its settings already
        with suppress(AttributeError):
            loaded.Config.initialize("")


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps Ray from taking signals for itself."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} if main else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_CONNECTED: dict[str, str] = {}
"""The address that this process speaks with."""
_LOCK = threading.Lock()


def connected(address: str) -> Any:
    """The module ``ray``, speaking with the cluster at an address; with one of this process's own for none.

    Raises:
        ScalesearchError: if nobody answers, or Ray's or Python's version is another one there.
    """
    with _LOCK:
        _quiet(address)
        loaded = "ray" in sys.modules
        if loaded and _ray().is_initialized() and _CONNECTED.get("address", "") == address:
            return _ray()
        where = _spoken(address) if address else "local"
        ray = _ray()
        if ray.is_initialized():
            ray.shutdown()
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if not address:
            options |= {"include_dashboard": False}
        try:
            with _own_signals():
                ray.init(where, **options)
        except Exception as error:  # Ray has many
            advice = "; a machine that is no node of it has to name its server for clients (HOST:10001)"
            advice = advice if where == address else ""
            raise ScalesearchError(
                f"`executor` must be a Ray cluster that this machine can join, got {_shown(address)}: "
                f"{one_line(error)[:300]}{advice}"
            ) from error
        # Standard output is for results: what Ray prints there of nodes that die is not among them.
        worker: Any = sys.modules.get("ray._private.worker")
        if hasattr(worker, "print_to_stdstream"):
            worker.print_to_stdstream = _ignore
        _CONNECTED["address"] = address
        return ray


def _nodes(ray: Any) -> dict[str, Mapping[str, Any]]:
    """The nodes that are there and can run something, by their identity."""
    return {
        node["NodeID"]: node
        for node in ray.nodes()
        if node["Alive"] and any(node["Resources"].get(kind, 0) >= 1 for kind in ("CPU", "GPU"))
    }


def _named(node: Mapping[str, Any], identity: str) -> str:
    """A node's name; two of a machine's are told apart by the beginning of their identity."""
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']}, {identity[:6]})"


def _sent_as_they_are() -> tuple[type, Callable[[dict[str, Any] | None], dict[str, Any]]]:
    """The class of places, and a function that says which code a node has, and what of the data it lacks.

    Made in a function, Ray sends them as they are: where a node has other code, or none, they can say so.
    """

    def hello(data: dict[str, Any] | None) -> dict[str, Any]:
        import contextlib
        import importlib.metadata

        told: dict[str, Any] = {"code": {}, "lacks": ""}
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            told["code"] = {"scalesearch": importlib.metadata.version("scalesearch")}
        with contextlib.suppress(Exception):
            from scalesearch.workers.node import code, lacking

            told = {"code": dict(code()), "lacks": lacking(data) if data else ""}
        return told

    class Place:
        def __init__(self, options: dict[str, Any]) -> None:
            import socket

            import ray

            node = ray.get_runtime_context().get_node_id()
            self.hello = hello(None) | {"event": "hello", "node": node, "host": socket.gethostname()}
            try:
                from scalesearch.workers.node import Node

                self.node = Node(**options)
            except Exception as error:
                self.hello["problem"] = f"{type(error).__name__}: {error}"

        def messages(self, wait_s: float) -> list[dict[str, Any]]:
            hello, self.hello = self.hello, {}
            return [hello] if hello else list(self.node.messages(wait_s))

        def begin(self, number: int, job: str, files: dict[str, bytes], code: dict[str, bytes]) -> None:
            import json

            self.node.begin(number, json.loads(job), files, code)

        def facts(self, device: str, data: dict[str, Any], pieces: list[Any] | None) -> dict[str, Any]:
            import ray

            sent = None if pieces is None else (ray.get(piece) for piece in pieces)
            return dict(self.node.facts(device, data, sent))

    return Place, hello


class RayEngine:
    """The engine of Ray clusters: one of this machine's own, or one at an address."""

    def __init__(self) -> None:
        if importlib.util.find_spec("ray") is None:
            raise ModuleNotFoundError("No module named 'ray'", name="ray")

    def resources(self, address: str) -> Resources:
        """See ``Engine``."""
        nodes = [node["Resources"] for node in _nodes(connected(address)).values()]
        return Resources(
            cpus=tuple(int(node.get("CPU", 0)) for node in nodes),
            gpus=tuple(int(node.get("GPU", 0)) for node in nodes),
        )

    def hellos(self, address: str, data: Mapping[str, Any] | None) -> Mapping[str, Hello]:
        """See ``Engine``."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ray = connected(address)
        ask = ray.remote(_sent_as_they_are()[1])
        asked = {}
        for identity, node in _nodes(ray).items():
            there = NodeAffinitySchedulingStrategy(identity, soft=False)
            options = {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": there}
            asked[_named(node, identity)] = ask.options(**options).remote(
                None if data is None else dict(data)
            )
        told: dict[str, Hello] = {}
        ends = time.monotonic() + HELLO_S  # for all of them
        for name, answer in asked.items():
            try:
                told[name] = Hello(**ray.get(answer, timeout=max(0.0, ends - time.monotonic())))
            except Exception as error:
                told[name] = Hello(problem=one_line(error)[:200])
        return told

    def executor(self, address: str, work: Work) -> RayExecutor:
        """See ``Engine``."""
        return RayExecutor(connected(address), _shown(address), work, head=address)


# ----------------------------------------------------------------------------------------------------
# The executor.


@dataclass(eq=False)
class _Run:
    """A job that somebody waits for.

    Attributes:
        attempts: how often it was in vain since its last checkpoint here.
        looks: how many looks its checkpoint here has; -1 for none.
        begun: whether a place has taken it up.
        avoid: nodes where it failed for want of something that others may have.
    """

    job: dict[str, Any]
    on_step: OnStep
    on_look: OnLook
    future: Future[dict[str, Any]] = field(default_factory=Future)
    attempts: int = 0
    looks: int = -1
    begun: bool = False
    avoid: set[str] = field(default_factory=set)

    @cached_property
    def data(self) -> str:
        """Its data as text, with their place from the root on, as nodes are asked for them; or empty."""
        if "data" not in self.job:
            return ""
        return json.dumps(DataSpec(**self.job["data"]).from_the_root_on().to_dict(), sort_keys=True)


@dataclass(slots=True, eq=False)
class _Place:
    """An actor, and what it runs.

    Attributes:
        news: Ray's promise of its next messages.
        heard: when it last said anything.
        node: its node's identity; empty until it is there.
        name: its node's name.
        flying: its jobs, by their numbers.
        asked: Ray's promise of what its node is; None where it isn't asked.
        asked_at: when it was asked.
        data: what it is, or was, asked for as text.
        wants: what the data are known by that are being packed for it; empty for none.
        given: whether it was given data with the question.
    """

    actor: Any
    news: Any
    heard: float
    node: str = ""
    name: str = "unknown"
    flying: dict[int, _Run] = field(default_factory=dict)
    asked: Any = None
    asked_at: float = 0.0
    data: str = ""
    wants: str = ""
    given: bool = False


class RayExecutor:
    """Runs jobs on the nodes of a Ray cluster; see ``Executor``."""

    def __init__(self, ray: Any, shown: str, work: Work, *, head: str = "") -> None:
        """Starts the thread; places start with the first job.

        Args:
            ray: the module, connected.
            shown: the cluster as the user named it.
            work: what it is made for.
            head: the cluster's address; empty for one of this machine's own.
        """
        self._ray, self._shown, self._work = ray, shown, work
        self._on_gpus = device_kind(work.device) in GPUS
        self._head = head or str(ray.get_runtime_context().gcs_address)
        self._class = ray.remote(_sent_as_they_are()[0])
        self._waiting: deque[_Run] = deque()
        self._places: list[_Place] = []
        # What each node said of itself and of some data.
        self._facts: dict[tuple[str, str], Mapping[str, Any]] = {}
        # Nodes that were of no use: until when they are not used, and why, which holds until they are.
        self._unfit: dict[str, tuple[float, str]] = {}
        self._aside: frozenset[str] = frozenset()
        self._code: dict[str, dict[str, bytes]] = {}
        self._pieces: dict[str, Future[list[Any]]] = {}
        self._timed_on = work.timed_on
        self._cluster: dict[str, Mapping[str, Any]] = {}
        self._asked_at = self._head_at = -math.inf
        self._useful_at = time.monotonic()
        self._missed = self._number = 0
        self._notes: set[str] = set()
        self._hardware: set[str] = set()
        self._changed = threading.Condition()  # a lock that its holder may take again
        self._ending = self._killing = self._logged = False
        self._dead: Exception | None = None
        self._thread = threading.Thread(target=self._serve, name="ray", daemon=True)
        self._thread.start()

    def submit(
        self, job: Job, on_step: OnStep, on_look: OnLook = lambda _curve, _seconds: None
    ) -> Future[dict[str, Any]]:
        """See ``Executor``."""
        run = _Run(json.loads(json.dumps(dict(job))), on_step, on_look)
        with self._changed:
            if self._dead is not None or self._ending:
                run.future.set_exception(self._dead or TrialFailedError("stopped"))
            else:
                self._waiting.append(run)
                self._hand_out()
                self._changed.notify_all()
        return run.future

    def shutdown(self, *, kill: bool = False) -> None:
        """See ``Executor``."""
        with self._changed:
            self._ending = True
            self._killing = self._killing or kill
            self._changed.notify_all()
        self._thread.join()

    # All that follows holds the lock but to wait for Ray.

    def _serve(self) -> None:
        try:
            while self._go_on():
                pass
        except Exception as error:  # or somebody would wait for good
            self._dead = self._dead or self._lost(one_line(error))
        with self._changed:
            self._ending = True
            for run in (*self._flying(), *self._waiting):
                if self._dead is not None or not run.future.cancel():
                    self._fail(run, self._dead or TrialFailedError("stopped"))
            self._waiting.clear()
            for place in self._places:
                self._kill(place)
            self._places = []

    def _flying(self) -> list[_Run]:
        return [run for place in self._places for run in place.flying.values()]

    def _go_on(self) -> bool:
        """A turn: looks after the cluster, hands out, takes in; False at the end."""
        self._look_after_head()
        with self._changed:
            self._look_after_nodes()
            idle = not self._waiting and not self._flying()
            if self._killing or self._dead is not None or (self._ending and idle):
                return False
            self._hand_out()
            self._grow()
            if not self._places:
                self._changed.wait(WAIT_S)
                return True
            news = {place.news: place for place in self._places}
            asked = {place.asked: place for place in self._places if place.asked is not None}
        promises = [*news, *asked]
        ready, _ = self._ray.wait(promises, timeout=WAIT_S)
        if ready:  # one of them; those that are there beside it are taken in the same turn
            ready, _ = self._ray.wait(promises, num_returns=len(promises), timeout=0)
        for promise in ready:
            try:
                given = self._ray.get(promise)
            except Exception as error:  # Ray has many
                with self._changed:
                    if not _answers(self._head):
                        self._dead = self._lost("its head is gone")
                    elif promise in asked:
                        self._not_told(asked[promise], error)
                    else:
                        self._lose(news[promise], f"its place was lost ({type(error).__name__})")
            else:
                with self._changed:
                    if promise in asked:
                        self._told(asked[promise], given)
                    else:
                        self._hear(news[promise], given)
        return True

    def _hear(self, place: _Place, messages: Sequence[Mapping[str, Any]]) -> None:
        place.heard = time.monotonic()
        place.news = place.actor.messages.remote(MESSAGES_S)
        for message in messages:
            if place in self._places:  # else it was given up meanwhile
                self._take(place, message)
        self._hand_out()

    # Nodes and places.

    def _look_after_head(self) -> None:
        """Notices that the head is lost before Ray does, which would end this process."""
        now = time.monotonic()
        if now - self._head_at < HEAD_S:
            return
        self._head_at = now
        self._missed = 0 if _answers(self._head) else self._missed + 1
        if self._missed >= LOST_AFTER:
            self._dead = self._lost("its head is gone")

    def _lost(self, why: str) -> RunFailedError:
        """The end of a run whose cluster is gone; nothing of the cluster is asked any more."""
        self._missed = LOST_AFTER
        if _answers(self._head):
            time.sleep(LAST_ANSWER_S)
        why = why if _answers(self._head) else "its head is gone"
        return RunFailedError(
            f"{self._shown} was lost ({why}); what is done is kept; resume goes on, by another --executor too"
        )

    def _look_after_nodes(self) -> None:
        now = time.monotonic()
        self._give_up_silent(now)
        if self._missed or now - self._asked_at < NODES_S:
            return
        self._asked_at = now
        self._cluster = {
            node: facts
            for node, facts in _nodes(self._ray).items()
            if self._work.node in ("", _named(facts, node))
        }
        self._unfit = {node: kept for node, kept in self._unfit.items() if node in self._cluster}
        aside = frozenset(node for node, (until, _) in self._unfit.items() if now <= until)
        if self._aside - aside:
            # What was asked for without these nodes might wait for good.
            for place in [place for place in self._places if not place.node]:
                self._lose(place, "")
        self._aside = aside
        if self._cluster.keys() - self._unfit.keys() or not self._waiting or self._flying():
            self._useful_at = now
            return
        if not self._cluster:
            self._note(f"{self._shown} has no node to train on now; waiting for one")
        if now - self._useful_at > (PATIENCE_S if self._cluster else self._work.stall_timeout or PATIENCE_S):
            self._give_up()

    def _give_up(self) -> None:
        """Fails what waits, since no node is of use to it."""
        none = f"must have a node to train on, got none in {self._shown}"
        why = next((why for _, why in self._unfit.values()), none)
        if all(run.job["kind"] in TIMED for run in self._waiting):
            while self._waiting:
                self._fail(self._waiting.popleft(), TrialFailedError(f"`executor` {why}".replace("`", "")))
        else:
            self._dead = ScalesearchError(f"`executor` {why}")

    def _grow(self) -> None:
        """Asks Ray for a place, where more jobs wait than places are on their way."""
        room = self._work.jobs
        if self._on_gpus:
            gpus = sum(int(node["Resources"].get("GPU", 0)) for node in self._cluster.values())
            room = min(room, gpus + 1)  # so that one is there at once when a node joins
        starting = sum(not place.node for place in self._places)
        if len(self._places) >= room or starting >= len(self._waiting) or not self._cluster:
            return
        options: dict[str, Any] = {
            "num_cpus": 1 if self._on_gpus else self._work.threads,
            "num_gpus": 1 if self._on_gpus else 0,
            "max_restarts": 0,
            "max_task_retries": 0,
            "max_concurrency": 4,
            "scheduling_strategy": "SPREAD",
        }
        if self._work.node:
            options["label_selector"] = {"ray.io/node-id": f"in({','.join(self._cluster)})"}
        elif self._aside:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(self._aside)})"}
        most = self._work.jobs if self._on_gpus else 1
        node = {
            "device": self._work.device,
            "most": most,
            "stall_timeout": self._work.stall_timeout,
            "checkpoint_bytes_s": CHECKPOINT_BYTES_S / self._work.jobs,
        }
        actor = self._class.options(**options).remote(node)
        self._places.append(_Place(actor, actor.messages.remote(MESSAGES_S), time.monotonic()))

    def _give_up_silent(self, now: float) -> None:
        """Gives up places that say nothing, though they should every few seconds."""
        silent = self._work.stall_timeout
        for place in self._places[:]:
            if place.asked is not None and now - place.asked_at > SENDING_S:
                self._not_told(place, TimeoutError(f"no answer in {SENDING_S:g} s"))
            elif silent is not None and place.node and now - place.heard > silent + 4 * MESSAGES_S:
                self._lose(place, f"it said nothing for {silent:g} s")

    def _lose(self, place: _Place, reason: str, *, counts: bool = True) -> None:
        """Does without a place; what ran there goes on elsewhere."""
        if place in self._places:
            self._places.remove(place)
            self._kill(place)
        runs, place.flying = [*place.flying.values()], {}
        for run in runs:
            self._again(run, f"{reason}, on node {place.name}", counts=counts)

    def _kill(self, place: _Place) -> None:
        if not self._missed:
            with suppress(Exception):
                self._ray.kill(place.actor)

    def _set_aside(self, place: _Place, must: str, got: str, seconds: float | None = None) -> None:
        """Uses no place of a node for so long; for a quarter of the patience, where nobody says.

        ``must`` says what kind of nodes there have to be, ``got`` what there is on this one.
        """
        got, seconds = f"{got} on node {place.name}", PATIENCE_S / 4 if seconds is None else seconds
        until, reason = time.monotonic() + seconds, f"must have nodes {must}, got {got}"
        self._unfit[place.node], self._aside = (until, reason), self._aside | {place.node}
        self._facts = {key: facts for key, facts in self._facts.items() if key[0] != place.node}
        self._note(f"node {place.name} is not used: {got}")
        for other in [other for other in self._places if other.node == place.node]:
            self._lose(other, "its node is not used", counts=False)

    # Jobs.

    def _hand_out(self) -> None:
        """Gives what waits to places that have room, once it is known what their nodes are."""
        ready = sum(bool(place.node) for place in self._places)
        most = -(-self._work.jobs // max(1, ready)) if self._on_gpus else 1
        for place in self._places[:]:
            if place.wants:
                self._give(place)
        # One place is asked for all of its node.
        asked = {place.node for place in self._places if place.asked is not None or place.wants}
        for place in self._places[:]:
            while (
                place.node
                and place.node not in asked
                and len(place.flying) < most
                # One by one: how much memory the next takes is known once the last has begun.
                and all(run.begun for run in place.flying.values())
                and (run := self._next(place)) is not None
            ):
                facts = self._facts.get((place.node, run.data))
                if facts is None:
                    self._ask(place, run.data, [] if self._work.send_data else None)
                    asked.add(place.node)
                    break
                if run.job["kind"] in TIMED and facts["machine"] != (self._timed_on or facts["machine"]):
                    must = f"of the machine {self._timed_on}, which timed this run's other networks"
                    self._set_aside(place, must, f"machine {facts['machine']}", math.inf)
                    break
                self._waiting.remove(run)
                if run.future.running() or run.future.set_running_or_notify_cancel():
                    self._begin(place, run, facts)

    def _next(self, place: _Place) -> _Run | None:
        """The run to begin next: one of a network that is trained there, so that it costs no plans."""
        runs = [run for run in self._waiting if not (run.avoid and self._avoids(run, place.node))]
        here = [run.job.get("arch") for run in place.flying.values()]
        return next((run for run in runs if run.job.get("arch") in here), runs[0] if runs else None)

    def _avoids(self, run: _Run, node: str) -> bool:
        """Whether a run failed on a node, and there is one where it has not."""
        return node in run.avoid and not self._cluster.keys() - self._aside <= run.avoid

    def _begin(self, place: _Place, run: _Run, facts: Mapping[str, Any]) -> None:
        """Hands a run to a place, with what it goes on from."""
        if run.job["kind"] in TIMED:
            self._timed_on = facts["machine"]
        target = (run.job.get("arch") or {}).get("target", "")
        try:
            paths = {name: Path(run.job[name]) for name in ("checkpoint", "start") if run.job.get(name)}
            files = {name: path.read_bytes() for name, path in paths.items() if path.exists()}
            if target and target not in self._code:
                self._code[target] = dict(sources(target))
        except (OSError, ValueError) as error:
            self._fail(run, TrialFailedError(one_line(error)))
            return
        job = dict(run.job)
        if job.get("data"):
            job["data"] = json.loads(run.data) | ({"place": facts["sent"]} if facts["sent"] else {})
        if "device" in job:
            job["device"] = self._work.device
        # Only training says that it is taken up.
        run.begun = job["kind"] != "train"
        self._number += 1
        place.flying[self._number] = run
        place.actor.begin.remote(self._number, json.dumps(job), files, self._code.get(target, {}))

    def _take(self, place: _Place, message: Mapping[str, Any]) -> None:
        """Takes in a message of a place."""
        event = message["event"]
        if event == "hello":
            self._welcome(place, message)
        elif event == "note":
            self._note(f"{place.name}: {message['text']}")
        elif (run := place.flying.get(message["id"])) is None:
            return
        elif event == "step":
            run.on_step(message["done"], message["of"])
        elif event == "look":
            self._look(place, message["id"], run, message)
        else:
            del place.flying[message["id"]]
            log = self._keep_log(run, message["log"])
            if event == "failure":
                self._failed(place, run, message, log if message["see_log"] else "")
            elif self._keep(run, message):
                with suppress(InvalidStateError):
                    run.future.set_result(message["result"])

    def _welcome(self, place: _Place, message: Mapping[str, Any]) -> None:
        """Learns where a place is; it is given up where it has other code than this machine."""
        place.node = message["node"]
        known = self._cluster.get(place.node)
        place.name = message["host"] if known is None else _named(known, place.node)
        if differs := difference(message["code"], code()):
            self._set_aside(place, "with the code of this machine", differs, math.inf)
        elif problem := message.get("problem", ""):
            self._set_aside(place, "that work", one_line(problem))
        elif place.node in self._aside:  # it was on its way when that was found out
            self._lose(place, "its node is not used", counts=False)

    # What nodes are, and data for those that lack them: packed once, handed on from node to node by Ray.

    def _ask(self, place: _Place, data: str, pieces: list[Any] | None) -> None:
        """Asks a place what its node is, and whether it has the data, or takes these."""
        place.data, place.wants, place.given = data, "", bool(pieces)
        place.asked_at = time.monotonic()
        place.asked = place.actor.facts.remote(self._work.device, json.loads(data or "{}"), pieces)

    def _told(self, place: _Place, facts: Mapping[str, Any]) -> None:
        """Takes in what a node is; one that can't be used is set aside."""
        place.asked = None
        if place not in self._places:
            return
        wanted = json.loads(place.data or "{}")
        if facts["problem"] and self._work.send_data and not place.given and wanted["place"]:
            self._note(f"sending {wanted['name']} to node {place.name}")
            place.wants = identity_of(wanted)
            if place.wants not in self._pieces:
                self._pieces[place.wants] = self._packed(Path(wanted["place"]))
        elif facts["problem"]:
            self._set_aside(place, "with the data", facts["problem"])
        elif wanted.get("digest", "") not in ("", facts["data"]):
            there, here = facts["data"][:8], wanted["digest"][:8]
            got = f"{wanted['name']} with the identity {there} there and {here} here"
            self._set_aside(place, "with the data of this machine", got, math.inf)
        else:
            self._facts[place.node, place.data] = facts
            self._unfit.pop(place.node, None)
            self._hardware.add(facts["hardware"])
            if len(self._hardware) > 1:  # which need not give the same to the bit
                kinds = " and ".join(sorted(self._hardware))
                self._note(
                    f"nodes have unlike hardware ({kinds}), whose accuracies may differ in the last bits"
                )

    def _not_told(self, place: _Place, error: Exception) -> None:
        """Sets a node aside that can't say what it is, or take the data."""
        place.asked = None
        if place in self._places:
            cause = getattr(error, "cause", None) or error  # what went wrong there, without Ray's account
            must = "that take the data" if place.given else "that work"
            self._set_aside(place, must, one_line(cause)[:200])

    def _packed(self, place: Path) -> Future[list[Any]]:
        """Data as pieces that Ray keeps; neither a turn nor the end of this process waits for them."""
        pieces: Future[list[Any]] = Future()

        def pack() -> None:
            try:
                with packed(place) as archive:
                    pieces.set_result([self._ray.put(piece) for piece in archive])
            except Exception as error:  # Ray has many
                pieces.set_exception(error)

        threading.Thread(target=pack, name="packing", daemon=True).start()
        return pieces

    def _give(self, place: _Place) -> None:
        """Gives a place the data that it wants, once they are packed."""
        pieces = self._pieces[place.wants]
        if not pieces.done():
            return
        if error := pieces.exception():
            # It is this machine's fault, so that no other node would do better.
            why = one_line(error)
            if not why.startswith("`dataset`"):
                why = f"`dataset` must be a file or folder that can be packed to be sent, got {why}"
            self._dead = ScalesearchError(why)
        else:
            self._ask(place, place.data, pieces.result())

    # What came of jobs.

    def _look(self, place: _Place, number: int, run: _Run, message: Mapping[str, Any]) -> None:
        """Takes in a look: its checkpoint first, if it comes with one, so that what that has is kept."""
        run.begun = True
        if message["checkpoint"] is not None and len(message["curve"]) > run.looks:
            run.looks, run.attempts = len(message["curve"]), 0
        if self._keep(run, message):
            run.on_look(message["curve"], message["seconds"])
        else:
            del place.flying[number]
            self._lose(place, "another run could not be kept", counts=False)

    def _keep(self, run: _Run, message: Mapping[str, Any]) -> bool:
        """Writes the files that came back of a run, which fails where they can't be written."""
        try:
            for name in ("checkpoint", "weights"):
                path, content = run.job.get(name), message.get(name)
                if path and content is not None:
                    Path(path).parent.mkdir(exist_ok=True)  # a run's folder that is gone is not brought back
                    write_bytes(Path(path), content)
        except OSError as error:
            self._fail(run, TrialFailedError(reason_of_failure(error)))
            return False
        return True

    def _failed(self, place: _Place, run: _Run, message: Mapping[str, Any], log: str) -> None:
        """A run that failed: tried elsewhere where that may help; ``log`` names the file that says more."""
        reason = message["reason"]
        if message.get("checkpoint") is not None:  # newer than the last that came: it was not in vain
            run.attempts = 0
            if not self._keep(run, message):
                return
        if message["lacks"]:
            self._again(run, reason, counts=False)
            self._set_aside(place, "with the data", f"no {message['lacks']}")
        elif message["elsewhere"]:
            run.avoid.add(place.node)
            self._again(run, reason, log)
        else:
            self._fail(run, TrialFailedError(reason, log))

    def _again(self, run: _Run, reason: str, log: str = "", *, counts: bool = True) -> None:
        """Has a run wait again, unless it has been in vain too often."""
        run.attempts += counts
        if run.attempts >= ATTEMPTS:
            self._fail(run, TrialFailedError(f"tried {ATTEMPTS} times: {reason}", log))
        else:
            self._waiting.appendleft(run)

    @staticmethod
    def _fail(run: _Run, error: Exception) -> None:
        with suppress(InvalidStateError):  # somebody may have cancelled it
            run.future.set_exception(error)

    def _keep_log(self, run: _Run, content: bytes) -> str:
        """Keeps what a job logged and names the file; a log that can't be written ends nothing."""
        folder, name = self._work.log_dir, f"{run.job['key']}.{run.job['kind']}.log"
        if not content:
            return ""
        with suppress(OSError, ValueError):
            # A folder that was there and is not any more was removed: it is not brought back.
            folder.mkdir(parents=not self._logged, exist_ok=True)
            self._logged = True
            inside(folder.parent, folder.name, name).write_bytes(content)
            return name
        return ""

    def _note(self, text: str) -> None:
        """Tells the user, once."""
        if text not in self._notes:
            self._notes.add(text)
            self._work.on_note(text)


def _ignore(*_: object, **__: object) -> None:
    """Hears what nobody asked for."""


def _answers(address: str) -> bool:
    try:
        socket.create_connection((_host(address), int(address.rpartition(":")[2])), timeout=HEAD_S).close()
    except OSError:
        return False
    return True
