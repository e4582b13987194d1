"""One step of training, and the average of weights that is judged."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from scalesearch.export.state import contents_of, copied, put_back
from scalesearch.networks.build import build
from scalesearch.networks.spec import Arch
from scalesearch.text import one_line
from scalesearch.training.images import statistics

# ----------------------------------------------------------------------------------------------------
# The moving average of a network's weights while it trains, as a network of its own that can be judged.

Pairs = list[tuple[torch.Tensor, torch.Tensor]]


class MovingAverage:
    """A network whose weights and statistics follow those of another one of the same build.

    Attributes:
        network: the average; to be judged and stored, not trained.
    """

    def __init__(self, arch: Arch, model: nn.Module) -> None:
        """Begins as ``model``, which was built from ``arch``, where and as that lies in memory."""
        # Built anew, since not every module can be copied.
        with torch.random.fork_rng(devices=[]):
            self.network = build(arch).requires_grad_(False)
        put_back(contents_of(model), self.network, (arch.in_channels, *arch.input_size))
        self._averaged: Pairs = []
        self._taken_over: Pairs = []

    @torch.no_grad()
    def follow(self, model: nn.Module, share: torch.Tensor) -> None:
        """Has the average go that share (a scalar, where the weights are) of its way to the weights."""
        if not self._averaged:
            # Only now: a network may make buffers of its own when it first runs.
            self._pair_up(model)
        for mean, value in self._taken_over:
            mean.copy_(value)
        means, values = [mean for mean, _ in self._averaged], [value for _, value in self._averaged]
        if share.device.type == "cpu":
            torch._foreach_lerp_(means, values, share.item())
        else:  # in few kernels, and without asking the device what the share is
            way = torch._foreach_sub(values, means)
            torch._foreach_mul_(way, share)
            torch._foreach_add_(means, way)

    def take_extra_states(self, model: nn.Module) -> None:
        """Takes over what modules keep beside weights and buffers."""
        modules = dict(self.network.named_modules())
        for name, module in model.named_modules():
            if type(module).get_extra_state is not nn.Module.get_extra_state and name in modules:
                modules[name].set_extra_state(copied(module.get_extra_state()))

    def _pair_up(self, model: nn.Module) -> None:
        now = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        named = [*self.network.named_parameters(), *self.network.named_buffers()]
        pairs = [(mean, now[name].detach()) for name, mean in named if name in now]
        self._averaged = _apart([pair for pair in pairs if _is_continuous(pair[0])])
        # Whole numbers and flags have no average: an index would no longer be one.
        self._taken_over = [pair for pair in pairs if not _is_continuous(pair[0])]


def _is_continuous(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _apart(pairs: Pairs) -> Pairs:
    """The pairs whose first tensors share no memory with one another: the larger ones of those that do."""
    places: dict[int, list[tuple[int, int]]] = {}
    kept = []
    for mean, value in sorted(pairs, key=lambda pair: -pair[0].nbytes):
        taken = places.setdefault(mean.untyped_storage().data_ptr(), [])
        begin, end = mean.data_ptr(), mean.data_ptr() + mean.nbytes
        if all(end <= first or last <= begin for first, last in taken):
            taken.append((begin, end))
            kept.append((mean, value))
    return kept


# ----------------------------------------------------------------------------------------------------
# One optimiser step, written once and run in two ways: as it stands, or captured whole and replayed.
#
# A graph of the whole step costs one launch where its hundreds of kernels would each wait for Python. All
# that changes from step to step is therefore on the device: where the run stands, its rates, its batch.

WARM_UP = 3
"""Steps before a capture: libraries choose their kernels, and optimizers make their memory."""
ALIKE = 1e-2
"""How far the loss of a replayed step may be from that of the same step run eagerly, relative to it."""


class UncapturableError(Exception):
    """A step can't be captured as a graph; the message says why, in one line."""


class Batches(Protocol):
    """Where the batches of a run come from."""

    def ready(self, number: int) -> None:
        """Has the batch of that number, counted from 0, lie on the device. May copy, never waits for it."""
        ...

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The images (batch, channels, height, width) of 0 to 255 and the labels (batch,).

        Device work alone, from memory that stays where it is: it can be part of a graph.
        """
        ...

    @property
    def changed(self) -> list[torch.Tensor]:
        """What :meth:`batch` itself changes on the device."""
        ...


class Graph(Protocol):
    """Device work, recorded once and run again by one launch."""

    def capture(self, work: Callable[[], None]) -> None:
        """Records ``work`` without running it."""
        ...

    def replay(self) -> None:
        """Runs what was recorded, on the same memory."""
        ...


class Clock(Protocol):
    """Where a run's work is queued, and how long it takes."""

    def clock(self) -> Any:
        """This moment of the device's work."""
        ...

    def since(self, begin: Any) -> Callable[[], float]:
        """A function that says how many seconds of work lie between ``begin`` and now, once it is done."""
        ...

    def wait(self) -> None:
        """Until all of it is done."""
        ...


