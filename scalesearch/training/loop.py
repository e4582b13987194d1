"""A whole training run, from scratch or grown, and a rehearsal of it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from scalesearch.export.state import Contents, State, contents_of, layer_prefix, put_back, storable
from scalesearch.networks.build import build, lay_out, training_layout, zero_init_residual
from scalesearch.networks.growth import Copies, Part, growth
from scalesearch.networks.layers import Conv, LayerScale, SqueezeExcite
from scalesearch.networks.spec import Arch, ArchSpec, CodeSpec
from scalesearch.networks.user_code import reason_of
from scalesearch.networks.user_network import build_code, running, taken_from
from scalesearch.records import CurvePoint
from scalesearch.text import one_line
from scalesearch.training.checkpoint import (
    CheckpointError,
    RunState,
    read_checkpoint,
    restore,
    run_identity,
    snapshot,
    write_checkpoint,
)
from scalesearch.training.images import ImageSource
from scalesearch.training.recipe import ProxyRecipe
from scalesearch.training.rendering import Batch, judging_batches, training_batches
from scalesearch.training.step import (
    Batches,
    CudaGraph,
    Graph,
    MovingAverage,
    Normalise,
    Step,
    UncapturableError,
)

# ----------------------------------------------------------------------------------------------------
# A trained network's tensors made those of a larger one that gives the same outputs (Net2Net, 1511.05641).
#
# Outputs are the same in evaluation mode, in exact arithmetic and without ``noise``; in training mode too,
# but for stages deepened without sums (MobileNetV1's): batch norm's own statistics of the batch then stand
# in for those that make a new block the identity, which are only worked out, for activations that are
# normal.

NOISE = 0.02
"""What repeated channels are changed by, relative to each weight: exact copies would learn alike for good."""


def grow(
    state: State,
    arch: Arch,
    *,
    fresh: Mapping[str, torch.Tensor],
    seed: int = 0,
    noise: float = NOISE,
) -> dict[str, torch.Tensor]:
    """The tensors of ``arch`` with which it begins as the network of ``state``.

    Args:
        state: a smaller network, or the same, with its weights.
        arch: the network to begin. Its input may have any size, its classifier is a fresh one where it has
            other classes.
        fresh: tensors of ``arch`` as an untrained network has them.
        seed: of the choice of channels, and of the noise.
        noise: standard deviation of the factors, around 1, on the weights that make a repeated channel.

    Returns:
        By the names that ``build(arch)`` has for them, in their order.

    Raises:
        ValueError: if the one can't be grown from the other; the message says what is not well defined.
    """
    parts = growth(state.arch, arch, seed=seed)
    if not (isinstance(state.arch, ArchSpec) and isinstance(arch, ArchSpec)):
        # The same network of a user's own code, all else was refused; its classifier may be another.
        other = {n: t for n, t in fresh.items() if n in state.tensors and state.tensors[n].shape != t.shape}
        return dict(state.tensors) | other
    before, now = state.arch.norm_eps, arch.norm_eps
    generator = torch.Generator().manual_seed(seed)
    grown = {name: tensor.detach().clone() for name, tensor in fresh.items()}
    last: Part | None = None
    for part in parts:
        here = layer_prefix(part.block, part.index)
        if part.origin == "copied":
            for name in [name for name in grown if name.startswith(here)]:
                value = state.tensors.get(name)
                if value is not None:  # some files leave out how many batches were counted
                    grown[name] = _copied(part, name.removeprefix(here), value, generator, noise)
            if isinstance(part.layer, Conv) and part.layer.norm == "batch":
                _keep_scale(grown, f"{here}1.", before, now)
        elif part.origin == "zeroed":
            grown[f"{here}{'weight' if isinstance(part.layer, LayerScale) else '1.weight'}"].zero_()
        elif part.origin == "identity":
            assert last is not None  # a stage begins with a block that is copied
            _pass_on(grown, here, f"{layer_prefix(last.block, last.index)}1.", now)
        if part.origin == "copied" and isinstance(part.layer, Conv):
            last = part
    return grown


def _copied(
    part: Part, name: str, value: torch.Tensor, generator: torch.Generator, noise: float
) -> torch.Tensor:
    """One tensor of a copied layer, its channels repeated, its inputs shared out among the repeated ones."""
    if value.ndim == 0:
        return value.clone()
    rows, columns, groups, alone = part.gives, part.reads, 1, False
    if isinstance(part.layer, SqueezeExcite):
        assert part.squeezed is not None  # every one has them
        inward = name.startswith("reduce.")
        rows, columns = (part.squeezed, part.reads) if inward else (part.gives, part.squeezed)
    elif isinstance(part.layer, Conv):
        groups = part.layer.groups
        # Channels that go their own way, or in groups that are repeated whole.
        alone = groups > 1 and value.ndim > 1 and part.layer.group_width == value.shape[1]
    out = value[list(rows.of)]
    if value.ndim == 1:
        return out
    if groups == 1 or not alone:
        out = _shared_out(out, columns, groups)
    _stir(out, rows, generator, noise)
    return out


def _shared_out(weight: torch.Tensor, reads: Copies, groups: int) -> torch.Tensor:
    """A kernel over repeated inputs: each weight in equal parts on all copies of the channel it was for."""
    width = len(reads.of) // groups
    here = torch.tensor(reads.of).reshape(groups, width)
    first = torch.arange(groups)[:, None] * (reads.old // groups)
    group_of = torch.arange(len(weight)) // (len(weight) // groups)
    shares = torch.tensor(reads.counts, dtype=weight.dtype)[here]
    trailing = (1,) * (weight.ndim - 2)
    index = (here - first)[group_of].reshape(len(weight), width, *trailing)
    chosen = weight.gather(1, index.expand(-1, -1, *weight.shape[2:]))
    return chosen / shares[group_of].reshape(len(weight), width, *trailing)


def _stir(weight: torch.Tensor, rows: Copies, generator: torch.Generator, noise: float) -> None:
    """Changes what makes each repeated channel a little, in place."""
    repeated = list(rows.repeated)
    if repeated and noise:
        drawn = torch.randn(weight[repeated].shape, generator=generator, dtype=torch.float32)
        weight[repeated] *= 1 + noise * drawn.to(weight.dtype)


def _keep_scale(tensors: dict[str, torch.Tensor], norm: str, before: float, now: float) -> None:
    """Has a batch norm with another epsilon give what it gave."""
    if before != now:
        variance = tensors[f"{norm}running_var"]
        tensors[f"{norm}weight"] = tensors[f"{norm}weight"] * ((variance + now) / (variance + before)).sqrt()


def _pass_on(tensors: dict[str, torch.Tensor], here: str, before: str, eps: float) -> None:
    """Makes a convolution, its batch norm and its ReLU the identity for what a batch norm and a ReLU left.

    The batch norm takes for statistics what a ReLU leaves of a normal distribution with the scale and shift
    of the batch norm before it, and undoes them.
    """
    kernel = tensors[f"{here}0.weight"]
    torch.nn.init.dirac_(kernel, groups=kernel.shape[0] // kernel.shape[1] if kernel.shape[1] == 1 else 1)
    if (bias := tensors.get(f"{here}0.bias")) is not None:
        bias.zero_()
    scale, shift = tensors[f"{before}weight"].abs(), tensors[f"{before}bias"]
    z = shift / scale.clamp_min(torch.finfo(scale.dtype).tiny)
    above, density = torch.special.ndtr(z), torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    mean = shift * above + scale * density
    variance = (
        (shift.square() + scale.square()) * above + shift * scale * density - mean.square()
    ).clamp_min(0)
    tensors[f"{here}1.running_mean"] = mean
    tensors[f"{here}1.running_var"] = variance
    tensors[f"{here}1.weight"] = (variance + eps).sqrt()
    tensors[f"{here}1.bias"] = mean.clone()


# ----------------------------------------------------------------------------------------------------
# The proxy run: one short training of one network, from its recipe and nothing else.

TURN = 16
"""Steps handed to a device in one go, while others wait for their turn."""
TURNS_AHEAD = 2
"""Turns that a device may be behind: enough to keep it busy, few enough to tell how far it is."""
FEWEST_CAPTURED = 32
"""Steps that a run must have left for a capture, which costs about as much as these, to be worth it."""
TIMED_STEPS = 10
GAIN = 0.95
"""Another way to compute is taken where its steps last at most that share of the other's."""
COMPILED_FROM_S = 1800.0
"""Seconds that a run must have left for torch.compile, which takes minutes, to be tried."""


