"""A user's own network built, counted, and read for its layers and memory."""

from __future__ import annotations

import hashlib
import re
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from scalesearch.networks.generators import generators_kept
from scalesearch.networks.spec import (
    FLOAT32_BYTES,
    RESOLUTION,
    STATES_PER_PARAM,
    CodeSpec,
    Cost,
    RefusedError,
    code_name,
)
from scalesearch.networks.user_code import at_home, load, reason_of, takes

# ----------------------------------------------------------------------------------------------------
# What one pass of any module costs, read from what torch runs: modules and functions cost alike.
#
# A layer is a convolution, a pool, or a matrix product with an operand that is a weight: a tensor that the
# network holds, or that is computed from such tensors alone, as a normalised kernel is. Linear layers are
# such products, and attention's projections, and both products of a recurrent cell. Products of two things
# that follow from the images, such as attention's queries with its keys, cost multiply-adds and are no
# layers.

ATEN = torch.ops.aten
CONVOLUTIONS = frozenset({ATEN.convolution, ATEN._convolution, ATEN.cudnn_convolution})
PRODUCTS: Mapping[Any, tuple[int, ...]] = MappingProxyType(
    {
        **dict.fromkeys((ATEN.mm, ATEN.bmm, ATEN.mv, ATEN.dot), (0, 1)),
        **dict.fromkeys((ATEN.addmm, ATEN.baddbmm, ATEN.addmv), (1, 2)),
        ATEN._trilinear: (1,),
    }
)
"""Matrix products, and where among their arguments the operands stand of which one has to be a weight."""
FORMULAS: Mapping[Any, Callable[..., int]] = MappingProxyType(
    {
        ATEN.mv: lambda matrix, _vector, **_: 2 * matrix.numel(),
        ATEN.dot: lambda vector, _other, **_: 2 * vector.numel(),
        ATEN.addmv: lambda _added, matrix, _vector, **_: 2 * matrix.numel(),
        # As nn.Bilinear asks for it: two vectors for each image, and a matrix for each output.
        ATEN._trilinear: lambda left, weight, *_, **_named: 2 * left.shape[0] * weight.numel(),
    }
)
"""Operations of products that torch's own counter has no formula for."""

NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "rms_norm"})
ADAPTIVE = frozenset({"adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"})
POOLS = ADAPTIVE | {
    f"{kind}_pool{dimensions}d{with_places}"
    for kind in ("avg", "max", "adaptive_max")
    for dimensions in (1, 2, 3)
    for with_places in ("", "_with_indices")
}
RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
# What they give has the shape of what they are given, and no multiply-add is counted: yet norms without data
# take torch as long as all else together.
SAME_SHAPE = frozenset({"batch_norm", "layer_norm", "group_norm", "gelu", "silu", "relu"})


