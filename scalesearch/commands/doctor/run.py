"""What a doctor asks and tries, step by step."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple

from scalesearch.errors import RunFailedError
from scalesearch.export.formats import ONNX_PACKAGES, PIP_ONNX, missing_onnx
from scalesearch.files import write_bytes
from scalesearch.hardware.device import device_kind
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Arch, Rounding
from scalesearch.records.timings import Setup
from scalesearch.scaling import Multipliers
from scalesearch.text import one_line
from scalesearch.training.dataset import DataSpec
from scalesearch.workers.engines import Hello, Work, engine
from scalesearch.workers.executor import Executor, TrialFailedError
from scalesearch.workers.jobs import FactsSpec, MeasureSpec
from scalesearch.workers.node import code, difference
from scalesearch.workers.worker import TrialSpec

# ----------------------------------------------------------------------------------------------------
# What was found of one thing that scalesearch needs, or could use.

Outcome = Literal["ok", "warning", "failed", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried.

    Attributes:
        name: what was tried.
        outcome: ``failed`` where it is there and does not work, ``missing`` where it is not there,
            ``warning`` where a busy machine kept it from being known.
        detail: what was seen.
        advice: what would do; empty where all is well.
        needed: whether scalesearch can't do its work without it.
    """

    name: str
    outcome: Outcome
    detail: str
    advice: str = ""
    needed: bool = True


def works(findings: Iterable[Finding]) -> bool:
    """Whether nothing that is needed is known to be missing or broken."""
    return all(finding.outcome in ("ok", "warning") for finding in findings if finding.needed)


def require_working(findings: Iterable[Finding]) -> None:
    """Says so where something that is needed is missing or broken.

    Raises:
        RunFailedError: if that is so.
    """
    broken = [finding.name for finding in findings if not works([finding])]
    if broken:
        raise RunFailedError(f"not everything that is needed works: {', '.join(broken)}")


# ----------------------------------------------------------------------------------------------------
# What scalesearch can use but does without: ONNX, a compiler, a GPU and its driver's word on it.

# What torch.compile's code for a CPU includes.
PROGRAM = "#include <Python.h>\n#include <omp.h>\nint main() { return omp_get_max_threads(); }\n"
WINDOWS_DRIVER = "C:/Windows/System32/nvcuda.dll"


def onnx() -> Finding:
    """Whether networks can be exported as ONNX and run by ONNX Runtime."""
    if lacking := missing_onnx():
        return Finding(
            name="ONNX", outcome="missing", detail=f"no {', '.join(lacking)}", advice=PIP_ONNX, needed=False
        )
    detail = ", ".join(f"{package} {_version(package)}" for package in ONNX_PACKAGES)
    return Finding(name="ONNX", outcome="ok", detail=detail, needed=False)