class NonFiniteLossError(ArithmeticError):
    """Training diverged: the loss is no longer a finite number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyResult:
    """What a proxy run gave so far: its curve, whose last point is the outcome. Seconds exclude the judging.

    ``complete`` says whether the recipe's whole length was trained. ``weights`` is the state of the network
    as the last look judged it: the average's where the recipe keeps one, batch norm's statistics included;
    ``plain`` is what its modules keep beside tensors (:class:`Contents`).
    ``computed`` has the device kinds and numbers of CPU threads that computed it, one after another.
    """

    curve: tuple[CurvePoint, ...]
    train_seconds: float
    held_out_images: int
    complete: bool
    computed: tuple[tuple[str, int], ...]
    weights: Mapping[str, torch.Tensor] = field(repr=False, compare=False)
    plain: Mapping[str, Any] = field(repr=False, compare=False)


class Training:
    """A training run of a network by a recipe, judged on the held-out part, a few steps at a time.

    So several go on side by side on one device, and what each gives is the same whatever goes on beside it.

    Which images a run sees, in which order and how they are cut follows from the recipe's seed alone, so it
    is the same for every network. On a CPU the same arguments and the same number of threads give the same
    curve to the bit, however often the run was paused or killed on its way: a pause only adds its own point.
    On a GPU kernels may add up in another order. A checkpoint of another device or number of threads is
    gone on from as well: the run then is the one of neither to the bit, and ``computed`` says so.
    """

    def __init__(
        self,
        arch: Arch,
        recipe: ProxyRecipe,
        source: ImageSource,
        *,
        dataset: str,
        device: torch.device,
        render_workers: int = 0,
        checkpoint: Path | None = None,
        until: int | None = None,
        start: State | None = None,
        on_look: Callable[[Sequence[CurvePoint], float], None] = lambda _curve, _seconds: None,
        on_step: Callable[[int, int], None] = lambda _done, _steps: None,
        on_restart: Callable[[str], None] = lambda _reason: None,
        on_eager: Callable[[str], None] = lambda _reason: None,
        new_graph: Callable[[], Graph] | None = None,
    ) -> None:
        """Begins the run, or takes it up from its checkpoint.

        Args:
            arch: the network; its classes must be the source's.
            recipe: everything that decides the run.
            source: the images.
            dataset: the data's name.
            device: where to train.
            render_workers: processes that read, cut or render images ahead.
            checkpoint: a file to go on from where it exists, written anew at each look.
            until: pause after that many training images of the run, in whole batches, and look at the
                held-out part; the schedule stays the whole run's. A checkpoint that is further already is
                left as it is. None trains to the end.
            start: weights that the network is grown from (:func:`grow`); None starts from scratch.
            on_look: told of all looks so far and of the seconds trained until the last of them: when the run
                is taken up, though there may be none yet, and after each look, once its checkpoint is
                written.
            on_step: told of steps done, of the whole run, and of how many it will be at the end or pause; on
                an accelerator, of steps that it has been given.
            on_restart: told why a checkpoint could not be used; the run then starts from its beginning.
            on_eager: told why steps could not be captured; they are then run as they stand.
            new_graph: makes the graph that a step is captured in; None has steps run as they stand.

        Raises:
            ValueError: if ``until`` is less than a batch, or the network can't be grown from its start.
        """
        if until is not None and until < recipe.batch_size:
            raise ValueError(f"`until` must be at least one batch of {recipe.batch_size}, got {until}")
        self._arch, self._recipe, self._source, self._dataset = arch, recipe, source, dataset
        self._device, self._workers, self._checkpoint, self._start = device, render_workers, checkpoint, start
        self._on_look, self._on_step = on_look, on_step
        steps = recipe.steps(len(source.train))
        self._steps, self._stop = steps, steps if until is None else min(steps, recipe.steps_to(until))
        self._look_after = {math.ceil(steps * share / recipe.looks) for share in range(1, recipe.looks + 1)}
        self._identity = run_identity(arch, recipe, source, dataset=dataset, start=start)
        self._queue = _Queue(device)
        self._looking: _Look | None = None
        self._turns: deque[Callable[[], bool]] = deque()
        if checkpoint is not None:
            # Now and not later: a run's folder that is removed while it trains is not brought back.
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with self._queue:
            self._run = self._begun(on_restart)
            self._step: Step | None = None
            on_look(self._run.curve, self._run.seconds)
            if self._run.step < self._stop:
                self._get_ready(new_graph, on_restart, on_eager)

    @property
    def done(self) -> bool:
        """Whether it has come to its end, or to its pause."""
        return self._step is None

    @property
    def draws(self) -> bool:
        """Whether its steps draw random numbers on the device, where all runs share one generator."""
        return self._step is not None and self._step.draws

    def advance(self, turns_ahead: int | None = None) -> bool:
        """Gives the device something to do, or takes in what it has done; False where there is neither.

        ``turns_ahead`` is how many turns the device may be behind; None leaves it at a few.

        Raises:
            NonFiniteLossError: if the loss stops being finite.
            OSError: if the checkpoint cannot be written.
        """
        if self._step is None:
            return False
        with self._queue:
            if self._looking is not None:
                if not self._looking.finished():
                    return False
                self._take(self._looking)
                return True
            if len(self._turns) >= (turns_ahead or TURNS_AHEAD):
                if not self._turns[0]():
                    return False
                self._turns.popleft()
            for _ in range(TURN):
                self._step.run()
                self._run.step += 1
                self._on_step(self._run.step, self._stop)
                if self._run.step in self._look_after or self._run.step == self._stop:
                    self._looking = self._look()
                    break
            self._turns.append(self._queue.marked())
        return True

    def to_the_end(self) -> None:
        """Advances to the end, or to the pause, with nothing beside it."""
        while not self.done:
            if not self.advance():
                self._queue.wait()

    def result(self) -> ProxyResult:
        """What it gave so far."""
        run = self._run
        with self._queue:
            judged = contents_of(run.judged)
        return ProxyResult(
            curve=tuple(run.curve),
            train_seconds=run.seconds,
            held_out_images=len(self._source.held_out),
            complete=run.step == self._steps,
            computed=tuple(run.computed),
            weights=judged.tensors,
            plain=judged.plain,
        )

    def _begun(self, on_restart: Callable[[str], None]) -> RunState:
        """The run before its first step, or where its checkpoint has it."""
        with torch.random.fork_rng(devices=[]):
            run = begin_run(self._arch, self._recipe, self._device, self._start)
            if self._checkpoint is None or not self._checkpoint.exists():
                return run
            try:
                stored = read_checkpoint(self._checkpoint, self._identity)
                restore(run, stored, (self._arch.in_channels, *self._arch.input_size))
            except CheckpointError as error:
                on_restart(str(error))
                run = begin_run(self._arch, self._recipe, self._device, self._start)
        return run

    def _get_ready(
        self,
        new_graph: Callable[[], Graph] | None,
        on_restart: Callable[[str], None],
        on_eager: Callable[[str], None],
    ) -> None:
        """Chooses how steps are run, and has the first batch on its way."""
        self._judged = judging_batches(self._source, size=self._arch.input_size, device=self._device)
        way = _Way()
        self._step = None
        if new_graph is not None and self._stop - self._run.step >= FEWEST_CAPTURED:
            try:
                self._step, way = self._captured(new_graph)
            except UncapturableError as error:
                on_eager(str(error))
                # What was tried may have left something behind.
                self._run = self._begun(on_restart)
        if self._step is None:
            way = _Way()
            self._step = self._new_step(way)
        place = (way.on(self._device), torch.get_num_threads())
        if self._run.computed[-1:] != [place]:
            self._run.computed.append(place)
        self._since = self._queue.clock()

    def _captured(self, new_graph: Callable[[], Graph]) -> tuple[Step, _Way]:
        """The step as a graph, computed in the way that is fastest, by timing each."""
        key = (self._arch.key, self._recipe.batch_size, self._steps, str(self._device))
        way = _Way.last_of(self._run.computed, self._device) or _WAYS.get(key)
        if way is not None and way.compiled:
            with suppress(UncapturableError):
                return self._new_captured(way, new_graph), way
            way = replace(way, compiled=False)
        if way is not None:
            return self._new_captured(way, new_graph), way
        way = _Way()
        step = self._new_captured(way, new_graph)
        for other in ("bf16", "compiled"):
            lasts = step.seconds(TIMED_STEPS, self._queue)
            left = lasts / TIMED_STEPS * (self._stop - self._run.step)
            if other == "compiled" and left < COMPILED_FROM_S:
                continue
            another_way = replace(way, **{other: True})
            with suppress(UncapturableError):
                another = self._new_captured(another_way, new_graph)
                if another.seconds(TIMED_STEPS, self._queue) <= GAIN * lasts:
                    step, way = another, another_way
        _WAYS[key] = way
        return step, way

    def _new_captured(self, way: _Way, new_graph: Callable[[], Graph]) -> Step:
        step = self._new_step(way)
        try:
            step.capture(new_graph)
        except (torch.OutOfMemoryError, UncapturableError):
            raise
        except Exception as error:
            # Compilers fail in many ways.
            if not way.compiled:
                raise
            raise UncapturableError(one_line(error)) from error
        return step

    def _new_step(self, way: _Way) -> Step:
        recipe, passes = self._recipe, self._recipe.accumulation
        batches = training_batches(
            self._source,
            recipe,
            dataset=self._dataset,
            size=self._arch.input_size,
            batches=range(self._run.step * passes, self._stop * passes),
            device=self._device,
            workers=self._workers,
        )
        return make_step(
            self._run,
            recipe,
            batches,
            self._normalise,
            steps=self._steps,
            images=len(self._source.train),
            autocast=torch.bfloat16 if way.bf16 else None,
            network=torch.compile(self._run.model, dynamic=False) if way.compiled else None,
        )

    @property
    def _normalise(self) -> Normalise:
        return Normalise(self._arch.in_channels, self._device, self._run.layout)

    def _look(self) -> _Look:
        """Has the device judge the network as it is now."""
        run = self._run
        seconds = self._queue.since(self._since)
        if run.average is not None:
            run.average.take_extra_states(run.model)
        steps = run.step - max((step for step in (0, *self._look_after) if step < run.step), default=0)
        losses = self._queue.fetched(run.losses / steps)
        numbers = self._queue.fetched(judge(run, self._judged, self._normalise))
        return _Look(finished=self._queue.marked(), numbers=numbers, losses=losses, seconds=seconds)

    def _take(self, look: _Look) -> None:
        """Takes in a look that the device has come to the end of."""
        run = self._run
        run.seconds += look.seconds()
        point = point_of(look.numbers, float(look.losses), run.step * self._recipe.batch_size)
        run.curve.append(point)
        # A pause leaves the losses: the recipe's next look then tells what it would have told without.
        if run.step in self._look_after:
            run.losses.zero_()
        if self._checkpoint is not None:
            write_checkpoint(self._checkpoint, snapshot(run, self._identity))
        self._on_look(run.curve, run.seconds)
        run.model.train()
        self._looking = None
        self._turns.clear()
        self._since = self._queue.clock()
        if run.step == self._stop:
            self._step = None


@dataclass(frozen=True, slots=True)
class _Way:
    """How the steps of a network are computed: convolutions in bfloat16, the network compiled."""

    bf16: bool = False
    compiled: bool = False

    def on(self, device: torch.device) -> str:
        """What a run keeps of it: ``cuda NVIDIA-H100 bf16``; GPUs of other types compute other bits."""
        named = "-".join(_gpu_name(device).split())
        flags = (name for name in ("bf16", "compiled") if getattr(self, name))
        return " ".join([device.type, *([named] if named else []), *flags])

    @classmethod
    def last_of(cls, computed: Sequence[tuple[str, int]], device: torch.device) -> _Way | None:
        """How a run was computed on such a device last; None where it wasn't."""
        words = [kind.split() for kind, _ in computed if kind.split()[0] == device.type]
        return cls(**{name: name in words[-1] for name in ("bf16", "compiled")}) if words else None


