"""Passes of a network timed: under torch and ONNX Runtime, whole and by kind of layer."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from scalesearch.export.formats import PIP_ONNX, missing_onnx
from scalesearch.hardware.device import device_kind, resolve_device
from scalesearch.networks.build import ACTIVATIONS, build, runs_channels_last
from scalesearch.networks.generators import generators_kept
from scalesearch.networks.spec import Arch, without_drop_path
from scalesearch.records import LatencyRecord
from scalesearch.records.timings import Setup

if TYPE_CHECKING:
    from torch.utils.benchmark import Timer

# ----------------------------------------------------------------------------------------------------
# One pass of a network, ready to be run: what is timed, what memory is measured of, and what has to fit.


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A pass of a whole batch: ``run`` does one and may leave the device busy. To be run within ``around``.

    Attributes:
        run: one forward pass, or one training step.
        setup: how.
        device: the setup's device.
    """

    run: Callable[[], object]
    setup: Setup
    device: torch.device

    @contextmanager
    def around(self) -> Iterator[None]:
        """Without gradients where the pass is inference; on its own GPU, where there are several."""
        gpu: AbstractContextManager[object] = nullcontext()
        if self.device.index is not None:
            gpu = torch.accelerator.device_index(self.device.index)
        with gpu, torch.inference_mode(self.setup.mode == "inference"):
            yield

    def wait(self) -> None:
        """Until the device has done all that it was given."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)


def network_pass(arch: Arch, setup: Setup, *, onnx_path: Path | None = None) -> Pass:
    """A pass of ``arch`` at its own resolution, with seeded weights and images. Nothing is run yet.

    Weights and images are drawn from torch's global generators, see :func:`own_randomness`.

    Args:
        arch: the network. In inference it is built without its stochastic depth, which drops nothing there.
        setup: mode, runtime, dtype, layout, batch size, threads and device.
        onnx_path: for ONNX Runtime, the network as an ONNX file; written there first where there is none.
            Without a path the file is made for this pass alone.

    Raises:
        ValueError: if the device or the runtime is not there.
    """
    if setup.runtime == "onnxruntime":
        device = resolve_device(setup.device)
        require_onnx_runtime(setup.device)
        return Pass(run=onnx_pass(arch, setup, device, onnx_path), setup=setup, device=device)
    return module_pass(*weights_and_images(arch, setup), setup)


def weights_and_images(arch: Arch, setup: Setup) -> tuple[nn.Module, torch.Tensor]:
    """The network on the setup's device, and a batch for it: (batch, channels, height, width).

    See :func:`network_pass`.

    Raises:
        ValueError: if the device is not there.
    """
    # Where it isn't needed, torchvision need not be loaded.
    made = arch if setup.mode == "training" else without_drop_path(arch)
    with torch.device(resolve_device(setup.device)):
        network = build(made)
        images = torch.empty((setup.batch_size, arch.in_channels, *arch.input_size)).normal_()
    return network, images


def module_pass(module: nn.Module, images: torch.Tensor, setup: Setup) -> Pass:
    """A pass of any torch module, in every setup that torch serves. Nothing is run yet.

    The module is put into the setup's mode, device, dtype and layout. Its weights stay float32 in training,
    where autocast takes the setup's dtype, and a gradient scaler keeps float16 on a GPU from underflow.

    Args:
        module: for training, one that gives logits of shape (batch, classes).
        images: of shape (batch, channels, height, width).
        setup: how; the images say how many they are.

    Raises:
        ValueError: if the device is not there, or the runtime is no torch.
    """
    if setup.runtime == "onnxruntime":
        raise ValueError("`runtime` must be eager, graph or compile for a torch module, got 'onnxruntime'")
    device = resolve_device(setup.device)
    dtype: torch.dtype = getattr(torch, setup.dtype)
    layout = torch.channels_last if setup.channels_last else torch.contiguous_format
    training = setup.mode == "training"
    held = torch.float32 if training else dtype
    module = module.train(training).to(device, held, memory_format=layout)  # type: ignore[call-overload]  # torch's hints know no all-in-one
    images = images.to(device, held, memory_format=layout)
    called: Callable[[torch.Tensor], torch.Tensor] = module
    if setup.runtime == "compile":
        # In one piece or not at all: else what runs uncompiled would be timed as compiled.
        called = torch.compile(module, fullgraph=True, dynamic=False)
    run = (
        _training_step(module, called, images, dtype, capturable=setup.runtime == "graph")
        if training
        else lambda: called(images)
    )
    return Pass(
        run=CapturedPass(run, device) if setup.runtime == "graph" else run, setup=setup, device=device
    )


def _training_step(
    module: nn.Module,
    called: Callable[[torch.Tensor], torch.Tensor],
    images: torch.Tensor,
    dtype: torch.dtype,
    *,
    capturable: bool,
) -> Callable[[], object]:
    """One step of AdamW on ``module``, whose logits ``called`` gives: forward, backward, update."""
    device = images.device
    labels = torch.zeros(len(images), dtype=torch.long, device=device)
    # What is captured may not ask the CPU how many steps there have been.
    optimizer = torch.optim.AdamW(module.parameters(), fused=True, capturable=capturable)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type != "cpu" and dtype == torch.float16)

    def step() -> None:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            loss = nn.functional.cross_entropy(called(images), labels)
        # As in training: the last step's gradients are freed between the two passes.
        optimizer.zero_grad()
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch has no hints here
        scaler.step(optimizer)
        scaler.update()

    return step


class CapturedPass:
    """A pass as a CUDA graph: its kernels are recorded once and launched together from then on.

    The first call warms up and records. Inputs, weights and results keep their places in memory, which the
    graph holds on to.

    Raises:
        RuntimeError: when recorded, of a pass that waits for the GPU, reads a number from it or needs memory
            that isn't there; torch's message says so.
    """

    WARM_UP = 3
    """Passes before: libraries pick their algorithms and make their workspaces, the optimizer its states."""

    def __init__(self, run: Callable[[], object], device: torch.device) -> None:
        self._run, self._device = run, device
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: object = None

    def __call__(self) -> object:
        """Replays the pass and returns what it gives, which the next one overwrites."""
        if self._graph is None:
            self._graph = self.record(self.warm_up())
        self._graph.replay()
        return self._result

    def warm_up(self) -> torch.cuda.Stream:
        """Runs the pass as it is on a stream of its own, and gives that stream, on which to record."""
        stream: torch.cuda.Stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]  # torch has no hints here
        current = torch.cuda.current_stream(self._device)
        stream.wait_stream(current)
        with torch.cuda.stream(stream), warnings.catch_warnings():
            # An optimizer made for graphs complains of its steps outside of one.
            warnings.filterwarnings("ignore", "This instance was constructed with capturable=True")
            for _ in range(self.WARM_UP):
                self._run()
        current.wait_stream(stream)
        torch.cuda.synchronize(self._device)
        return stream

    def record(self, stream: torch.cuda.Stream) -> torch.cuda.CUDAGraph:
        """Records a pass, which is not run by that, on the stream that it was warmed up on."""
        graph = torch.cuda.CUDAGraph()
        failure: Exception | None = None
        try:
            # The outer one leads back to the stream before, even where ending the record fails.
            with torch.cuda.stream(stream), torch.cuda.graph(graph, stream=stream):
                try:
                    self._result = self._run()
                except Exception as error:
                    failure = error
                    raise
        except Exception as error:
            # What ending it raises then says less.
            raise failure or error from None
        return graph


@contextmanager
def own_randomness(*setups: Setup) -> Iterator[None]:
    """Seeded generators within, the caller's as they were afterwards: of the CPU and the setups' GPUs."""
    devices = {resolve_device(setup.device) for setup in setups}
    gpus = [device for device in devices if device.type != "cpu"]
    with generators_kept(*gpus):
        torch.default_generator.manual_seed(0)
        for gpu in gpus:
            with torch.accelerator.device_index(gpu.index):
                torch.get_device_module(gpu).manual_seed(0)
        yield


# ----------------------------------------------------------------------------------------------------
# A pass of a network by ONNX Runtime, on the CPU or on CUDA.

CUDA = "CUDAExecutionProvider"
ERRORS_ONLY = 3
"""Of ONNX Runtime's log levels: below a warning, which it writes for every node that it places elsewhere."""


