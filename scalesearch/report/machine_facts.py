"""The facts of a machine as a reader wants them: few lines, and nothing unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from scalesearch.records import MachineRecord
from scalesearch.report.markdown import plural

__all__ = ["machine_facts", "readable_machine"]

UNKNOWN = "unknown"


def machine_facts(machines: Sequence[MachineRecord]) -> Mapping[str, Any]:
    """The one machine's key and facts, or the facts of each of several by its key."""
    if len(machines) == 1:
        return {"key": machines[0].key, **machines[0].facts}
    return {machine.key: dict(machine.facts) for machine in machines}


def readable_machine(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts in few lines, by label, in the order in which they are read.

    Facts that belong together share a line, and those that the system didn't tell are left out, but for what
    a record always names (``cpu``, ``cores``, ``memory_bytes``, ``system``). Facts that nothing is known of
    here stay as they are, at the end; a record of an earlier release, which has four of them, is as it was. A
    mapping of several machines is made readable one by one.
    """
    lines: dict[str, Any] = {}
    used: set[str] = set()
    for label, (say, parts) in LINES.items():
        if (line := say(_Facts(facts))) is not None:
            lines[label] = line
        used |= set(parts)
    for label, value in facts.items():
        if label not in used:
            lines[label] = readable_machine(value) if isinstance(value, Mapping) else value
    return lines


class _Facts:
    """Facts by label, each with words around it where it is told."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts

    def of(self, label: str) -> Any:
        """The fact, None where it is not told."""
        value = self._facts.get(label)
        return None if value in (UNKNOWN, "", [], ()) else value

    def raw(self, label: str) -> Any:
        """The fact as it is recorded."""
        return self._facts.get(label)

    def say(self, label: str, text: str = "{}") -> str:
        """``text`` with the fact in it, empty where it is not told."""
        value = self.of(label)
        if value is None:
            return ""
        if isinstance(value, list | tuple):
            value = " ".join(map(str, value))
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return text.format(f"{value:.12g}" if number else value)

    def gib(self, label: str, text: str = "{}") -> str:
        """``text`` with that many bytes in it, empty where it is not told."""
        value = self.of(label)
        return text.format(f"{value / 2**30:.1f} GiB") if isinstance(value, int) else ""


def _join(first: Any, more: Iterable[str]) -> Any:
    """``first (more, more)``; ``first`` itself where there is no more."""
    told = [text for text in more if text]
    return f"{first} ({', '.join(told)})" if told else first


def _cpu(facts: _Facts) -> Any:
    virtual = "virtual" if facts.of("virtual") is True else ""
    return _join(facts.raw("cpu"), (facts.say("cpu_id"), virtual, facts.say("instruction_sets")))


def _cores(facts: _Facts) -> Any:
    cores, physical = facts.raw("cores"), facts.of("physical_cores")
    siblings = f"on {plural(physical, 'physical core')}" if physical not in (None, cores) else ""
    more = facts.say("machine_cores", "of {}") if facts.of("machine_cores") != cores else ""
    quota = facts.say("cpu_quota", "time of {} allowed")
    return _join(cores, (more, facts.say("affinity", "processors {}"), siblings, quota))


def _frequency(facts: _Facts) -> str | None:
    governor, most = facts.say("governor", "governor {}"), facts.say("max_mhz", "up to {} MHz")
    return ", ".join(filter(None, (governor, most))) or None


def _memory(facts: _Facts) -> Any:
    limit = facts.gib("memory_limit_bytes", "{} allowed")
    return _join(facts.gib("memory_bytes"), (limit,)) if limit else facts.raw("memory_bytes")


def _system(facts: _Facts) -> Any:
    system, torch = facts.raw("system"), facts.say("torch", "torch {}")
    return f"{system}, {torch}" if system and torch else system


def _gpu(facts: _Facts) -> Any:
    return _join(
        facts.raw("gpu"),
        (
            "a slice of it" if facts.of("gpu_slice") is True else "",
            facts.say("gpu_capability", "capability {}"),
            facts.gib("gpu_memory_bytes"),
            {"True": "ECC", "False": "no ECC"}.get(str(facts.of("gpu_ecc")), ""),
            facts.say("gpu_power_limit_w", "{} W"),
            facts.say("gpu_max_sm_mhz", "up to {} MHz"),
            facts.say("gpu_max_memory_mhz", "memory {} MHz"),
        ),
    )


def _driver(facts: _Facts) -> str | None:
    kits = (facts.say("cuda", "CUDA {}"), facts.say("rocm", "ROCm {}"), facts.say("cudnn", "cuDNN {}"))
    parts = (facts.say("driver"), *kits)
    return ", ".join(filter(None, parts)) or None


# Each line: what says it, and the facts in it.
LINES: dict[str, tuple[Callable[[_Facts], Any], tuple[str, ...]]] = {
    "key": (lambda facts: facts.raw("key"), ("key",)),
    "cpu": (_cpu, ("cpu", "cpu_id", "virtual", "instruction_sets", "architecture")),
    "cores": (_cores, ("cores", "machine_cores", "affinity", "physical_cores", "cpu_quota")),
    "frequency": (_frequency, ("governor", "max_mhz")),
    "memory_bytes": (_memory, ("memory_bytes", "memory_limit_bytes")),
    "system": (_system, ("system", "torch")),
    "gpu": (
        _gpu,
        (
            *("gpu", "gpu_slice", "gpu_capability", "gpu_memory_bytes", "gpu_ecc", "gpu_power_limit_w"),
            *("gpu_max_sm_mhz", "gpu_max_memory_mhz"),
        ),
    ),
    "driver": (_driver, ("driver", "cuda", "rocm", "cudnn")),
    "flags": (lambda facts: facts.say("flags") or None, ("flags",)),
    "torch_flags": (lambda facts: facts.say("torch_flags") or None, ("torch_flags",)),
}