def _gpu_name(device: torch.device) -> str:
    """What a GPU's maker calls its type; empty of a CPU, and of devices that have no name."""
    named = (
        None if device.type == "cpu" else getattr(torch.get_device_module(device), "get_device_name", None)
    )
    try:
        return "" if named is None else str(named(device))
    except (RuntimeError, AssertionError, ValueError):  # a driver that doesn't say
        return ""


_WAYS: dict[tuple[str, int, int, str], _Way] = {}
"""The fastest ways, by network, batch, length and device, as they were measured in this process."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A look under way: whether it is over, and its numbers once it is."""

    finished: Callable[[], bool]
    numbers: torch.Tensor
    losses: torch.Tensor
    seconds: Callable[[], float]


class _Queue:
    """Where the work of one run is queued: a stream of its own on an accelerator; a CPU does it at once."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._module: Any = None if device.type == "cpu" else torch.get_device_module(device)
        self._stream = None if self._module is None or device.type == "mps" else self._module.Stream(device)
        self._entered: list[AbstractContextManager[Any]] = []

    def __enter__(self) -> None:
        here: list[AbstractContextManager[Any]] = []
        if self._stream is not None:
            here = [self._module.device(self._device), self._module.stream(self._stream)]
        for context in here:
            context.__enter__()
        self._entered = here

    def __exit__(self, *_exc: object) -> None:
        for context in reversed(self._entered):
            context.__exit__(None, None, None)

    def clock(self) -> Any:
        """This moment of the device's work."""
        if self._stream is None:
            self.wait()
            return time.perf_counter()
        event = self._module.Event(enable_timing=True)
        event.record(self._stream)
        return event

    def since(self, begin: Any) -> Callable[[], float]:
        """A function that says how many seconds of work lie between ``begin`` and now, once it is done."""
        end = self.clock()
        if self._stream is None:
            return lambda: float(end - begin)
        return lambda: float(begin.elapsed_time(end)) / 1000

    def marked(self) -> Callable[[], bool]:
        """A function that says whether all the work given so far is done."""
        if self._stream is None:
            return lambda: True
        event = self._module.Event()
        event.record(self._stream)
        finished: Callable[[], bool] = event.query
        return finished

    def fetched(self, values: torch.Tensor) -> torch.Tensor:
        """Values on the CPU, to be looked at once the work given so far is done."""
        if self._stream is None:
            return values.cpu()
        there = torch.empty(values.shape, dtype=values.dtype, pin_memory=self._device.type == "cuda")
        return there.copy_(values, non_blocking=True)

    def wait(self) -> None:
        """Until all of it is done."""
        if self._stream is not None:
            self._stream.synchronize()
        elif self._module is not None:
            self._module.synchronize()