def require_onnx_runtime(device: str) -> None:
    """Raises unless ONNX Runtime is installed and can use ``device``.

    Raises:
        ValueError: with the line that installs what is missing.
    """
    if "onnxruntime" in missing_onnx():
        raise ValueError(f"`runtime` must be one that is installed, got 'onnxruntime': {PIP_ONNX}")
    if device != "cpu":
        import onnxruntime

        if CUDA not in onnxruntime.get_available_providers():
            raise ValueError(
                f"`runtime` must be one that can use {device}, got 'onnxruntime' without CUDA: "
                "pip install onnxruntime-gpu"
            )


def ensure_onnx(arch: Arch, setup: Setup, path: Path) -> None:
    """Writes ``arch``, with seeded weights of the setup's dtype, to ``path`` unless there is a file.

    Raises:
        ValueError: if a package that this needs is missing.
        OSError: if the file can't be written.
    """
    if path.exists():
        return
    from scalesearch.export.handover import write_onnx

    with own_randomness():
        network = build(arch)
    write_onnx(network, arch, path, dtype=setup.dtype)


def onnx_pass(arch: Arch, setup: Setup, device: torch.device, onnx_path: Path | None) -> Callable[[], object]:
    """One forward pass of ``arch`` on seeded images by an ONNX Runtime session of its own.

    The session has the setup's number of threads and no second pool; it takes subnormal numbers for zero, as
    torch does in a worker. On CUDA images and logits lie in the GPU's memory already: a pass copies nothing.

    Args:
        arch: the network.
        setup: its batch size, dtype and threads.
        device: the setup's device.
        onnx_path: the network as an ONNX file of the setup's dtype, with any batch size; written there where
            there is none. None for a file that is gone again when the session has read it.

    Raises:
        ValueError: if the file holds a network of another shape or dtype, or a package is missing.
    """
    with TemporaryDirectory() as folder:
        path = onnx_path or Path(folder) / "network.onnx"
        ensure_onnx(arch, setup, path)
        session = _session(path, setup.threads, device)
    (entry,), (exit_,) = session.get_inputs(), session.get_outputs()
    shape = [setup.batch_size, arch.in_channels, *arch.input_size]
    kind = {"tensor(float)": "float32", "tensor(float16)": "float16"}.get(entry.type, entry.type)
    # An open batch has a name instead of a number.
    taken = [setup.batch_size if isinstance(entry.shape[0], str) else entry.shape[0], *entry.shape[1:]]
    if (kind, taken) != (setup.dtype, shape):
        raise ValueError(
            f"`onnx_path` must take {setup.dtype} images of {shape}, got {path.name} "
            f"with {kind} of {entry.shape}"
        )
    dtype: torch.dtype = getattr(torch, setup.dtype)
    images = torch.empty(shape, device=device).normal_().to(dtype)
    if device.type == "cpu":
        feed = {entry.name: images.numpy()}
        return lambda: session.run([exit_.name], feed)

    logits = torch.empty((setup.batch_size, arch.classes), device=device, dtype=dtype)
    binding = session.io_binding()
    element = np.dtype(setup.dtype).type
    for bind, name, tensor in (
        (binding.bind_input, entry.name, images),
        (binding.bind_output, exit_.name, logits),
    ):
        bind(name, "cuda", device.index or 0, element, list(tensor.shape), tensor.data_ptr())
    # ONNX Runtime works on a stream of its own: torch must have drawn the images by then.
    torch.cuda.synchronize(device)

    def run(_alive: tuple[torch.Tensor, ...] = (images, logits)) -> None:
        session.run_with_iobinding(binding)  # waits for the GPU before it returns

    return run


