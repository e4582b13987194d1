"""Timings with their conditions, the machine, and the cost law fitted to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from scalesearch.networks.spec import Cost
from scalesearch.plain import require_limits, typed
from scalesearch.text import bare

# ----------------------------------------------------------------------------------------------------
# What timing networks left behind: raw samples, how they were taken, and the machine they belong to.
#
# Nothing derived is stored: medians, spreads and intervals come from ``statistics.timing``.

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
    """A whole ``measure`` command: every network in every setup, in the order asked for.

    ``laws`` are the cost laws whose predictions its page shows.
    """

    name: str
    command: str
    settings: Mapping[str, Any]
    machines: tuple[MachineRecord, ...]
    versions: Mapping[str, str]
    wall_s: float
    sessions: int
    measurements: tuple[MeasurementRecord, ...]
    laws: tuple[CostLaw, ...] = ()


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


# ----------------------------------------------------------------------------------------------------
# Setups as text: ``dtype=bf16,batch=8`` after the @ of a network or of a budget.

SHORT_DTYPES = MappingProxyType({"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"})
ON_OFF = MappingProxyType({"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False})


def parse_changes(text: str, argument: str) -> dict[str, Any]:
    """Fields of a ``Setup`` out of ``dtype=bf16,batch=8,runtime=compile``.

    Raises:
        ValueError: if a field or a value is unknown.
    """
    changes: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        field_name, read = CHANGES.get(name, ("", str))
        if not (equals and field_name):
            known = ", ".join(f"{key}=" for key in CHANGES)
            raise ValueError(f"`{argument}` must be followed by one of {known} after @, got {part!r}")
        if field_name in changes:
            raise ValueError(f"`{argument}` must have each once after @, got {name} twice in {text!r}")
        try:
            changes[field_name] = read(value)
        except ValueError as error:
            raise ValueError(f"`{argument}` must have {error} as {name} after @, got {part!r}") from None
    return changes


def _of(allowed: Sequence[str]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return value

    return read


def dtype_of(value: str) -> str:
    """A number type by its short or its whole name.

    Raises:
        ValueError: naming those that there are, if it is none.
    """
    name = SHORT_DTYPES.get(value, value)
    if name not in DTYPES:
        raise ValueError(f"one of {', '.join(SHORT_DTYPES)}")
    return name


def whole_number(value: str) -> int:
    """A whole number >= 1.

    Raises:
        ValueError: saying so, if it is none.
    """
    if not (value.isascii() and value.isdecimal() and int(value) > 0):
        raise ValueError("a whole number >= 1")
    return int(value)


def _flag(value: str) -> bool:
    if value not in ON_OFF:
        raise ValueError("yes or no")
    return ON_OFF[value]


CHANGES: Mapping[str, tuple[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "dtype": ("dtype", dtype_of),
        "batch": ("batch_size", whole_number),
        "runtime": ("runtime", _of(RUNTIMES)),
        "mode": ("mode", _of(MODES)),
        "threads": ("threads", whole_number),
        "channels_last": ("channels_last", _flag),
        "device": ("device", str),
    }
)


# ----------------------------------------------------------------------------------------------------
# The cost law of a machine: what time costs there, and how far the law can be trusted.

LAW_TERMS = ("constant", "macs", "activations", "params", "layers")
"""What latency is made of: seconds for nothing at all, and for each unit of the network's cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """A network's measured and predicted seconds, predicted by a law that was fitted without it."""

    name: str
    key: str
    measured_s: float
    predicted_s: float

    @property
    def error(self) -> float:
        """Relative error of the prediction."""
        return self.predicted_s / self.measured_s - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLaw:
    """Latency in one setup on one machine as a non-negative combination of a network's costs.

    Attributes:
        machine: key of the machine it holds on.
        setup: the setup it holds in; ``macs`` and ``activations`` are those of the setup's whole batch.
        seconds: by term of ``LAW_TERMS``: seconds for one multiply-add, one activation, one parameter, one
            layer; ``constant`` in seconds.
        held_out: every network of the fit, predicted by a law fitted without its fold.
        spread: the least and the greatest latency among those networks, in seconds.

    Raises:
        ValueError: if a coefficient is unknown, missing, negative or not finite.
    """

    machine: str
    setup: Setup
    seconds: Mapping[str, float]
    held_out: tuple[HeldOut, ...]

    def __post_init__(self) -> None:
        if set(self.seconds) != set(LAW_TERMS):
            raise ValueError(f"`seconds` must name {', '.join(LAW_TERMS)}, got {', '.join(self.seconds)}")
        for name, value in self.seconds.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"`seconds` must be finite numbers >= 0, got {value} for {name}")
        for row in self.held_out:
            if not (math.isfinite(row.measured_s) and row.measured_s > 0 and math.isfinite(row.predicted_s)):
                raise ValueError(f"`held_out` must have finite times > 0, got {row.measured_s} of {row.name}")

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest latency that the law was fitted on, in seconds."""
        times = [row.measured_s for row in self.held_out]
        return (min(times), max(times)) if times else (math.nan, math.nan)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return {
            "machine": self.machine,
            "setup": self.setup.to_dict(),
            "seconds": dict(self.seconds),
            "held_out": [
                {"name": r.name, "key": r.key, "measured_s": r.measured_s, "predicted_s": r.predicted_s}
                for r in self.held_out
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CostLaw:
        """The law that :meth:`to_dict` gave.

        Raises:
            ValueError: if it is none.
        """
        try:
            return typed(cls, data)
        except ValueError as error:
            raise ValueError(
                f"`law` must be a cost law as scalesearch law writes it: {bare(error)}"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTime:
    """Seconds that one kind of layer takes in one forward pass of a network.

    ``kind``: depthwise, pointwise, spatial (other convolutions), squeeze-excite, norm, activation, add,
    linear, or other (what no kind explains).
    """

    name: str
    kind: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a dimension costs in one setup: the baseline scaled in it alone.

    The exponents are over a doubling of the cost: ``2 = multiplier ** exponent``, on a smooth cost without
    rounding. What is ``built`` is the real network nearest to twice the multiply-adds.

    Attributes:
        setup: of the law.
        dimension: depth, width or resolution.
        nominal_exponent: of the multiply-adds by the rule: 1, 2, 2.
        macs_exponent: of the multiply-adds in fact.
        latency_exponent: of the law's seconds; near 0 where hardly any multiplier doubles them.
        latency_ratio: seconds by the law, over the baseline's, where the multiply-adds have doubled exactly.
        built: name of the network.
        built_key: its content hash.
        built_macs_ratio: its multiply-adds over the baseline's.
        built_activations_ratio: its activations over the baseline's.
        built_layers_ratio: its layers over the baseline's.
        built_latency_ratio: its seconds by the law over the baseline's.
        measured: its measured seconds over the baseline's, with the 95% interval; None where one of the two
            was not measured.
    """

    setup: Setup
    dimension: str
    nominal_exponent: float
    macs_exponent: float
    latency_exponent: float
    latency_ratio: float
    built: str
    built_key: str
    built_macs_ratio: float
    built_activations_ratio: float
    built_layers_ratio: float
    built_latency_ratio: float
    measured: tuple[float, float, float] | None = None


Triple = tuple[float, float, float]
"""Shares of depth, width and resolution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The multipliers by which a rule spends twice a budget: multiply-adds or the law's seconds.

    ``macs_ratio`` and ``latency_ratio`` are over the baseline's, on a smooth cost without rounding.
    """

    setup: Setup
    rule: str
    budget: str
    depth: float
    width: float
    resolution: float
    macs_ratio: float
    latency_ratio: float

    @property
    def shares(self) -> Triple:
        """How the nominal growth ``d * w**2 * r**2`` is shared out."""
        parts = (math.log(self.depth), 2 * math.log(self.width), 2 * math.log(self.resolution))
        total = sum(parts)
        return (parts[0] / total, parts[1] / total, parts[2] / total)


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSplits:
    """Where a finished run's accuracies put the best split, under each budget.

    Attributes:
        setup: of the law that says what the time is.
        source: the run.
        networks: how many the accuracy surface rests on.
        error: root mean square error of the surface on networks left out, as a fraction.
        mean_error: the same of the plain mean: what no surface at all achieves.
        tells_cost: whether the run says what more cost brings; without it the latency budget has no answer.
        macs: best shares under twice the multiply-adds.
        latency: best shares under twice the seconds; None where the run can't say.
        macs_cloud: the same, from resampled networks and seeds.
        latency_cloud: the same; pairs with ``macs_cloud``.
        moves: for depth, width and resolution, the move from ``macs`` to ``latency`` in share, with its 95%
            interval: (move, low, high).
    """

    setup: Setup
    source: str
    networks: int
    error: float
    mean_error: float
    tells_cost: bool
    macs: Triple
    latency: Triple | None
    macs_cloud: tuple[Triple, ...]
    latency_cloud: tuple[Triple, ...] = ()
    moves: tuple[tuple[float, float, float], ...] = ()

    @property
    def explains(self) -> bool:
        """Whether the surface predicts a network better than the mean of the others does."""
        return self.error < self.mean_error

    @property
    def shown(self) -> bool:
        """Whether a move of some share is told from none, by a surface that explains anything."""
        return self.explains and any(low > 0 or high < 0 for _, low, high in self.moves)


@dataclass(frozen=True, slots=True, kw_only=True)
class LawRecord:
    """A whole ``law`` command: what was measured, the laws fitted to it, one for each setup.

    Attributes:
        measured: the networks that the laws rest on.
        laws: one for each setup with enough networks.
        kinds: where the time goes in the baseline, and in it scaled by one dimension at twice its MACs.
        kinds_setup: the setup that ``kinds`` were measured in; None without any.
        baseline: name of the network that is scaled.
        base_cost: its cost for one image.
        prices: what each dimension costs, setup by setup.
        splits: how rules spend a budget of multiply-adds and one of time.
        best: where the accuracies of a finished run put the best split; empty where none was given.
        notes: what was left out and why.
    """

    measured: MeasureRecord
    laws: tuple[CostLaw, ...]
    kinds: tuple[KindTime, ...]
    kinds_setup: Setup | None
    baseline: str
    base_cost: Cost
    prices: tuple[Price, ...] = ()
    splits: tuple[Split, ...] = ()
    best: tuple[BestSplits, ...] = ()
    notes: tuple[str, ...] = ()