def train(
    arch: Arch, recipe: ProxyRecipe, source: ImageSource, *, device: torch.device, **options: Any
) -> ProxyResult:
    """Trains to the end, or to the pause, with nothing beside it; arguments are those of :class:`Training`.

    torch's global generators are put back as they were.

    Raises:
        NonFiniteLossError: if the loss stops being finite.
        OSError: if the checkpoint cannot be written.
        ValueError: if ``until`` is less than a batch, or the network can't be grown from its start.
    """
    with own_generators(device):
        training = Training(arch, recipe, source, device=device, new_graph=graphs_of(device), **options)
        training.to_the_end()
        return training.result()


def graphs_of(device: torch.device) -> Callable[[], Graph] | None:
    """What makes graphs for a device; None where it has none."""
    return CudaGraph if device.type == "cuda" else None


def begin_run(arch: Arch, recipe: ProxyRecipe, device: torch.device, start: State | None) -> RunState:
    """A run before its first step, its weights drawn by its seed; torch's generator is left used."""
    torch.manual_seed(recipe.seed)
    built = _as_trained(arch, recipe)
    model = build(built)
    if start is not None:
        # What it knows is not to be zeroed; new blocks begin at zero whatever the recipe says.
        grown = grow(start, arch, seed=recipe.seed, fresh=contents_of(model).tensors)
        plain = start.plain if arch.code else {}
        put_back(Contents(tensors=grown, plain=plain), model, (arch.in_channels, *arch.input_size))
    elif recipe.zero_init_residual:
        zero_init_residual(model)
    average = MovingAverage(built, model) if recipe.averages else None
    layout = training_layout(arch, recipe.images_of_a_pass, device)
    for network in (model,) if average is None else (model, average.network):
        lay_out(network, device, layout)
    return RunState(
        model=model,
        optimizer=_optimizer(model, recipe, device),
        average=average,
        losses=torch.zeros(1, device=device),
        layout=layout,
    )