def _session(path: Path, threads: int, device: torch.device) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    if device.type == "cpu":
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    session = onnxruntime.InferenceSession(
        str(path), options, providers=[(CUDA, {"device_id": str(device.index or 0)}), "CPUExecutionProvider"]
    )
    # Where its libraries can't be loaded it goes on with the CPU, and says so in the log alone.
    if session.get_providers()[0] != CUDA:
        raise RuntimeError(
            f"onnxruntime could not start on {device}: its CUDA libraries are not those installed here"
        )
    return session


# ----------------------------------------------------------------------------------------------------
# How long one pass of a network takes, with every raw sample kept.

MIN_SAMPLES = 5
"""The fewest samples that a median and a spread are taken of, however slow the network."""
SLOW_S = 1.0
MIN_SLOW_SAMPLES = 3
"""As many are taken of a pass longer than SLOW_S, in seconds: its samples differ less than processes do."""
MIN_PAIR_SAMPLE_S = 0.010
"""The least that one sample of a pair lasts: the clock and the loop around it are then nothing beside it."""


def measure_latency(
    arch: Arch,
    *,
    batch_size: int,
    threads: int,
    device: str = "cpu",
    min_run_time_s: float = 0.5,
) -> LatencyRecord:
    """Times the inference of ``arch`` in float32, channels last where it runs so; see :func:`time_network`.

    Raises:
        ValueError: if a number is out of range, or the device isn't there.
    """
    setup = Setup(
        batch_size=batch_size,
        threads=threads,
        device=device,
        channels_last=device_kind(device) != "mps" and runs_channels_last(arch),
    )
    return LatencyRecord(
        samples_s=time_network(arch, setup, min_run_time_s=min_run_time_s),
        batch_size=batch_size,
        threads=threads,
        dtype=setup.dtype,
        device=str(resolve_device(device)),
    )


