"""What timing networks left behind: raw samples, how they were taken, and the machine they belong to.

Nothing derived is stored: medians, spreads and intervals come from ``belief.timing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from scalesearch.plain import require_limits, typed

__all__ = [
    "DTYPES",
    "MODES",
    "RUNTIMES",
    "CompareRecord",
    "MachineRecord",
    "MeasureRecord",
    "MeasurementRecord",
    "ProcessSamples",
    "Setup",
]

Mode = Literal["inference", "training"]
Runtime = Literal["eager", "graph", "compile", "onnxruntime"]
Dtype = Literal["float32", "bfloat16", "float16"]
Outcome = Literal["measured", "out of memory", "failed", "waiting"]
MODES: tuple[Mode, ...] = get_args(Mode)
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
RUNS_ON: Mapping[Runtime, tuple[str, ...]] = MappingProxyType(
    {"graph": ("cuda",), "onnxruntime": ("cpu", "cuda")}
)
"""Where runtimes work that don't work everywhere: kinds of devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a network is timed: all that decides a figure, but for the network and the machine.

    Attributes:
        mode: one forward pass in eval mode, or one whole training step (forward, backward, AdamW).
        runtime: torch as it is, the same kernels recorded as a CUDA graph and replayed, torch.compile, or
            ONNX Runtime.
        dtype: of weights and images in inference; in training weights stay float32 and autocast uses it.
        channels_last: memory layout of weights and images; ONNX Runtime chooses its own, and MPS has another.
        batch_size: images in one pass; never changed silently.
        threads: CPU threads.
        device: ``cpu``, ``cuda`` or ``xpu`` (the first of its kind), ``cuda:N``, ``xpu:N`` or ``mps``.

    Raises:
        ValueError: if a value is out of range or unknown, or the runtime cannot do what is asked.
    """

    mode: Mode = "inference"
    runtime: Runtime = "eager"
    dtype: Dtype = "float32"
    channels_last: bool = True
    batch_size: int = 1
    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, allowed in (("mode", MODES), ("runtime", RUNTIMES), ("dtype", DTYPES)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"`{name}` must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if self.runtime == "onnxruntime" and self.mode == "training":
            raise ValueError("`runtime` must be eager, graph or compile to time training, got 'onnxruntime'")
        least = 2 if self.mode == "training" else 1
        if self.batch_size < least:
            why = " to train: batch norm needs two images" if self.mode == "training" else ""
            raise ValueError(f"`batch_size` must be >= {least}{why}, got {self.batch_size}")
        require_limits(self, "batch_size", "threads")
        if "," in self.device:
            raise ValueError(f"`device` must be one device to measure on, got {self.device!r}")
        kind = self.device.partition(":")[0]
        if kind not in RUNS_ON.get(self.runtime, (kind,)):
            raise ValueError(
                f"`runtime` must be one that works on {self.device}, got {self.runtime!r}, which works on "
                f"{' and '.join(RUNS_ON[self.runtime])} alone"
            )
        if kind == "mps" and self.channels_last:
            raise ValueError(
                "`channels_last` must be off on mps, where batch norm's gradient is wrong so laid out, got on"
            )
        if self.runtime == "onnxruntime" and self.dtype == "bfloat16":
            raise ValueError("`dtype` must be float32 or float16 for onnxruntime, got 'bfloat16'")

    @property
    def label(self) -> str:
        """In words, such as ``inference, batch 8, 2 threads, float32, eager, channels last, cpu``."""
        order = "channels last" if self.channels_last else "channels first"
        layout = () if self.runtime == "onnxruntime" else (order,)
        return ", ".join(
            (
                self.mode,
                f"batch {self.batch_size}",
                f"{self.threads} thread{'s' * (self.threads > 1)}",
                self.dtype,
                self.runtime,
                *layout,
                self.device,
            )
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Setup:
        """The setup that :meth:`to_dict` gave.

        Raises:
            ValueError: if it is none.
        """
        return typed(cls, data)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSamples:
    """What one fresh process measured: seconds for one pass of a whole batch, as sampled, in order.

    ``conditions`` is what the process saw of the machine around it, before and after: the load, and of a GPU
    its clocks (MHz), temperature (degrees Celsius), power (W) and reasons for throttling.
    """

    samples_s: tuple[float, ...]
    conditions: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRecord:
    """A machine: ``facts`` by label, and a short ``key`` that is the same for like machines alone."""

    key: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementRecord:
    """One network in one setup on one machine.

    Attributes:
        name: what the network goes by in its run, such as ``efficientnet-b3``.
        key: the network's content hash.
        resolution: height of the input in pixels, and its width, where ``resolution_width`` says no other.
        params: parameters.
        macs: multiply-adds for one image.
        activations: output elements of convolutions and linear layers for one image.
        layers: convolutions, squeeze-and-excites, pools and linear layers.
        setup: how it was timed.
        machine: key of the machine.
        processes: samples of each fresh process that was measured.
        peak_bytes: most bytes allocated at once, None where it was not measured.
        tensor_bytes: what of these the network's tensors take by closed form, on any machine; None where
            there is no peak, or no closed form: it is of torch's eager runtime in float32.
        outcome: ``out of memory`` is a result too; ``waiting`` where a run was stopped before it.
        reason: why there is no figure, or why a further process gave nothing; empty where all went well.
        largest_batch: the largest batch that fits, where that was asked for.
        resolution_width: width of the input in pixels, where it is not the height.
    """

    name: str
    key: str
    resolution: int
    params: int
    macs: int
    activations: int
    layers: int
    setup: Setup
    machine: str
    processes: tuple[ProcessSamples, ...] = ()
    peak_bytes: int | None = None
    outcome: Outcome = "measured"
    reason: str = ""
    largest_batch: int | None = None
    resolution_width: int | None = None
    tensor_bytes: int | None = None

    @property
    def samples_s(self) -> tuple[tuple[float, ...], ...]:
        """The raw samples, process by process, in seconds for a whole batch."""
        return tuple(process.samples_s for process in self.processes)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRecord:
    """A whole ``measure`` command: every network in every setup, in the order asked for."""

    name: str
    command: str
    settings: Mapping[str, Any]
    machines: tuple[MachineRecord, ...]
    versions: Mapping[str, str]
    wall_s: float
    sessions: int
    measurements: tuple[MeasurementRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRecord:
    """Two networks (or setups) timed in turn, A B B A, in each of several fresh processes.

    ``pairs`` holds, for each process, the (a, b) seconds of neighbouring passes, in order; empty where
    the two were not interleaved but come from finished runs.
    """

    name: str
    command: str
    settings: Mapping[str, Any]
    machines: tuple[MachineRecord, ...]
    versions: Mapping[str, str]
    wall_s: float
    a: MeasurementRecord
    b: MeasurementRecord
    pairs: tuple[tuple[tuple[float, float], ...], ...] = ()