def make_step(
    run: RunState,
    recipe: ProxyRecipe,
    batches: Batches,
    normalise: Normalise,
    *,
    steps: int,
    images: int,
    autocast: torch.dtype | None = None,
    network: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> Step:
    """The steps of a run from where it stands, of ``steps`` in all, on a training part of so many images.

    ``network`` stands in for the run's own where it is compiled.
    """
    peak, decay = _peak_rate(recipe), recipe.decay(steps)
    factors = (recipe.rate_factor(step, steps=steps, training_images=images) for step in range(steps))
    return Step(
        model=run.model.train(),
        network=network,
        optimizer=run.optimizer,
        average=run.average,
        batches=batches,
        normalise=normalise,
        rates=[peak * factor for factor in factors],
        # Closely at first, as the paper's code: the first step's weights are the first average.
        shares=[1.0, *(1 - min(decay, (1 + step) / (10 + step)) for step in range(2, steps + 1))],
        done=run.step,
        seed=recipe.seed,
        passes=recipe.accumulation,
        label_smoothing=recipe.label_smoothing,
        autocast=autocast,
        losses=run.losses,
    )


def _as_trained(arch: Arch, recipe: ProxyRecipe) -> Arch:
    """The network with the recipe's own regularisation, where it has one; a user's own code keeps its."""
    values = {name: getattr(recipe, name) for name in ("dropout", "drop_path", "norm_momentum")}
    return arch.with_regularisation(**{name: value for name, value in values.items() if value is not None})


@contextmanager
def own_generators(device: torch.device) -> Iterator[None]:
    """Puts torch's global generators back as they were."""
    devices = [] if device.type in ("cpu", "mps") else [device]
    with torch.random.fork_rng(devices=devices, device_type="cuda" if not devices else device.type):
        yield


def _peak_rate(recipe: ProxyRecipe) -> float:
    return recipe.learning_rate * recipe.batch_size / 256


def _optimizer(model: nn.Module, recipe: ProxyRecipe, device: torch.device) -> torch.optim.Optimizer:
    """The recipe's optimizer; on a GPU one that needs nothing of the host, so that it can be captured."""
    # As a tensor, since it changes in place.
    rate: Any = torch.tensor(_peak_rate(recipe), device=device)
    captured = device.type in ("cuda", "xpu")
    # Biases and batch norm's scales and shifts are vectors; decaying them gains nothing.
    kernels = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    fused = all(p.is_floating_point() for p in model.parameters())  # complex ones can't be
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, fused=fused, capturable=captured)
    if recipe.optimizer == "sgd":
        ahead = recipe.momentum > 0  # without momentum there is nothing to look ahead by
        return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=ahead, fused=fused)
    # The paper's epsilon of 1e-3 stands inside the square root; torch's stands outside, where its root
    # bounds the step alike.
    return torch.optim.RMSprop(
        groups,
        lr=rate,
        alpha=0.9,
        momentum=recipe.momentum,
        eps=math.sqrt(1e-3),
        capturable=captured,
    )