def time_network(
    arch: Arch, setup: Setup, *, min_run_time_s: float = 0.5, onnx_path: Path | None = None
) -> tuple[float, ...]:
    """Times passes of ``arch``: forward passes, or whole training steps.

    Meant to run alone: whatever else is busy on the machine is measured too. Neither the number of torch's
    threads nor the state of its generators is changed afterwards.

    Args:
        arch: the network, timed at its own resolution on seeded images.
        setup: how. A network is compiled, or captured, before the first sample.
        min_run_time_s: see :func:`time_pass`.
        onnx_path: see :func:`network_pass`.

    Returns:
        See :func:`time_pass`.

    Raises:
        ValueError: if the time isn't positive, or the device or the runtime isn't there.
    """
    with own_randomness(setup):
        return time_pass(network_pass(arch, setup, onnx_path=onnx_path), min_run_time_s=min_run_time_s)


def time_pass(work: Pass, *, min_run_time_s: float = 0.5) -> tuple[float, ...]:
    """Times a pass by torch.utils.benchmark; each sample waits for the device.

    Args:
        work: the pass.
        min_run_time_s: time to spend on samples, in seconds; a slow network takes longer, since at least
            five samples are taken, three where a pass takes over a second.

    Returns:
        One sample per timed run, in seconds for a whole batch; a run of a network too fast for the clock is
        the mean of several passes.

    Raises:
        ValueError: if the time isn't positive.
    """
    if not min_run_time_s > 0:
        raise ValueError(f"`min_run_time_s` must be > 0, got {min_run_time_s}")
    timer = _timer(work)
    with work.around():
        first_s = _warm_up(timer)
        slow = first_s > SLOW_S
        # Of a slow pass the one that was timed already is a sample too.
        samples, fewest = ([first_s], MIN_SLOW_SAMPLES) if slow else ([], MIN_SAMPLES)
        # Half a pass less than the missing ones take: noise must not ask for one more.
        wanted_s = (fewest - len(samples) - 0.5) * first_s
        measured = timer.blocked_autorange(min_run_time=max(min_run_time_s, wanted_s))
        samples += measured.times
        while len(samples) < fewest:
            samples += timer.timeit(measured.number_per_run).times
    return tuple(samples)


def time_pairs(
    a: tuple[Arch, Setup], b: tuple[Arch, Setup], *, pairs: int
) -> tuple[tuple[float, float], ...]:
    """Times two networks, or one in two setups, in turn: A B B A A B B A; see :func:`pair_passes`.

    Raises:
        ValueError: if ``pairs`` is below 1, or a device or a runtime isn't there.
    """
    with own_randomness(a[1], b[1]):
        return pair_passes(network_pass(*a), network_pass(*b), pairs=pairs)