class CudaGraph:
    """A :class:`Graph` of CUDA's (or ROCm's)."""

    def __init__(self) -> None:
        self._graph = torch.cuda.CUDAGraph()

    def capture(self, work: Callable[[], None]) -> None:
        """See :class:`Graph`; on the current stream, which must not be the default one."""
        # Threads that pin memory may go on with it meanwhile.
        with torch.cuda.graph(
            self._graph, stream=torch.cuda.current_stream(), capture_error_mode="thread_local"
        ):
            work()

    def replay(self) -> None:
        """See :class:`Graph`."""
        self._graph.replay()


class Normalise:
    """Images of 0 to 255 as float32 of about zero mean and unit variance, in a memory layout."""

    def __init__(self, channels: int, device: torch.device, layout: torch.memory_format) -> None:
        means, stds = statistics(channels)
        self._mean = torch.tensor(means, device=device).view(1, -1, 1, 1)
        self._std = torch.tensor(stds, device=device).view(1, -1, 1, 1)
        self._layout = layout

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """For images on the device: (batch, channels, height, width), of any number type."""
        images = images.to(memory_format=self._layout)
        if images.is_floating_point():  # which may be looked at again
            return (images - self._mean).div_(self._std)
        return images.float().sub_(self._mean).div_(self._std)