def judge(run: RunState, batches: Sequence[Batch], normalise: Normalise) -> torch.Tensor:
    """How a network does on batches of held-out images: float32 (batches, 3) on its device.

    Of each batch the sum of the losses (without label smoothing), the images named rightly, and how many
    there are.
    """
    model = run.judged.eval()
    rows = []
    # Not inference mode: what a network keeps of a pass for itself has to serve in training too.
    with torch.no_grad():
        for images, labels in batches:
            logits = model(normalise(images))
            loss = nn.functional.cross_entropy(logits, labels, reduction="sum").float()
            right = (logits.argmax(1) == labels).sum()
            rows.append(torch.stack([loss, right.to(loss), torch.full_like(loss, len(labels))]))
    return torch.stack(rows)


def point_of(judged: torch.Tensor, train_loss: float, images_seen: int) -> CurvePoint:
    """What :func:`judge` gave as a point of the run's curve.

    Raises:
        NonFiniteLossError: if a loss is not finite.
    """
    loss, right, images = (sum(column) for column in zip(*judged.tolist(), strict=True))
    for name, value in (("training", train_loss), ("held-out", loss)):
        if not math.isfinite(value):
            raise NonFiniteLossError(f"{name} loss became {value} within {images_seen} images")
    return CurvePoint(images=images_seen, train_loss=train_loss, loss=loss / images, top1=right / images)


