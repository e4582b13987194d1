"""Engines: what runs jobs on this machine or on others, each by the name that ``--executor`` takes.

An engine is an entry point of the group ``scalesearch.executors``: a package of anybody's adds one without a
change here. Its executors have to pass :mod:`scalesearch.workers.contract`.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from scalesearch.errors import ScalesearchError
from scalesearch.hardware.device import device_kind
from scalesearch.text import near, one_line, printable
from scalesearch.workers.executor import Executor, training_executor
from scalesearch.workers.node import code, difference, lacking

GROUP = "scalesearch.executors"
HERE = "processes"
"""The engine of this machine's own processes, which is used where nobody names one."""
BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        HERE: "scalesearch.workers.engines:Processes",
        "ray": "scalesearch.workers.ray_engine:RayEngine",
    }
)
"""As pyproject.toml has them, which a checkout need not have been installed from since."""
EXTRAS: Mapping[str, str] = MappingProxyType({"ray": "pip install 'scalesearch[ray]'"})
SIDE_BY_SIDE = 16
"""Runs that a GPU may have at a time where nobody says how many."""
GPUS = ("cuda", "xpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What an engine can train on now: processors and GPUs of each of its nodes."""

    cpus: tuple[int, ...]
    gpus: tuple[int, ...] = ()

    @property
    def device(self) -> str:
        """The kind of device that is trained on where nobody says."""
        return "cuda" if any(self.gpus) else "cpu"

    def jobs(self, device: str, threads: int) -> int:
        """How many runs it has room for at a time, at least one."""
        if device_kind(device) in GPUS:
            return max(1, SIDE_BY_SIDE * sum(self.gpus))
        return max(1, sum(cpus // threads for cpus in self.cpus))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an executor is made for.

    Attributes:
        device: kind of device to train on.
        threads: CPU threads of each run.
        jobs: runs in flight at a time, over all nodes.
        log_dir: folder of this machine where jobs' logs go; made if need be.
        stall_timeout: seconds of a worker's silence after which it is taken for hung; None waits for good.
        on_note: hears what the user should know, from another thread.
        timed_on: key of the machine that all times have to be measured on; empty for any, the same for all.
        send_data: whether nodes that lack the user's own data are sent them.
        node: the name of the only node to use; empty for all.
    """

    device: str
    jobs: int
    log_dir: Path
    threads: int = 1
    stall_timeout: float | None = None
    on_note: Callable[[str], None] = lambda _text: None
    timed_on: str = ""
    send_data: bool = False
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a node says of itself.

    Attributes:
        code: what decides what training gives there, as :func:`scalesearch.workers.node.code` has it.
        lacks: where data should lie that are not there; else empty.
        problem: why it says nothing; else empty.
    """

    code: Mapping[str, str] = field(default_factory=dict)
    lacks: str = ""
    problem: str = ""


class Engine(Protocol):
    """Makes executors that run jobs somewhere. Made without arguments, by its class."""

    def resources(self, address: str) -> Resources:
        """What there is to train on at an address (empty: where this engine is at home).

        Raises:
            ScalesearchError: naming ``executor``, if nobody answers there within ten seconds, or the address
                is none.
        """
        ...

    def hellos(self, address: str, data: Mapping[str, Any] | None) -> Mapping[str, Hello]:
        """What each node there says of itself, by its name.

        Args:
            address: as :meth:`resources` takes it.
            data: what it is asked for, as plain data, with its place from the root on; None for none.

        Raises:
            ScalesearchError: as :meth:`resources`.
        """
        ...

    def executor(self, address: str, work: Work) -> Executor:
        """What runs jobs there.

        Raises:
            ScalesearchError: as :meth:`resources`.
        """
        ...


class Processes:
    """The engine of this machine's processes and GPUs, which has no address."""

    def resources(self, address: str) -> Resources:
        """See :class:`Engine`."""
        from scalesearch.hardware.device import auto_device, resolve_devices
        from scalesearch.hardware.machine import usable_cores

        self._require_no_address(address)
        kind = auto_device()
        gpus = (len(resolve_devices(kind)),) if kind in GPUS else ()
        return Resources(cpus=(usable_cores(),), gpus=gpus)

    def hellos(self, address: str, data: Mapping[str, Any] | None) -> Mapping[str, Hello]:
        """See :class:`Engine`."""
        self._require_no_address(address)
        return {platform.node(): Hello(code=code(), lacks=lacking(data) if data else "")}

    def executor(self, address: str, work: Work) -> Executor:
        """See :class:`Engine`."""
        self._require_no_address(address)
        return training_executor(
            work.device,
            jobs=work.jobs,
            log_dir=work.log_dir,
            stall_timeout=work.stall_timeout,
            on_note=work.on_note,
        )

    @staticmethod
    def _require_no_address(address: str) -> None:
        if address:
            raise ScalesearchError(
                f"`executor` must be {HERE} alone for this machine's processes, got "
                f"{HERE}://{printable(address)}"
            )


def is_here(executor: str | None) -> bool:
    """Whether runs are trained by this machine's own processes."""
    return executor in (None, HERE)


@cache
def engine(executor: str) -> tuple[Engine, str]:
    """The engine that ``--executor`` names, and the address that goes with it.

    Args:
        executor: ``NAME``, ``NAME://ADDRESS``, or ``HOST:PORT``, which is a Ray cluster's.

    Raises:
        ScalesearchError: if there is none of that name, or what it needs isn't installed.
    """
    if "@" in executor or "?" in executor:
        # It is kept in run.toml and told in messages: neither is a place for a password, nor is this line.
        raise ScalesearchError(
            "`executor` must be a name or an address without a user, a password and options in it, got one "
            "with @ or ?"
        )
    name, _, address = executor.partition("://")
    if "://" not in executor and ":" in executor:
        name, address = "ray", executor
    there = _entries()
    if name in there and "://" in executor and not address:
        address = "" if name == HERE else f"have an address after {name}://, such as {name}://head:10001, or "
        raise ScalesearchError(f"`executor` must {address}be {name} alone, got {printable(executor)!r}")
    if name not in there:
        raise ScalesearchError(
            f"`executor` must be one of {', '.join(there)}, with ://ADDRESS after it where it has one, got "
            f"{printable(executor)!r}{near(name, tuple(there))}"
        )
    try:
        found: Engine = there[name].load()()
    except Exception as error:  # it is anybody's code
        how = f"it can't be loaded: {one_line(error)}"
        how = EXTRAS.get(name, how) if isinstance(error, ImportError) else how
        raise ScalesearchError(f"`executor` must be one that is installed, got {name!r}: {how}") from error
    return found, address


def _entries() -> Mapping[str, EntryPoint]:
    own = {name: EntryPoint(name, place, GROUP) for name, place in BUILT_IN.items()}
    # Nobody takes the place of a built-in one unnoticed.
    return {entry.name: entry for entry in entry_points(group=GROUP)} | own


def resources_of(executor: str) -> Resources:
    """What the engine of ``--executor`` has to train on; errors as :func:`engine` and ``Engine``."""
    found, address = engine(executor)
    return found.resources(address)


def require_resources(executor: str, device: str, threads: int, data: Mapping[str, Any] | None) -> None:
    """Refuses what no node of an engine has, so that nobody waits for it for good, and other code there.

    Args:
        executor: what ``--executor`` says.
        device: where to train.
        threads: CPU threads of each run.
        data: as ``Engine.hellos`` takes it; None where it will be sent.

    Raises:
        ScalesearchError: if that is so, or as :func:`resources_of`.
    """
    there = resources_of(executor)
    kind = device_kind(device)
    if kind != "cpu" and device not in GPUS:
        raise ScalesearchError(
            f"`device` must be cpu, {', '.join(GPUS)} or auto with the executor {executor}, which hands out "
            f"GPUs itself, got {device!r}"
        )
    if kind in GPUS and not any(there.gpus):
        nodes = len(there.cpus)
        raise ScalesearchError(
            f"`device` must be one that a node of {executor} has, got {device!r}: its {nodes} "
            f"node{'s have' if nodes != 1 else ' has'} no GPU"
        )
    most = max(there.cpus, default=0)
    if kind == "cpu" and threads > most:
        raise ScalesearchError(
            f"`threads` must be at most {most}, the most CPUs that a node of {executor} has, got {threads}"
            if most
            else f"`executor` must have a node with CPUs to train on, got {executor} without"
        )
    found, address = engine(executor)
    for node, hello in found.hellos(address, data).items():
        if wrong := node_problem(hello, node):
            raise ScalesearchError(wrong)


def node_problem(hello: Hello, node: str) -> str:
    """Why a node can't do the work of this machine, in a line that names it; empty where it can."""
    if hello.problem:
        return f"`executor` must have nodes that answer, got no word from node {node}: {hello.problem}"
    if differs := difference(hello.code, code()):
        return f"`executor` must have nodes with the code of this machine, got {differs}, on node {node}"
    if hello.lacks:
        return (
            f"`dataset` must be on every node, got no {printable(hello.lacks)} on node {node}; put it on a "
            "file system that all share, or have it sent (--send-data)"
        )
    return ""


def executor_of(executor: str | None, work: Work) -> Executor:
    """What runs jobs by ``--executor``; errors as :func:`engine` and ``Engine``."""
    found, address = engine(executor or HERE)
    return found.executor(address, work)