class _Functions(TorchFunctionMode):
    """Counts the norms, pools and recurrent layers among the functions that are called.

    Attributes:
        norm_elements: that norms read.
        pool_elements: that adaptive average pools read.
        layers: pools, and the weight matrices of recurrent layers.
        recurring: whether a recurrent layer is being run: how many products that takes depends on the device.
    """

    def __init__(self, *, without_data: bool) -> None:
        super().__init__()
        self.norm_elements = self.pool_elements = self.layers = 0
        self.recurring = False
        self._without_data = without_data

    def __torch_function__(
        self,
        func: Any,
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in NORMS | POOLS:
            given = args[0] if args else kwargs["input"]
            self.norm_elements += given.numel() if name in NORMS else 0
            self.pool_elements += given.numel() if name in ADAPTIVE else 0
            self.layers += name in POOLS
        if name in SAME_SHAPE and args and self._without_data and isinstance(args[0], torch.Tensor):
            return args[0]
        if name not in RECURRENT:
            return func(*args, **kwargs)
        weights = next(argument for argument in reversed(args) if isinstance(argument, list))
        self.layers += sum(weight.ndim > 1 for weight in weights)
        self.recurring = True
        try:
            return func(*args, **kwargs)
        finally:
            self.recurring = False


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no hints here
    """Adds up the operations of all that has a formula, and what layers give; a multiply-add is two.

    torch's ``FlopCounterMode`` reads the same formulas; it follows modules too, which takes twice as long.
    """

    def __init__(self, weights: Iterable[torch.Tensor], functions: _Functions) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.total = self.activations = self.layers = 0
        self._functions = functions
        # By what they lie in, which views share. Kept alive: another tensor's might else lie where one did.
        self._weights = {_place(weight): weight for weight in weights}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        operation = func.overloadpacket
        if (formula := FORMULAS.get(operation)) is not None:
            self.total += formula(*args, **kwargs)
        elif (counted := flop_registry.get(operation)) is not None:
            self.total += counted(*args, **kwargs, out_val=made)
        operands = [args[place] for place in PRODUCTS.get(operation, ())]
        if operation in CONVOLUTIONS or any(_place(operand) in self._weights for operand in operands):
            self.activations += made.numel()
            self.layers += not self._functions.recurring
        self._follow((args, kwargs), made)
        return made

    def _follow(self, given: object, made: object) -> None:
        """What is made of weights alone is a weight."""
        read = [leaf for leaf in tree_leaves(given) if isinstance(leaf, torch.Tensor)]
        if read and all(_place(tensor) in self._weights for tensor in read):
            self._weights |= {
                _place(leaf): leaf for leaf in tree_leaves(made) if isinstance(leaf, torch.Tensor)
            }


def _place(tensor: torch.Tensor) -> int:
    return _storage_place(tensor.untyped_storage())


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """Attention and recurrent layers by their matrix products, on every device.

    Of a CPU's fused kernels torch has no formulas.
    """
    fast, onednn = torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn
    torch.backends.mha.set_fastpath_enabled(False)
    before = onednn.set_flags(False, _fp32_precision=None)  # type: ignore[no-untyped-call]  # as above
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        onednn.set_flags(before[0], _fp32_precision=None)  # type: ignore[no-untyped-call]  # as above
        torch.backends.mha.set_fastpath_enabled(fast)


def pass_counts(network: nn.Module, images: torch.Tensor) -> tuple[Any, dict[str, int]]:
    """What a network gives for ``images`` without gradients, and what that takes.

    Returns:
        Its output; and by the names of ``Cost``, of modules and functions alike: ``macs`` of all convolutions
        and matrix products; ``activations``, elements that convolutions and products with weights give;
        ``norm_elements`` that batch, layer, group and RMS norms read; ``pool_elements`` that adaptive average
        pools read; ``layers``: convolutions, products with weights and pools, each as often as it is run,
        but a recurrent layer's products once for the whole sequence.
    """
    functions = _Functions(without_data=images.is_meta)  # where there is data, it may be read
    operations = _Operations([*network.parameters(), *network.buffers()], functions)
    with torch.no_grad(), _plain_kernels(), functions, operations:
        output = network(images)
    return output, {
        "macs": operations.total // 2,
        "activations": operations.activations,
        "norm_elements": functions.norm_elements,
        "pool_elements": functions.pool_elements,
        "layers": operations.layers + functions.layers,
    }


# ----------------------------------------------------------------------------------------------------
# How many bytes a pass of any module holds at most: every tensor followed from where it is made to its end.
#
# On torch's meta device this costs no memory: a tensor there has a size and a lifetime, but no data.


class TensorFollower(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no hints here
    """Adds up the bytes of the tensors that are alive and were made within it.

    It sees what torch's operations give, not what a kernel takes for itself while it runs: the same on every
    processor, device and version of a library.

    Attributes:
        live: bytes of what is alive now.
        peak: the most that ``live`` has been since the follower was made; may be set back to ``live``.
    """

    def __init__(self, known: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.live = self.peak = 0
        self._ends: dict[int, weakref.ref[torch.UntypedStorage] | None] = {
            _place(tensor): None for tensor in known
        }

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor.untyped_storage())
        return made

    def _see(self, storage: torch.UntypedStorage) -> None:
        place, size = _storage_place(storage), storage.nbytes()
        if place in self._ends:
            return

        def end(_reference: object) -> None:
            self._ends.pop(place, None)
            self.live -= size

        self._ends[place] = weakref.ref(storage, end)
        self.live += size
        self.peak = max(self.peak, self.live)


def _storage_place(storage: torch.UntypedStorage) -> int:
    # Storages without data have no address of their own; this is the object's.
    return int(storage._cdata)


def forward_peak(network: nn.Module, images: torch.Tensor) -> int:
    """Bytes of the images and of the tensors alive at once in a forward pass in eval mode, weights aside."""
    network.eval()
    with torch.no_grad(), TensorFollower(_kept_tensors(network, images)) as follower:
        network(images)
    peak: int = images.nbytes + follower.peak
    return peak


def step_peak(network: nn.Module, images: torch.Tensor) -> int:
    """Bytes of images, saved tensors and gradients alive at once in a step of training, weights aside.

    The step is forward and backward; the last step's gradients are freed between the two, as training
    does.
    """
    network.train()
    network.zero_grad()
    labels = torch.zeros(len(images), dtype=torch.long, device=images.device)
    with TensorFollower([*_kept_tensors(network, images), labels]) as follower:
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
        loss = nn.functional.cross_entropy(network(images), labels)
        network.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no hints here
    network.zero_grad()
    peak: int = images.nbytes + follower.peak
    return peak


def _kept_tensors(network: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    return [*network.parameters(), *network.buffers(), images]


# ----------------------------------------------------------------------------------------------------
# A user's own network: built, and counted on torch's meta device, where no tensor has data.
#
# What can't be built or run there, such as code that reads a tensor's values, is built and run on the CPU.

PLAIN_CHANNELS = 3
PLAIN_CLASSES = 1000
OWN_SIDES = (RESOLUTION, 32, 48, 64, 28, 96, 128, 160, 192, 256, 288, 299, 384, 512)
"""Sides of the input that networks are usually made for: the first that is taken is a network's own."""
PROBES = (64, RESOLUTION, 32)
"""Sides of the input, in pixels, at which a network is run, if it takes one, to tell it from others."""
META, CPU = torch.device("meta"), torch.device("cpu")


def code_baseline(target: str) -> CodeSpec:
    """The network that ``package.module:function`` builds at multipliers of 1, which has been tried.

    Raises:
        ValueError: if there is none, it can't be built, or its cost doesn't grow with depth and with width.
    """
    load(target)
    asked = _own_size(CodeSpec(name=code_name(target), target=target, resolution=RESOLUTION))
    spec = settled(asked)
    twice = {"depth": (replace(asked, depth=2.0), "deeper"), "width": (replace(asked, width=2.0), "wider")}
    for dimension, (larger, more) in twice.items():
        before, after = _size(spec), _size(larger)
        if after <= before:
            moves = "doesn't move with" if after == before else "falls with"
            raise ValueError(
                f"`baseline` must build a {more} network at {dimension} 2 than at {dimension} 1, got "
                f"{target}, whose cost {moves} {dimension}: {before[0]:,} parameters at 1, {after[0]:,} at 2"
            )
    return spec


def _own_size(spec: CodeSpec) -> CodeSpec:
    """The spec at the first usual size that its network takes; as it is where that takes none of them."""
    for side in OWN_SIDES:
        with suppress(ValueError):
            count_code(sized := replace(spec, resolution=side))
            return sized
    return spec


def settled(spec: CodeSpec) -> CodeSpec:
    """The spec with the shape of what it builds: specs that the function rounds to one network get one key.

    Raises:
        ValueError: if it can't be built.
    """
    return replace(spec, shape=_shape(_plain(spec)))


def build_code(spec: CodeSpec) -> nn.Module:
    """The module that the user's function gives, as it starts itself: on torch's default device.

    ``in_channels`` is asked for only where it isn't 3. Lazy layers take their shape from a pass of one blank
    image of the spec's size, and start from torch's generator like all others.

    Raises:
        ValueError: if the code can't be imported, raises, gives no module that can be trained, or has lazy
            layers that such a pass doesn't reach.
    """
    network = _as_given(spec)
    if _unsettled(network):
        _settle(network, spec)
    return network


def _as_given(spec: CodeSpec) -> nn.Module:
    """The module that the user's function gives, its lazy layers without a shape."""
    function = load(spec.target)
    arguments: dict[str, Any] = {"depth": spec.depth, "width": spec.width, "num_classes": spec.classes}
    if spec.in_channels != PLAIN_CHANNELS:
        if not takes(function, "in_channels"):
            raise ValueError(
                f"`in_channels` must be {PLAIN_CHANNELS}, as {spec.target} takes no in_channels, "
                f"got {spec.in_channels}"
            )
        arguments["in_channels"] = spec.in_channels
    asked = f"depth {spec.depth:g} and width {spec.width:g}"
    try:
        with at_home(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Lazy modules are a new feature", UserWarning)
            network = function(**arguments)
    except (Exception, SystemExit) as error:
        raise RefusedError(
            f"`baseline` must build a network at {asked}, got {spec.target}, which raised {reason_of(error)}"
        ) from error
    if not isinstance(network, nn.Module):
        raise ValueError(
            f"`baseline` must give a torch.nn.Module, got {spec.target}, which gives "
            f"{_kind(network)} at {asked}"
        )
    if unfit := _not_plain(network):
        raise ValueError(f"`baseline` must give a plain torch.nn.Module, got {spec.target}, {unfit}")
    _own_memory(network)
    network.register_forward_hook(_MainLogits(spec.classes))
    return network


def _unsettled(network: nn.Module) -> list[str]:
    """The names of parameters and buffers that are yet to get a shape from the first pass."""
    return [name for name, tensor in _tensors(network) if is_lazy(tensor)]


def _tensors(network: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from network.named_parameters()
    yield from network.named_buffers()


def _settle(network: nn.Module, spec: CodeSpec) -> None:
    """Has lazy layers take their shape from a pass in eval mode, which leaves all else as it was."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        with at_home(), torch.no_grad():
            network.eval()(torch.zeros(1, spec.in_channels, *spec.input_size))
    except (Exception, SystemExit) as error:
        raise _unfit(spec, error) from error
    for module, training in modes:
        module.training = training
    if left := _unsettled(network):
        raise ValueError(
            "`baseline` must build a network all of whose lazy layers are run in a pass, got "
            f"{spec.target}, which doesn't run that of {left[0]}"
        )


def _not_plain(network: nn.Module) -> str:
    """Why nobody can look into a network's layers; empty where all can be seen."""
    for name, module in network.named_modules():
        place = f" in {name}" if name else ""
        if isinstance(module, torch.jit.ScriptModule):
            return f"which gives a scripted one{place}: leave torch.jit.script or torch.jit.trace out"
        if hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None:
            return (
                f"which gives a compiled one{place}: leave torch.compile out (measure has --runtime compile)"
            )
    return ""


def _own_memory(network: nn.Module) -> None:
    """Gives buffers whose elements lie in one place (``expand``) memory for each: they are to be written."""
    for module in network.modules():
        for name, buffer in module._buffers.items():
            if buffer is None or is_lazy(buffer):
                continue
            if any(step == 0 and size > 1 for step, size in zip(buffer.stride(), buffer.shape, strict=True)):
                module._buffers[name] = buffer.clone(memory_format=torch.contiguous_format)


class _MainLogits:
    """A hook that hands on the main logits of a network that gives more than these, as many do in training.

    Attributes:
        taken: what they were taken of, for each mode in which the network gave more.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.taken: dict[str, str] = {}

    def __call__(self, module: nn.Module, _inputs: object, output: object) -> object:
        if isinstance(output, torch.Tensor):
            return output
        name, logits = self._picked(output)
        if logits is not None:
            mode = "training" if module.training else "evaluation"
            self.taken[mode] = f"{name} of its {type(output).__name__}"
        return output if logits is None else logits

    def _picked(self, output: object) -> tuple[str, torch.Tensor | None]:
        """The tensor called logits; else the first that can be, and what to call it."""
        if isinstance(output, Mapping):
            parts = {str(name): value for name, value in output.items()}
        elif isinstance(output, (tuple, list)):
            parts = {f"item {index}": value for index, value in enumerate(output)}
        else:
            parts = dict(getattr(output, "__dict__", {}))
        named = parts.get("logits", getattr(output, "logits", None))
        if isinstance(named, torch.Tensor):
            return "logits", named
        for name, value in parts.items():
            if isinstance(value, torch.Tensor) and value.ndim == 2 and value.shape[1] == self.classes:
                return name, value
        return "", None


def taken_from(network: nn.Module) -> Mapping[str, str]:
    """Of what a built network's logits were taken when it last ran, where it gave more, by its mode."""
    hooks = [hook for hook in network._forward_hooks.values() if isinstance(hook, _MainLogits)]
    return hooks[0].taken if hooks else {}


def count_code(spec: CodeSpec) -> Cost:
    """What it costs for one image of its own size.

    What is counted how: see ``_Functions`` and ``_Operations``.

    Raises:
        ValueError: if it can't be built or run, gives anything but logits, or holds nothing that costs.
    """
    return _cost(replace(spec, name=""))


def _cost(spec: CodeSpec) -> Cost:
    cost = _cost_or_refusal(spec)
    if isinstance(cost, str):
        raise RefusedError(cost)
    return cost


@lru_cache(maxsize=65536)
def _cost_or_refusal(spec: CodeSpec) -> Cost | str:
    """The cost, or why there is none: a search for a budget asks for both again and again."""
    try:
        return _either(lambda device: _count(spec, device))
    except RefusedError as error:
        return str(error)


def code_training_bytes(spec: CodeSpec, batch_size: int, *, optimizer: str = "adamw") -> int:
    """Bytes at the peak of one step of training in float32, without what a library takes for itself.

    The step is run without data, and every tensor followed from where it is made to where it is freed.
    """
    weights, buffers = _held_bytes(as_built(spec))
    states = weights * (1 + STATES_PER_PARAM[optimizer])
    # Batch norm can't be trained on a single image.
    return states + buffers + _bytes(spec, batch_size, step_peak, least=2)


def code_inference_bytes(spec: CodeSpec, batch_size: int) -> int:
    """Bytes of the weights and of the most tensors alive at once in a forward pass without gradients."""
    return sum(_held_bytes(as_built(spec))) + _bytes(spec, batch_size, forward_peak, least=1)


Peak = Callable[[nn.Module, torch.Tensor], int]


def _bytes(spec: CodeSpec, batch_size: int, peak: Peak, *, least: int) -> int:
    """A peak for a batch; from two small ones where it is too small, or where only real data would do."""
    spec = replace(spec, name="")
    if batch_size >= least:
        with suppress(ValueError):
            return _peak(spec, batch_size, peak, META)
    two, three = (_either(lambda device, n=n: _peak(spec, n, peak, device)) for n in (2, 3))  # type: ignore[misc]  # n is bound
    return two + (batch_size - 2) * (three - two)


@lru_cache(maxsize=65536)
def _peak(spec: CodeSpec, batch_size: int, peak: Peak, device: torch.device) -> int:
    network = built(as_built(spec), device)
    with running(spec, device):
        return peak(network, torch.zeros(batch_size, spec.in_channels, *spec.input_size))


def _count(spec: CodeSpec, device: torch.device) -> Cost:
    network = built(as_built(spec), device).eval()
    with running(spec, device):
        logits, counts = pass_counts(network, torch.zeros(1, spec.in_channels, *spec.input_size))
    require_logits(spec, logits, 1, "")
    if not counts["macs"]:
        raise ValueError(
            "`baseline` must build a network of convolutions or linear layers, "
            f"got {spec.target}, which runs none"
        )
    return Cost(params=_numbers(network)[0], **counts)


@lru_cache(maxsize=65536)
def _held_bytes(spec: CodeSpec) -> tuple[int, int]:
    """Bytes of its parameters, as float32, and of its buffers."""
    network = _either(lambda device: built(spec, device))
    params, buffers = _numbers(network)
    return FLOAT32_BYTES * params, buffers


def _numbers(network: nn.Module) -> tuple[int, int]:
    """Trainable parameters, and the bytes of all that is kept beside them."""
    trained = [p for p in network.parameters() if p.requires_grad]
    kept = [*network.buffers(), *(p for p in network.parameters() if not p.requires_grad)]
    return sum(p.numel() for p in trained), sum(tensor.nbytes for tensor in kept)


def _size(spec: CodeSpec) -> tuple[int, int]:
    """Parameters, and multiply-adds where it can be run at its resolution: what has to grow."""
    try:
        cost = count_code(spec)
        return cost.params, cost.macs
    except ValueError:  # perhaps it takes other resolutions
        if not _is_lazy(_of_any_size(spec)):
            return _held_bytes(as_built(spec))[0] // FLOAT32_BYTES, 0
    for side in dict.fromkeys((*PROBES, *OWN_SIDES)):
        with suppress(ValueError):
            return count_code(replace(spec, resolution=side)).params, 0
    return count_code(spec).params, 0  # which says why not


@lru_cache(maxsize=65536)
def _shape(spec: CodeSpec) -> str:
    return hashlib.sha256("\n".join(_structure(spec)).encode()).hexdigest()[:12]


def structure(spec: CodeSpec) -> tuple[str, ...]:
    """What tells a network from others, a line for each module, tensor and cost, whatever its classes.

    Modules that are run several times, and strides and pools without a module, show in its costs alone.

    Raises:
        ValueError: if it can't be built.
    """
    return _structure(_plain(spec))


@lru_cache(maxsize=1024)
def _structure(spec: CodeSpec) -> tuple[str, ...]:
    network = _either(lambda device: _given(spec, device))
    lines = []
    for name, module in network.named_modules(remove_duplicate=False):
        lines.append(f"{name or 'the network'}: {type(module).__name__}({_shown(module)})")
    names: dict[int, str] = {}
    for kind, named in (
        ("parameter", network.named_parameters(remove_duplicate=False)),
        ("buffer", network.named_buffers(remove_duplicate=False)),
    ):
        for name, tensor in named:
            same = names.setdefault(id(tensor), name)
            shape = "of a lazy layer" if is_lazy(tensor) else tuple(tensor.shape)
            what = f"the same as {same}" if same != name else f"{shape} {tensor.dtype}"
            frozen = "" if tensor.requires_grad or kind == "buffer" else ", not trained"
            lines.append(f"{kind} {name}: {what}{frozen}")
    return (*lines, *(f"{name}: {value}" for name, value in _probed(spec).items()))


def _shown(module: nn.Module) -> str:
    """A module's own settings, as it prints them; nothing where its code for that raises."""
    try:
        text = str(module.extra_repr())
    except Exception:
        return ""
    # Functions show where they lie in memory, and tensors on which device the network was built.
    return re.sub(r"0x[0-9a-f]+|, device='?\w+'?", "", text)


def require_same_network(spec: CodeSpec) -> None:
    """Refuses code that builds another network today than when the spec was settled.

    Raises:
        ValueError: if it does, or builds none.
    """
    if spec.shape and _shape(_plain(spec)) != spec.shape:
        raise ValueError(
            f"`baseline` must build the network that was planned, got {spec.target}, which builds another at "
            f"depth {spec.depth:g} and width {spec.width:g}: its code has changed since"
        )


def numbers(spec: CodeSpec) -> dict[str, list[float]]:
    """What a network computes for two fixed images from seeded weights on the CPU, in both modes.

    A mode is left out where it can't be run, or gives other numbers each time.
    """
    given: dict[str, list[float]] = {}
    for mode in ("evaluation", "training"):
        with suppress(ValueError):
            first, again = (_computed(spec, mode) for _ in range(2))
            if first == again:
                given[mode] = first
    return given


def _computed(spec: CodeSpec, mode: str) -> list[float]:
    with torch.random.fork_rng(devices=[]), CPU:
        torch.manual_seed(0)
        network = build_code(spec).train(mode == "training")
    with running(spec, CPU), torch.no_grad():
        torch.manual_seed(0)
        logits = network(torch.randn(2, spec.in_channels, *spec.input_size))
    require_logits(spec, logits, 2, "")
    return [float(value) for value in logits.flatten()[:64]]


def require_logits(spec: CodeSpec, logits: object, images: int, mode: str) -> None:
    """Refuses what isn't logits of the classes asked for.

    Raises:
        ValueError: if it isn't.
    """
    if isinstance(logits, torch.Tensor) and logits.shape == (images, spec.classes):
        return
    gives = tuple(logits.shape) if isinstance(logits, torch.Tensor) else _kind(logits)
    raise RefusedError(
        "`baseline` must build a network that gives logits of shape (batch, classes), got "
        f"{spec.target}, which gives {gives} for {images} image{'s' * (images > 1)} and {spec.classes} "
        f"classes{mode}"
    )


def _probed(spec: CodeSpec) -> Mapping[str, object]:
    """What a network runs at a size that doesn't depend on its own; its multipliers where it takes none."""
    for side in dict.fromkeys((*PROBES, *OWN_SIDES)):
        with suppress(ValueError):
            return asdict(count_code(replace(spec, resolution=side)))
    return {"depth": spec.depth, "width": spec.width}


def _plain(spec: CodeSpec) -> CodeSpec:
    """What tells a network from others is looked at with classes and channels that are always the same."""
    return replace(_of_any_size(spec), classes=PLAIN_CLASSES, in_channels=PLAIN_CHANNELS)


def _of_any_size(spec: CodeSpec) -> CodeSpec:
    """What a network is built from: all but the size of its input, and the shape, which comes of it."""
    return replace(spec, name="", resolution=1, resolution_width=None, shape="")


def as_built(spec: CodeSpec) -> CodeSpec:
    """What a network is built from: also the size of its input where it has lazy layers."""
    plain = _of_any_size(spec)
    return replace(spec, name="", shape="") if _is_lazy(plain) else plain


@lru_cache(maxsize=65536)
def _is_lazy(spec: CodeSpec) -> bool:
    return _either(lambda device: bool(_unsettled(_given(spec, device))))


@lru_cache(maxsize=32)
def _given(spec: CodeSpec, device: torch.device) -> nn.Module:
    with torch.random.fork_rng(devices=[]), device:
        return _as_given(spec)


@lru_cache(maxsize=32)
def built(spec: CodeSpec, device: torch.device) -> nn.Module:
    """The module on a device, made once: to be looked at and run, not trained.

    Raises:
        ValueError: see :func:`build_code`.
    """
    network = _given(_of_any_size(spec), device)
    if not _unsettled(network):
        return network
    with torch.random.fork_rng(devices=[]), device:
        return build_code(spec)


_Found = TypeVar("_Found")


def _either(work: Callable[[torch.device], _Found]) -> _Found:
    """What ``work`` finds on the meta device; where that won't do, on the CPU, whose errors count."""
    try:
        return work(META)
    except ValueError:
        return work(CPU)


@contextmanager
def running(spec: CodeSpec, device: torch.device, can: str = "that takes") -> Iterator[None]:
    """Where a network is run, on one device and with the generators as they were; its errors in one line."""
    try:
        with at_home(), generators_kept(device), device:
            yield
    except (Exception, SystemExit) as error:
        raise _unfit(spec, error, can) from error


def _unfit(spec: CodeSpec, error: BaseException, can: str = "that takes") -> RefusedError:
    height, width = spec.input_size
    return RefusedError(
        f"`baseline` must build a network {can} images of {height} x {width} px, got {spec.target} "
        f"at depth {spec.depth:g} and width {spec.width:g}, which raised {reason_of(error)}"
    )


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