# ----------------------------------------------------------------------------------------------------
# Training tried before a run begins: two steps and a look of a user's own network, on random images.

FEWEST = 2
SHOWN = 3


def rehearse(spec: CodeSpec, recipe: ProxyRecipe, device: torch.device) -> tuple[str, ...]:
    """What has to be said of training a network that a user's own code builds, a sentence each.

    Raises:
        ValueError: if it can't be trained as ``recipe`` says, judged, or stored and taken up again.
    """
    layout = training_layout(spec, recipe.images_of_a_pass, device)  # which raises where no pass can be run
    short = replace(recipe, batch_size=FEWEST, accumulation=1)
    try:
        untouched, kinds = _trained(spec, short, device)
    except ValueError:
        if recipe.batch_size == FEWEST:
            raise
        untouched, kinds = _trained(spec, recipe, device)
    notes = []
    if layout == torch.contiguous_format:
        notes.append(
            "Maps lie channels first in memory (contiguous): the network can't be trained channels last, "
            "which is faster elsewhere."
        )
    if kinds:
        where = "; ".join(f"in {mode} {what}" for mode, what in sorted(kinds.items()))
        notes.append(f"Of all that the network gives, the main logits alone are trained and judged: {where}.")
    if untouched:
        rest = f" and {len(untouched) - SHOWN} more" if len(untouched) > SHOWN else ""
        notes.append(
            f"Parameters that got no gradient in two trial steps, and may stay as they start: "
            f"{', '.join(untouched[:SHOWN])}{rest}."
        )
    return tuple(notes)