class Step:
    """The next optimiser step of a run, again and again.

    Every tensor it changes is changed in place, so that what was captured once is the step of any number.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        network: Callable[[torch.Tensor], torch.Tensor] | None,
        optimizer: torch.optim.Optimizer,
        average: MovingAverage | None,
        batches: Batches,
        normalise: Normalise,
        rates: Sequence[float],
        shares: Sequence[float],
        done: int,
        seed: int,
        passes: int,
        label_smoothing: float,
        autocast: torch.dtype | None,
        losses: torch.Tensor,
    ) -> None:
        """See :class:`Step`.

        Args:
            model: in training mode, on its device.
            network: what gives the model's logits in its place, such as the model compiled; None is itself.
            optimizer: of its parameters, its rate a tensor on their device.
            average: of the model, which follows it.
            batches: of the run.
            normalise: makes a network's input of them.
            rates: the learning rate of each step of the run.
            shares: how far the average goes towards the model in each.
            done: steps done so far.
            seed: of the run; what a step draws at random follows from it and the step's number.
            passes: batches of each step, whose gradients are averaged.
            label_smoothing: of the loss.
            autocast: what convolutions and products are computed in; None leaves them as they are.
            losses: float32 (1,) that the loss of each step is added to.
        """
        self._model, self._optimizer, self._average = model, optimizer, average
        self._network = model if network is None else network
        self._batches, self._normalise, self._passes = batches, normalise, passes
        self._label_smoothing, self._autocast, self._losses = label_smoothing, autocast, losses
        self._seed, self._done = seed, done
        self._device = losses.device
        self._table = torch.tensor([rates, shares], dtype=torch.float32).T.contiguous().to(self._device)
        self._position = torch.tensor([done], device=self._device)
        # The one tensor that all groups, and every graph of this optimizer's steps, have their rate from.
        self._rate: torch.Tensor = optimizer.param_groups[0]["lr"]
        for group in optimizer.param_groups:
            group["lr"] = self._rate
        self._draws = False
        self._pass: Callable[[], None] = self._add_gradients
        self._end: Callable[[], None] = self._change_weights
        self._whole: Callable[[], None] = self._do_both

    def run(self) -> None:
        """Does the step, or hands it to the device, which may still be busy with it afterwards."""
        seed = _mixed(self._seed, self._done)
        torch.default_generator.manual_seed(seed)
        _seed_device(self._device, seed)
        if self._passes == 1:
            self._batches.ready(self._done)
            self._whole()
        else:
            for part in range(self._passes):
                self._batches.ready(self._done * self._passes + part)
                self._pass()
            self._end()
        self._done += 1

    @property
    def draws(self) -> bool:
        """Whether the step was seen to draw random numbers on the device when it was captured."""
        return self._draws

    def seconds(self, steps: int, queue: Clock) -> float:
        """How long so many steps take; they are taken back."""
        begun = [(tensor, tensor.detach().clone()) for tensor in self._changed()]
        self._batches.ready(self._done * self._passes)
        begin = queue.clock()
        for _ in range(steps):
            self._one_pass()
        elapsed = queue.since(begin)
        _put_back(begun, self._changed())
        queue.wait()
        return elapsed()

    def capture(self, new_graph: Callable[[], Graph]) -> None:
        """Has every step from now on replayed. The run itself stays where it is, to the bit.

        Raises:
            UncapturableError: if that can't be, or a replay gives another loss than the step itself. The
                run is then of no more use.
        """
        if any(type(m).get_extra_state is not nn.Module.get_extra_state for m in self._model.modules()):
            raise UncapturableError("its modules keep more than tensors")
        begun = [(tensor, tensor.detach().clone()) for tensor in self._changed()]
        try:
            self._capture(new_graph, begun)
        finally:
            # Whatever has happened on the way, between a pass and the step's end as well.
            _put_back(begun, self._changed())
            if self._passes > 1:
                self._optimizer.zero_grad(set_to_none=False)

    def _capture(
        self, new_graph: Callable[[], Graph], begun: list[tuple[torch.Tensor, torch.Tensor]]
    ) -> None:
        buffers = {name for name, _ in self._model.named_buffers(remove_duplicate=False)}
        drawn = _state_of_python()
        self._batches.ready(self._done * self._passes)
        for _ in range(WARM_UP):
            expected = self._trial(begun)
        if {name for name, _ in self._model.named_buffers(remove_duplicate=False)} != buffers:
            raise UncapturableError("it makes buffers when it first runs")
        if _state_of_python() != drawn:
            raise UncapturableError("it draws random numbers on the CPU")
        try:
            if self._passes == 1:
                self._whole = _captured(new_graph, self._do_both)
            else:
                self._pass = _captured(new_graph, self._add_gradients)
                self._end = _captured(new_graph, self._change_weights)
            given = self._trial(begun)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, TypeError) as error:
            raise UncapturableError(one_line(error)) from error
        if not torch.allclose(given, expected, rtol=ALIKE, atol=0, equal_nan=True):
            raise UncapturableError(
                f"a replayed step gives a loss of {float(given):.4g} and not of {float(expected):.4g}"
            )

    def _trial(self, begun: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
        """Does one pass and the change after it, takes both back, and gives the loss (1,)."""
        _seed_device(self._device, _mixed(self._seed, self._done))
        before = _drawn_from(self._device)
        self._losses.zero_()
        self._one_pass()
        self._draws = self._draws or _drawn_from(self._device) != before
        loss = self._losses.clone()
        _put_back(begun, self._changed())
        return loss

    def _one_pass(self) -> None:
        """A step whose gradients are of a single pass, for trial."""
        if self._passes == 1:
            self._whole()
        else:
            self._pass()
            self._end()

    def _changed(self) -> list[torch.Tensor]:
        """All that a step changes, each memory once; weights lent to several modules, too."""
        networks = [self._model] if self._average is None else [self._model, self._average.network]
        tensors = [t for network in networks for t in (*network.parameters(), *network.buffers())]
        for state in self._optimizer.state.values():
            tensors += [value for value in state.values() if isinstance(value, torch.Tensor)]
        return [*tensors, self._losses, self._position, self._rate, *self._batches.changed]

    def _do_both(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        self._add_gradients()
        self._change_weights()

    def _add_gradients(self) -> None:
        images, labels = self._batches.batch()
        enabled = self._autocast is not None
        with torch.autocast(self._device.type, self._autocast or torch.bfloat16, enabled=enabled):
            logits = self._network(self._normalise(images))
            loss = nn.functional.cross_entropy(logits, labels, label_smoothing=self._label_smoothing)
        if self._passes > 1:
            loss = loss / self._passes
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no hints here
        self._losses.add_(loss.detach())

    def _change_weights(self) -> None:
        rate, share = self._table.index_select(0, self._position)[0]
        self._rate.copy_(rate)
        self._optimizer.step()
        if self._average is not None:
            self._average.follow(self._model, share)
        if self._passes > 1:
            # Kept in place: a later replay adds to the very same memory.
            self._optimizer.zero_grad(set_to_none=False)
        self._position.add_(1)


def _captured(new_graph: Callable[[], Graph], work: Callable[[], None]) -> Callable[[], None]:
    graph = new_graph()
    graph.capture(work)
    return graph.replay


def _mixed(seed: int, step: int) -> int:
    """A seed for one step of a run: the splitmix64 sequence, which spreads neighbours apart."""
    value = (seed * 0xD1342543DE82EF95 + (step + 1) * 0x9E3779B97F4A7C15) % 2**64
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
    return (value ^ (value >> 31)) >> 1


def _put_back(begun: list[tuple[torch.Tensor, torch.Tensor]], changed: list[torch.Tensor]) -> None:
    """Gives tensors the values they had."""
    with torch.no_grad():
        for tensor, value in begun:
            tensor.copy_(value)
        # What an optimizer has made meanwhile begins at zero: every one of torch's does.
        there = {id(tensor) for tensor, _ in begun}
        for tensor in changed:
            if id(tensor) not in there:
                tensor.zero_()


def _seed_device(device: torch.device, seed: int) -> None:
    """Sets the generator of an accelerator; a CPU's is torch's own."""
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


def _drawn_from(device: torch.device) -> bytes:
    """Where the generator of an accelerator stands; nothing of a CPU's."""
    if device.type == "cpu":
        return b""
    return bytes(torch.get_device_module(device).get_rng_state().cpu().numpy())


def _state_of_python() -> tuple[object, ...]:
    """Where the generators stand that a graph knows nothing of."""
    return random.getstate(), bytes(torch.get_rng_state().numpy())