def pair_passes(a: Pass, b: Pass, *, pairs: int) -> tuple[tuple[float, float], ...]:
    """Times two passes in turn, both alive in this process, by torch.utils.benchmark.

    The one that began a pair ends the next: what drifts slowly, and what the first leaves behind for the
    second, falls on both alike. A sample is the mean of as many passes as last 10 ms or longer.

    Args:
        a: one pass.
        b: the other.
        pairs: how many samples to take of each.

    Returns:
        The (a, b) samples in the order taken, in seconds for a whole batch.

    Raises:
        ValueError: if ``pairs`` is below 1.
    """
    if pairs < 1:
        raise ValueError(f"`pairs` must be >= 1, got {pairs}")
    works = (a, b)
    timers = tuple(_timer(work) for work in works)
    # Both are warm before the number of either's passes is fixed.
    for work, timer in zip(works, timers, strict=True):
        with work.around():
            _warm_up(timer)
    numbers = []
    for work, timer in zip(works, timers, strict=True):
        with work.around():
            numbers.append(max(1, math.ceil(MIN_PAIR_SAMPLE_S / timer.timeit(1).median)))

    def sample(index: int) -> float:
        with works[index].around():
            return timers[index].timeit(numbers[index]).median

    taken = []
    for pair in range(pairs):
        order = (0, 1) if pair % 2 == 0 else (1, 0)
        seconds = {index: sample(index) for index in order}
        taken.append((seconds[0], seconds[1]))
    return tuple(taken)


def _timer(work: Pass) -> Timer:
    with _quiet_toolkit():
        from torch.utils.benchmark import Timer

    def clock() -> float:
        work.wait()
        return perf_counter()

    return Timer("run()", globals={"run": work.run}, num_threads=work.setup.threads, timer=clock)


def _warm_up(timer: Timer) -> float:
    """Seconds of a pass after the first two, which compile, pick algorithms and allocate memory."""
    return timer.timeit(1).median


@contextmanager
def _quiet_toolkit() -> Iterator[None]:
    """Without the notice, on importing the timer, that a CUDA compiler is installed but no GPU is."""
    logger = logging.getLogger("torch.utils.cpp_extension")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


# ----------------------------------------------------------------------------------------------------
# Where the time of a forward pass goes, by kind of layer.

KINDS = (
    "depthwise",
    "pointwise",
    "spatial",
    "squeeze-excite",
    "norm",
    "activation",
    "add",
    "linear",
    "other",
)
"""``spatial`` are convolutions over more than a pixel that are not depthwise, the stem's above all; ``add``
sums a block's input and output; ``other`` is pooling and what lies between the layers: calls, allocations."""

PASSES = 11
WARM_UP = 3
SQUEEZE_EXCITE, RESIDUAL = "_SqueezeExcite", "_Residual"


def kind_seconds(arch: Arch, setup: Setup, *, passes: int = PASSES) -> dict[str, float]:
    """Seconds that each kind of layer takes in one forward pass of a whole batch.

    See :func:`module_kind_seconds`. torch's generators are left as they were.

    Args:
        arch: the network, at its own resolution, with seeded weights and images.
        setup: inference, run eagerly; torch's threads are the caller's to set, as the workers do.
        passes: passes with and without the instrument; the median of each counts.

    Raises:
        ValueError: if the setup is another, or the device is not there.
    """
    if setup.mode != "inference" or setup.runtime != "eager":
        raise ValueError(
            "`setup` must be inference, eager, to tell layers apart, got "
            f"{setup.mode}, {setup.runtime}: other runtimes merge them"
        )
    with own_randomness(setup):
        network, images = weights_and_images(arch, setup)
    return module_kind_seconds(network, images, setup, passes=passes)


def module_kind_seconds(
    network: nn.Module, images: torch.Tensor, setup: Setup, *, passes: int = PASSES
) -> dict[str, float]:
    """As :func:`kind_seconds`, of a module whose layers are torch's own, or squeeze-excite and residuals.

    Hooks read the clock before and after every layer; on a GPU they record events, which are read when the
    pass is over, so that no layer waits for the one before. Looking costs time: a clock's reading or two
    microseconds within each layer's share, and several around it. Passes with and without hooks take
    turns, so that both see the same machine. What a pass without hooks takes beyond its layers is
    ``other``; should the layers with hooks take more than that, all are scaled down together. So the kinds
    always add up to the median pass without hooks.

    Args:
        network: the module; it is put into the setup's dtype, layout and device.
        images: (batch, channels, height, width).
        setup: how.
        passes: at least 1.

    Returns:
        Seconds by kind, all of ``KINDS``; their sum is the median of the passes without hooks.
    """
    if passes < 1:
        raise ValueError(f"`passes` must be >= 1, got {passes}")
    one = module_pass(network, images, setup)
    kinds = _layer_kinds(network)
    whole: list[float] = []
    shares: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with one.around():
        for _ in range(WARM_UP):
            one.run()
        one.wait()
        for _ in range(passes):
            started = time.perf_counter()
            one.run()
            one.wait()
            whole.append(time.perf_counter() - started)
            with _watched(kinds, _clock(setup.device)) as spans:
                one.run()
                one.wait()
            for kind, seconds in _by_kind(spans, kinds).items():
                shares[kind].append(seconds)
    total = median(whole)
    found = {kind: median(values) if values else 0.0 for kind, values in shares.items()}
    layers = sum(found.values())
    found = {kind: seconds * min(1.0, total / layers) for kind, seconds in found.items()}
    found["other"] += max(0.0, total - sum(found.values()))
    return found