def _trained(spec: CodeSpec, recipe: ProxyRecipe, device: torch.device) -> tuple[list[str], dict[str, str]]:
    """The trainable parameters without a gradient, and of what logits were taken."""
    gpus = [device] if device.type == "cuda" else []
    shape = (spec.in_channels, *spec.input_size)
    with torch.random.fork_rng(devices=gpus):
        _require_storable(spec, build_code(spec))
        run = begin_run(spec, recipe, device, None)
        count = recipe.images_of_a_pass
        images = torch.randint(0, 256, (count, *shape), dtype=torch.uint8).to(device)
        labels = (torch.arange(count) % spec.classes).to(device)
        normalise = Normalise(spec.in_channels, device, run.layout)
        with running(spec, torch.device("cpu"), "that can be trained on"):
            trial = make_step(run, recipe, _Same(images, labels), normalise, steps=100, images=len(images))
            for _ in range(2):
                # A network that holds on to a step's graph fails in the next.
                trial.run()
            if run.average is not None:
                run.average.take_extra_states(run.model)
            with suppress(NonFiniteLossError):  # on real images it may do better
                # The last batch may hold a single image.
                given = judge(run, [(images, labels), (images[:1], labels[:1])], normalise)
                point_of(given, 0.0, 0)
        trained = {n: p for n, p in run.model.named_parameters() if p.requires_grad}
        _require_storable(spec, run.judged)
    return [name for name, p in trained.items() if p.grad is None], dict(taken_from(run.model))


class _Same:
    """The same batch at every step."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self._all = images, labels
        self.changed: list[torch.Tensor] = []

    def ready(self, number: int) -> None:
        """It is there."""

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Images and labels."""
        return self._all


def _require_storable(spec: CodeSpec, network: nn.Module) -> None:
    """Refuses a network whose state no file without pickles holds, or that can't take it up again."""
    try:
        contents = contents_of(network)
        save(storable(contents.tensors))
        put_back(contents, build_code(spec), (spec.in_channels, *spec.input_size))
    except (Exception, SystemExit) as error:
        what = str(error) if isinstance(error, ValueError) else reason_of(error)
        raise ValueError(
            "`baseline` must build a network whose state can be stored and taken up again, got "
            f"{spec.target}: {what}"
        ) from None