def compiler(device: str = "cpu", environment: Mapping[str, str] = os.environ) -> Finding:
    """Whether torch.compile finds what it compiles with.

    That is a C++ compiler with OpenMP and Python's headers, and on a GPU Triton too.
    """
    name = "torch.compile"
    default = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    command = environment.get("CXX", default)
    found = shutil.which(command)
    if device_kind(device) in ("cuda", "xpu") and find_spec("triton") is None:
        return Finding(
            name=name, outcome="missing", detail="no Triton", advice="pip install triton", needed=False
        )
    if found is None:
        return Finding(
            name=name,
            outcome="missing",
            detail=f"no C++ compiler {command}",
            advice="install one (apt install g++, xcode-select --install), or name one in CXX",
            needed=False,
        )
    if sys.platform != "linux":  # flags differ, and so does OpenMP's place
        return Finding(name=name, outcome="ok", detail=f"a C++ compiler, {command}", needed=False)
    headers = sysconfig.get_path("include")
    try:
        tried = subprocess.run(
            [found, "-x", "c++", "-fopenmp", "-fsyntax-only", f"-I{headers}", "-"],
            input=PROGRAM,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        wrong = next((line for line in tried.stderr.splitlines() if "error" in line), tried.stderr)
        failed = tried.returncode != 0
    except (OSError, subprocess.SubprocessError) as error:
        wrong, failed = str(error), True
    if failed:
        return Finding(
            name=name,
            outcome="failed",
            detail=f"{command} can't compile for Python: {one_line(wrong)}",
            advice="install Python's headers and OpenMP (apt install g++ python3-dev libgomp1)",
            needed=False,
        )
    return Finding(
        name=name, outcome="ok", detail=f"a C++ compiler, {command}, with Python's headers", needed=False
    )


def accelerator(device: str) -> Finding:
    """Which GPUs torch sees: CUDA's (or ROCm's), Intel's or Apple's."""
    from scalesearch.hardware.device import DRIVER_NODES, resolve_devices

    name, needed = "GPU", device != "cpu"
    # A system without a driver is not asked further: loading torch takes seconds.
    if (
        not needed
        and sys.platform != "darwin"
        and not any(node.exists() for node in (*DRIVER_NODES, Path(WINDOWS_DRIVER)))
    ):
        return Finding(
            name=name,
            outcome="missing",
            detail="no driver of a GPU; networks are trained and measured on the CPU",
            advice="on a machine with a GPU, install its driver",
            needed=False,
        )
    import torch

    built_for = torch.accelerator.current_accelerator()
    if built_for is None or not torch.accelerator.is_available():
        version = torch.version.cuda or torch.version.hip or ""
        kind = "ROCm" if torch.version.hip else "" if built_for is None else built_for.type.upper()
        build = f"built for {kind} {version}".rstrip() if kind else "built without one"
        return Finding(
            name=name,
            outcome="missing",
            detail=f"there may be a driver, but torch {torch.__version__} ({build}) sees no GPU",
            advice="install the torch that pytorch.org names for this GPU and its driver",
            needed=needed,
        )
    named = getattr(torch.get_device_module(built_for), "get_device_name", lambda _: "")  # Apple's has none
    devices = resolve_devices(built_for.type)
    detail = ", ".join(f"{place} {named(place)}".rstrip() for place in devices)
    return Finding(name=name, outcome="ok", detail=detail, needed=needed)


def nvml(device: str) -> Finding:
    """Whether a GPU's clocks, temperature and throttling can be asked for."""
    from scalesearch.hardware.machine import gpu_state, nvml_works

    if not nvml_works():
        return Finding(
            name="NVML",
            outcome="missing",
            detail="no NVIDIA driver answers: a GPU's clocks and throttling would not be recorded",
            advice="on a machine with an NVIDIA GPU, install its driver"
            if find_spec("pynvml")
            else "pip install nvidia-ml-py",
            needed=False,
        )
    state = gpu_state(device) if device_kind(device) == "cuda" else {}
    told = ", ".join(f"{label} {value}" for label, value in state.items() if not isinstance(value, list))
    return Finding(name="NVML", outcome="ok", detail=told or "the driver answers", needed=False)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # a module without a distribution, such as one built from source
        return "of unknown version"


# ----------------------------------------------------------------------------------------------------
# Whether scalesearch works on this machine: each thing it needs is tried once, on a small scale.

LEAST_FREE_BYTES = 2**30
WAIT_S = 45.0
"""How long a fresh process may take to give its result."""
WAIT_NODE_S = 120.0
"""How long a node may take for a step, or to look at the data."""
ON_NODE = "see what is said above of that node"
WAIT_BUSY_S = 20.0
"""The same on a busy machine, where waiting longer would tell nothing more."""
SELF_TEST_S = 9.0
"""No check of the self-test is repeated beyond."""
SPIN_S = 0.2
LEAST_SHARE = 0.95
"""The least share of a core that a process gets on a machine that isn't busy."""
SELF_TEST = {
    "a known time is measured": "check_known_time",
    "injected noise is flagged": "check_noise",
    "A is told from 2A": "check_ratio",
    "A is not told from A": "check_same",
}
"""The checks of the self-test, and the function of ``bench.selftest`` that each is."""


class Step(NamedTuple):
    """One thing to be tried.

    Attributes:
        name: of what is tried.
        needed: whether scalesearch can't do its work without it.
        examine: tries it.
    """

    name: str
    needed: bool
    examine: Callable[[], Finding]


def steps(executor: Executor, *, folder: Path, device: str, log_dir: Path) -> tuple[Step, ...]:
    """All that is to be tried, in its order: what takes no time first.

    Args:
        executor: runs what is tried in fresh processes.
        folder: where reports go.
        device: where a network is trained and measured: ``cpu``, ``cuda:1`` and the like.
        log_dir: where the executor's workers log.
    """
    ends: list[float] = []  # of the self-test, known once its first check begins

    def self_test(check: str) -> Finding:
        return measuring_is_right(check, ends)

    on_this_device = []
    if device_kind(device) == "cuda":
        on_this_device.append(Step("a CUDA graph", False, lambda: captured(executor, device, log_dir)))
    if device == "mps":
        on_this_device.append(Step("gradients", True, lambda: gradients(device)))
    return (
        Step("writing reports", True, lambda: writing(folder)),
        Step("free space", True, lambda: space(folder)),
        Step("torch.compile", False, lambda: compiler(device)),
        Step("GPU", device != "cpu", lambda: accelerator(device)),
        Step("NVML", False, lambda: nvml(device)),
        Step("embedded photographs", True, photographs),
        Step("a training step", True, lambda: training_step(executor, device, log_dir)),
        Step("a measurement", True, lambda: measurement(executor, device, log_dir)),
        *on_this_device,
        *(Step(f"self-test: {check}", True, partial(self_test, check)) for check in SELF_TEST),
        Step("ONNX", False, onnx),
    )


def node_steps(
    executor: str, *, device: str, dataset: str, log_dir: Path, note: Callable[[str], None]
) -> tuple[Step, ...]:
    """All that is to be tried on each node of an engine: its code, the data, a step, what it is.

    Args:
        executor: what ``--executor`` says.
        device: kind of device to train on.
        dataset: name of the data that nodes are asked for.
        log_dir: where logs of nodes go.
        note: hears what the engine says beside.

    Raises:
        ScalesearchError: if nobody answers there.
    """
    found, address = engine(executor)
    there = DataSpec(name=dataset).from_the_root_on().to_dict()
    tried = []
    for name, hello in found.hellos(address, None).items():
        work = Work(
            device=device, jobs=1, log_dir=log_dir, stall_timeout=WAIT_NODE_S, on_note=note, node=name
        )
        # One for both: a place takes seconds to start.
        made = cache(partial(found.executor, address, work))
        step = partial(_step_on_node, f"{name}: a training step", made, device, log_dir)
        facts = partial(_facts_of_node, f"{name}: device and data", made, device, there)
        tried += [
            Step(f"{name}: code", True, partial(_code_of_node, f"{name}: code", hello)),
            Step(f"{name}: device and data", True, facts),
            Step(f"{name}: a training step", True, step),
        ]
    return tuple(tried)


def _code_of_node(name: str, hello: Hello) -> Finding:
    detail = ", ".join(f"{package} {text}" for package, text in hello.code.items())
    if hello.problem:
        return Finding(
            name=name, outcome="failed", detail=hello.problem, advice="see the logs of Ray on that node"
        )
    if differs := difference(hello.code, code()):
        lines = [f"{package}=={text.split()[0]}" for package, text in code().items()]
        return Finding(
            name=name, outcome="failed", detail=differs, advice=f"there: pip install {' '.join(lines)}"
        )
    return Finding(name=name, outcome="ok", detail=f"{detail}, as here")


def _facts_of_node(name: str, made: Callable[[], Executor], device: str, data: Mapping[str, Any]) -> Finding:
    """What a node is, and whether it has the data."""
    spec = FactsSpec(key="doctor-facts", device=device, data=data)
    try:
        facts = made().submit(spec.to_dict(), lambda _done, _of: None).result(timeout=WAIT_NODE_S)
    except (TimeoutError, ValueError, TrialFailedError) as error:
        return Finding(name=name, outcome="failed", detail=one_line(error) or "no answer", advice=ON_NODE)
    if facts["problem"]:
        advice = "put the data on a file system that all nodes share, or have them sent (--send-data)"
        return Finding(name=name, outcome="failed", detail=facts["problem"], advice=advice)
    detail = f"{facts['hardware']}, machine {facts['machine']}; {data['name']}, identity {facts['data'][:8]}"
    return Finding(name=name, outcome="ok", detail=detail)


def _step_on_node(name: str, made: Callable[[], Executor], device: str, log_dir: Path) -> Finding:
    """A training step on a node; its executor ends with it."""
    executor = made()
    try:
        return replace(training_step(executor, device, log_dir), name=name)
    except ValueError as error:  # the engine ended, and says why
        return Finding(name=name, outcome="failed", detail=one_line(error), advice=ON_NODE)
    finally:
        executor.shutdown(kill=True)


def busy(clock: Callable[[], float] = time.perf_counter, used: Callable[[], float] = time.thread_time) -> str:
    """How other work shows on this machine, in words; empty where none does.

    By how much of a core this process gets while it asks for all of one, and by the system's load.

    Args:
        clock: what time it is, in seconds.
        used: seconds of a core that this thread has had.
    """
    from scalesearch.hardware.machine import conditions, usable_cores

    begun, had = clock(), used()
    while clock() - begun < SPIN_S:
        pass
    share = (used() - had) / (clock() - begun)
    load, cores = conditions().get("load_1m"), usable_cores()
    if load is not None and load > cores:
        return f"load {load:.1f} on {cores} core{'s' * (cores > 1)}"
    return f"a process gets {share:.0%} of a core" if share < LEAST_SHARE else ""


def writing(folder: Path) -> Finding:
    """Puts a file into the folder as reports are put there, reads it, and leaves nothing behind."""
    name = "writing reports"
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    path = folder / f".doctor-{uuid.uuid4().hex}"
    try:
        write_bytes(path, b"written")
        read = path.read_bytes()
        path.unlink()
        for place in made:
            place.rmdir()
    except OSError as error:
        reason = f"{folder}: {error.strerror or error}"
        return Finding(name=name, outcome="failed", detail=reason, advice="name another folder with --out")
    if read != b"written":
        return Finding(
            name=name,
            outcome="failed",
            detail=f"{folder} gave back something else than was written",
            advice="check the disk, or name another folder with --out",
        )
    return Finding(name=name, outcome="ok", detail=f"{folder} takes files")


def space(folder: Path, least_bytes: int = LEAST_FREE_BYTES) -> Finding:
    """Whether there is room for reports and checkpoints."""
    name = "free space"
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        detail = f"{folder}: {error.strerror or error}"
        return Finding(name=name, outcome="failed", detail=detail, advice="name another folder with --out")
    detail = f"{free / 2**30:.1f} GiB where {folder} is"
    if free < least_bytes:
        advice = f"free at least {least_bytes / 2**30:.2g} GiB, or name a folder on another disk with --out"
        return Finding(name=name, outcome="failed", detail=detail, advice=advice)
    return Finding(name=name, outcome="ok", detail=detail)


def photographs() -> Finding:
    """Whether the embedded photographs can be read."""
    from scalesearch.training.dataset import PHOTOGRAPHS

    broken = []
    for photograph in PHOTOGRAPHS:
        try:
            import skimage.data

            getattr(skimage.data, photograph)()
        except Exception as error:  # an image library has many ways to fail
            broken.append(f"{photograph} ({one_line(error)})")
    name = "embedded photographs"
    if broken:
        return Finding(
            name=name,
            outcome="failed",
            detail=", ".join(broken)[:300],
            advice="pip install --force-reinstall scikit-image, or train on your own: --dataset folder:PATH",
        )
    return Finding(name=name, outcome="ok", detail=f"all {len(PHOTOGRAPHS)} of them")


def training_step(executor: Executor, device: str, log_dir: Path) -> Finding:
    """Trains a tiny network for a step on the embedded photographs, in a fresh process."""
    from scalesearch.training.dataset import PHOTOGRAPHS
    from scalesearch.training.recipe import RECIPES

    spec = TrialSpec(
        key="doctor",
        arch=replace(_tiny(), classes=len(PHOTOGRAPHS)),
        recipe=replace(RECIPES["quick"], images=8, batch_size=8, looks=1).to_dict(),
        data=DataSpec(held_out=len(PHOTOGRAPHS)).to_dict(),
        device=device,
        threads=1,
        count=False,
    )

    def said(result: dict[str, Any]) -> str:
        seconds = result["train_seconds"]
        return f"a tiny network on {device}, one step in {seconds:.2g} s, in a fresh process"

    return _in_a_process("a training step", executor, spec.to_dict(), log_dir, said)


def measurement(executor: Executor, device: str, log_dir: Path) -> Finding:
    """Measures a tiny network's latency and memory in a fresh process."""
    setup = Setup(device=device, channels_last=device != "mps")
    spec = MeasureSpec(key="doctor", arch=_tiny(), setup=setup, min_run_time_s=0.05)

    def said(result: dict[str, Any]) -> str:
        samples = result["samples_s"]
        return (
            f"a tiny network on {device}, {median(samples) * 1e3:.2f} ms from {len(samples)} samples, "
            "in a fresh process"
        )

    return _in_a_process("a measurement", executor, spec.to_dict(), log_dir, said)


def captured(executor: Executor, device: str, log_dir: Path) -> Finding:
    """Measures a tiny network's training step as a CUDA graph, in a fresh process."""
    setup = Setup(device=device, runtime="graph", mode="training", batch_size=2)
    spec = MeasureSpec(key="doctor-graph", arch=_tiny(), setup=setup, min_run_time_s=0.05)

    def said(result: dict[str, Any]) -> str:
        milliseconds = median(result["samples_s"]) * 1e3
        return f"a tiny network's training step recorded and replayed in {milliseconds:.2f} ms"

    return replace(_in_a_process("a CUDA graph", executor, spec.to_dict(), log_dir, said), needed=False)


def gradients(device: str) -> Finding:
    """Compares a small network's gradients on a device with the CPU's."""
    name = "gradients"
    try:
        from scalesearch.hardware.device import resolve_device
        from scalesearch.hardware.gradients import require_right_gradients

        require_right_gradients(resolve_device(device))
    except Exception as error:  # whatever it is, the other findings are still worth having
        return Finding(name=name, outcome="failed", detail=one_line(error), advice="train with --device cpu")
    return Finding(name=name, outcome="ok", detail=f"a small network's on {device} are those of the CPU")


def measuring_is_right(check: str, ends: list[float]) -> Finding:
    """A check of the self-test of measuring: known times, noise, and pairs that differ or don't.

    Args:
        check: a name of ``SELF_TEST``.
        ends: when the whole self-test has to end by ``time.monotonic``; empty before the first check, which
            sets it.
    """
    name = f"self-test: {check}"
    try:
        from scalesearch.commands.doctor import selftest  # torch is loaded before the clock is started

        if not ends:
            ends.append(time.monotonic() + SELF_TEST_S)
        done = selftest.patiently(getattr(selftest, SELF_TEST[check]), ends=ends[0])
    except Exception as error:  # whatever it is, the other findings are still worth having
        advice = "the reason above is one of torch or of the system"
        return Finding(name=name, outcome="failed", detail=one_line(error), advice=advice)
    if done.passed:
        return Finding(name=name, outcome="ok", detail=done.detail)
    return _unless_busy(name, done.detail, "run it again; a timer that fails here measures wrong")


def _unless_busy(name: str, detail: str, advice: str) -> Finding:
    """A failure, or a warning where the machine is busy: then it may be none."""
    if around := busy():
        return Finding(
            name=name,
            outcome="warning",
            detail=f"{detail}; the machine is busy: {around}",
            advice="run it again while nothing else is busy on the machine",
        )
    return Finding(name=name, outcome="failed", detail=detail, advice=advice)


def _tiny() -> Arch:
    """EfficientNet-B0 at an eighth of its width, 16 px."""
    return scale(EFFICIENTNET_B0, Multipliers(width=0.125), Rounding(channel_divisor=1), resolution=16)


def _in_a_process(
    name: str,
    executor: Executor,
    job: dict[str, Any],
    log_dir: Path,
    said: Callable[[dict[str, Any]], str],
) -> Finding:
    wait_s = WAIT_BUSY_S if busy() else WAIT_S
    ends = time.monotonic() + wait_s
    try:
        future = executor.submit(job, lambda _done, _of: None)
        # The self-test needs torch in this process too: loaded while the other process loads its own.
        import torch  # noqa: F401

        result = future.result(timeout=max(1.0, ends - time.monotonic()))
    except TimeoutError:
        return _unless_busy(name, f"no result within {wait_s:.0f} s", "see what the process waits for")
    except TrialFailedError as error:
        reason, _, log = str(error).partition("; see logs/")
        last = _last_line(log_dir / log) if log else ""
        return Finding(
            name=name,
            outcome="failed",
            detail=f"{reason}: {last}" if last else reason,
            advice="check that torch works here: python -m torch.utils.collect_env",
        )
    return Finding(name=name, outcome="ok", detail=said(result))


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text("utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