Span = tuple[nn.Module, Callable[[], float]]
"""A layer and, once the pass is over, the seconds from before it to after it."""


def _layer_kinds(network: nn.Module) -> Mapping[nn.Module, str]:
    """The kind of each module that is timed as a whole; a residual is timed with its body inside it."""
    kinds: dict[nn.Module, str] = {}
    inside: set[nn.Module] = set()
    for module in network.modules():
        if module in inside:
            continue
        if type(module).__name__ == SQUEEZE_EXCITE:
            kinds[module] = "squeeze-excite"
            inside.update(module.modules())
        elif type(module).__name__ == RESIDUAL:
            kinds[module] = "add"
            kinds[module.get_submodule("body")] = "body"
            # A ResNet's: timed within the residual, and no part of the sum.
            if isinstance(shortcut := getattr(module, "shortcut", None), nn.Module):
                kinds[shortcut] = "body"
            if isinstance(activation := getattr(module, "activation", None), nn.Module):
                kinds[activation] = "activation of a sum"
                inside.add(activation)
        elif not list(module.children()):
            kinds[module] = _leaf_kind(module)
    return kinds


def _leaf_kind(module: nn.Module) -> str:
    if isinstance(module, nn.Conv2d):
        if 1 < module.groups == module.in_channels:
            return "depthwise"
        return "pointwise" if module.kernel_size == (1, 1) else "spatial"
    if isinstance(module, nn.BatchNorm2d):
        return "norm"
    if isinstance(module, tuple(ACTIVATIONS.values())):
        return "activation"
    return "linear" if isinstance(module, nn.Linear) else "other"


def _by_kind(spans: Sequence[Span], kinds: Mapping[nn.Module, str]) -> dict[str, float]:
    """Seconds by kind of one pass; what a residual takes beyond its body is the addition."""
    seconds: dict[str, float] = defaultdict(float)
    for module, span in spans:
        kind = kinds[module]
        if kind == "body":
            seconds["add"] -= span()
        elif kind == "activation of a sum":
            taken = span()
            seconds["add"] -= taken
            seconds["activation"] += taken
        else:
            seconds[kind] += span()
    seconds["add"] = max(0.0, seconds["add"])
    return seconds


Mark = Callable[[], Any]
Between = Callable[[Any, Any], float]


def _clock(device: str) -> tuple[Mark, Between]:
    """How a moment is marked on the device, and the seconds between two marks once it has been waited for."""
    if device == "cpu":
        return time.perf_counter, lambda start, end: float(end - start)

    def event() -> torch.Event:
        mark = torch.Event(device=device_kind(device), enable_timing=True)
        mark.record()
        return mark

    return event, lambda start, end: float(start.elapsed_time(end)) / 1e3


@contextmanager
def _watched(kinds: Mapping[nn.Module, str], clock: tuple[Mark, Between]) -> Iterator[list[Span]]:
    """Hooks on every module of ``kinds`` while within; the list fills with spans in the order they end."""
    mark, between = clock
    spans: list[Span] = []
    open_marks: dict[nn.Module, Any] = {}

    def before(module: nn.Module, _inputs: Any) -> None:
        open_marks[module] = mark()

    def after(module: nn.Module, _inputs: Any, _output: Any) -> None:
        end = mark()
        start = open_marks.pop(module)
        spans.append((module, lambda: between(start, end)))

    handles = [
        handle
        for module in kinds
        for handle in (module.register_forward_pre_hook(before), module.register_forward_hook(after))
    ]
    try:
        yield spans
    finally:
        for handle in handles:
            handle.remove()
