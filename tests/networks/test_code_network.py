"""A user's own code: built, counted and sized as torch itself does it, and refused in one clear line."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from scalesearch.hardware.flops import fvcore_count
from scalesearch.hardware.memory import tensor_bytes
from scalesearch.networks import user_network
from scalesearch.networks.build import build
from scalesearch.networks.cost import block_count, count, inference_bytes, training_bytes
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import CodeSpec, Rounding, arch_from_dict, code_name
from scalesearch.networks.user_code import sources
from scalesearch.networks.user_network import code_baseline, numbers, pass_counts, settled, structure
from scalesearch.records.timings import Setup
from scalesearch.scaling import Multipliers

PLAIN = """
import math
from torch import nn

def build(depth, width, num_classes):
    c = max(1, round(16 * width))
    layers = [nn.Conv2d(3, c, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU()]
    for _ in range(max(1, math.ceil(2 * depth))):
        layers += [nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, num_classes))
"""
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module into the current folder; gives the target of its ``build``."""
    monkeypatch.chdir(tmp_path)
    tops = set()

    def made(name: str, text: str) -> str:
        tops.add(name.partition(".")[0])
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return f"{name}:build"

    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] in tops]:
        del sys.modules[name]


@pytest.fixture
def plain(write: Write) -> CodeSpec:
    return code_baseline(write("plain_net", PLAIN))


def test_exact_costs_by_hand(plain: CodeSpec) -> None:
    """At 32 px: a stem from 3 to 16 channels and two convolutions of 16, all on 16 x 16 maps; 1000 classes."""
    cost = count(replace(plain, resolution=32))
    weights = 27 * 16 + 2 * 9 * 16 * 16
    assert cost.params == weights + 3 * 2 * 16 + 17 * 1000
    assert cost.macs == weights * 256 + 16 * 1000
    assert cost.activations == 3 * 16 * 256 + 1000
    assert (cost.norm_elements, cost.pool_elements, cost.layers) == (3 * 16 * 256, 16 * 256, 5)
    assert block_count(plain) == 5


def test_counts_are_fvcores_and_torchs_own(plain: CodeSpec) -> None:
    arch = scale(replace(plain, resolution=40, classes=10), Multipliers(depth=1.6, width=0.7), Rounding())
    cost = count(arch)
    flops = fvcore_count(arch)
    assert (flops.conv_linear, flops.total) == (cost.macs, cost.fvcore_total)
    with FlopCounterMode(display=False) as counter:
        build(arch)(torch.zeros(1, 3, 40, 40))
    assert counter.get_total_flops() == 2 * cost.macs


@pytest.mark.parametrize(("mode", "counted"), [("training", training_bytes), ("inference", inference_bytes)])
def test_bytes_are_those_of_the_tensors_of_a_pass(
    plain: CodeSpec, mode: str, counted: Callable[[CodeSpec, int], int]
) -> None:
    """The optimizer's counts of steps, a number for each parameter tensor, are all that is left out."""
    arch = replace(plain, resolution=48, classes=10)
    followed = tensor_bytes(arch, Setup(mode=mode, batch_size=16))
    assert counted(arch, 16) == pytest.approx(followed, rel=0.001)


def test_one_seed_makes_one_start(plain: CodeSpec) -> None:
    arch = replace(plain, classes=7)
    networks = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        networks.append(build(arch))
    first, same, other = (n.state_dict()["0.weight"] for n in networks)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert networks[0](torch.zeros(2, 3, 16, 16)).shape == (2, 7)


def test_counting_draws_no_random_number(plain: CodeSpec) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    count(replace(plain, resolution=33))
    training_bytes(replace(plain, resolution=33), 4)
    assert torch.equal(torch.get_rng_state(), before)


def test_multipliers_that_round_alike_make_one_network(plain: CodeSpec) -> None:
    def made(**multipliers: float) -> CodeSpec:
        return scale(plain, Multipliers(**multipliers), Rounding())

    assert made(depth=1.1).key == made(depth=1.5).key == settled(replace(plain, depth=1.4, shape="")).key
    assert made(depth=1.1) == made(depth=1.5)
    assert hash(made(depth=1.1)) == hash(made(depth=1.5))
    assert len({plain.key, made(depth=1.1).key, made(width=1.1).key, made(resolution=1.1).key}) == 4
    # What is reduced first, or given other classes on the way, is still that network.
    assert (
        replace(made(depth=1.3), classes=9).key
        == scale(replace(plain, classes=9), Multipliers(depth=1.3), Rounding()).key
    )
    assert reduce(plain, 0.5, Rounding()).key == made(width=0.5).key


def test_a_spec_survives_plain_data(plain: CodeSpec) -> None:
    oblong = replace(plain, resolution_width=96)
    assert arch_from_dict(plain.to_dict()) == plain
    assert arch_from_dict(oblong.to_dict()) == oblong
    assert oblong.key != plain.key


def test_code_that_reads_values_is_counted_on_the_cpu(write: Write) -> None:
    """A start from NumPy can't be made on the meta device, nor a branch on a value be taken there."""
    reading = code_baseline(
        write(
            "reading_net",
            """
import numpy as np, torch
from torch import nn

class Net(nn.Module):
    def __init__(self, depth, width, num_classes):
        super().__init__()
        c = round(8 * width)
        rates = [float(rate) for rate in torch.linspace(0, 0.1, round(2 * depth))]
        self.body = nn.Sequential(nn.Conv2d(3, c, 3), *(nn.Conv2d(c, c, 1) for _ in rates))
        self.shift = nn.Parameter(torch.from_numpy(np.zeros(c, np.float32)))
        self.head = nn.Linear(c, num_classes)

    def forward(self, x):
        x = self.body(x)
        if x.sum() > 1e9:
            raise ArithmeticError
        return self.head(x.mean((2, 3)) + self.shift)

build = Net
""",
        )
    )
    cost = count(replace(reading, resolution=6, classes=2))
    assert cost.macs == 16 * (27 * 8 + 2 * 64) + 16
    assert cost.params == 27 * 8 + 8 + 2 * (64 + 8) + 8 + 18
    one, two, three = (training_bytes(replace(reading, resolution=6), batch) for batch in (1, 2, 3))
    assert one < two < three


def test_functional_calls_cost_as_much_as_modules(write: Write) -> None:
    bare = code_baseline(
        write(
            "bare_net",
            """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, depth, width, num_classes):
        super().__init__()
        self.kernels = nn.ParameterList(torch.zeros(round(4 * width), 3, 3, 3) for _ in range(round(depth)))
        self.out = nn.Parameter(torch.zeros(num_classes, round(4 * width)))

    def forward(self, x):
        maps = sum(nn.functional.conv2d(x, kernel, padding=1) for kernel in self.kernels)
        return nn.functional.linear(maps.mean((2, 3)), self.out)

def build(depth, width, num_classes):
    return Net(depth, width, num_classes)
""",
        )
    )
    cost = count(replace(bare, resolution=10, classes=5))
    assert cost.macs == 100 * 27 * 4 + 4 * 5
    assert (cost.activations, cost.layers) == (100 * 4 + 5, 2)


class _Layers(nn.Module):
    """Named tensors and modules, and what is run of them on a batch of images."""

    def __init__(self, run: Callable[..., torch.Tensor], **parts: object) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, nn.Parameter(torch.zeros(*part)) if isinstance(part, tuple) else part)
        self.run = run

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.run(self, x)


F = nn.functional
TOKENS = 36
LAYERS: dict[str, tuple[nn.Module, nn.Module | None, tuple[int, int, int]]] = {
    # On 4 channels of 6 x 6 pixels: as a function, as a module, and (macs, activations, layers).
    "convolution": (
        _Layers(lambda m, x: F.conv2d(x, m.w, padding=1), w=(8, 4, 3, 3)),
        nn.Conv2d(4, 8, 3, padding=1, bias=False),
        (36 * 8 * 4 * 9, 36 * 8, 1),
    ),
    "transposed convolution": (
        _Layers(lambda m, x: F.conv_transpose2d(x, m.w, stride=2), w=(4, 8, 2, 2)),
        nn.ConvTranspose2d(4, 8, 2, stride=2, bias=False),
        (36 * 4 * 8 * 4, 144 * 8, 1),
    ),
    "grouped convolution": (
        _Layers(lambda m, x: F.conv2d(x, m.w, m.b, groups=2), w=(8, 2, 3, 3), b=(8,)),
        nn.Conv2d(4, 8, 3, groups=2),
        (16 * 8 * 2 * 9, 16 * 8, 1),
    ),
    "depthwise convolution": (
        _Layers(lambda m, x: F.conv2d(x, m.w, stride=2, padding=1, groups=4), w=(4, 1, 3, 3)),
        nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4, bias=False),
        (9 * 4 * 9, 9 * 4, 1),
    ),
    "one-dimensional convolution": (
        _Layers(lambda m, x: F.conv1d(x.flatten(2), m.w), w=(5, 4, 3)),
        nn.Sequential(nn.Flatten(2), nn.Conv1d(4, 5, 3, bias=False)),
        (34 * 5 * 4 * 3, 34 * 5, 1),
    ),
    "normalised kernel": (
        _Layers(lambda m, x: F.conv2d(x, (m.w - m.w.mean()) / m.w.std()), w=(8, 4, 1, 1)),
        None,
        (36 * 8 * 4, 36 * 8, 1),
    ),
    "linear": (
        _Layers(lambda m, x: F.linear(x, m.w, m.b), w=(5, 6), b=(5,)),
        nn.Linear(6, 5),
        (4 * 6 * 6 * 5, 4 * 6 * 5, 1),
    ),
    "matmul": (_Layers(lambda m, x: x @ m.w, w=(6, 5)), nn.Linear(6, 5), (4 * 6 * 6 * 5, 4 * 6 * 5, 1)),
    "matmul by a scaled weight": (
        _Layers(lambda m, x: x @ (m.w.T / m.scale), w=(5, 6), scale=(1,)),
        nn.Linear(6, 5),
        (4 * 6 * 6 * 5, 4 * 6 * 5, 1),
    ),
    "einsum": (
        _Layers(lambda m, x: torch.einsum("bchw,co->bohw", x, m.w), w=(4, 7)),
        nn.Conv2d(4, 7, 1, bias=False),
        (36 * 4 * 7, 36 * 7, 1),
    ),
    "weights of each channel": (
        _Layers(lambda m, x: torch.bmm(x.flatten(0, 1), m.w), w=(4, 6, 5)),
        None,
        (4 * 6 * 6 * 5, 4 * 6 * 5, 1),
    ),
    "matrix and vector": (
        _Layers(lambda m, x: torch.mv(m.w, x.flatten()), w=(3, 144)),
        _Layers(lambda m, x: m.linear(x.flatten()), linear=nn.Linear(144, 3)),
        (144 * 3, 3, 1),
    ),
    "bilinear": (
        _Layers(lambda m, x: F.bilinear(x, x, m.w), w=(3, 6, 6)),
        _Layers(lambda m, x: m.layer(x, x), layer=nn.Bilinear(6, 6, 3)),
        (24 * 3 * 6 * 6, 24 * 3, 1),
    ),
    "attention": (
        _Layers(
            lambda m, x: F.scaled_dot_product_attention(*F.linear(x.flatten(2).mT, m.w).chunk(3, -1)) @ m.out,
            w=(12, 4),
            out=(4, 4),
        ),
        _Layers(
            lambda m, x: m.layer(*3 * (x.flatten(2).mT,), need_weights=False)[0],
            layer=nn.MultiheadAttention(4, 1, batch_first=True),
        ),
        # Queries with keys, and what comes of it with values, are products of the images alone.
        (4 * TOKENS * 4 * 4 + 2 * TOKENS * TOKENS * 4, TOKENS * (12 + 4), 2),
    ),
    "recurrent layer": (
        _Layers(
            lambda m, x: torch.gru(
                x.flatten(2).mT, x.new_zeros(1, 1, 5), [m.a, m.b], False, 1, 0.0, False, False, True
            )[0],
            a=(15, 4),
            b=(15, 5),
        ),
        _Layers(lambda m, x: m.layer(x.flatten(2).mT)[0], layer=nn.GRU(4, 5, batch_first=True)),
        (TOKENS * 15 * (4 + 5), TOKENS * 2 * 15, 2),
    ),
    "both directions": (
        _Layers(
            lambda m, x: m.layer(x.flatten(2).mT)[0],
            layer=nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True),
        ),
        None,
        (TOKENS * 2 * 20 * (4 + 5 + 10 + 5), TOKENS * 2 * 4 * 20, 8),
    ),
    "recurrent cell": (
        _Layers(lambda m, x: m.layer(x.mean((2, 3))), layer=nn.LSTMCell(4, 5)),
        None,
        (20 * (4 + 5), 2 * 20, 2),
    ),
    "products of the images alone": (
        _Layers(lambda m, x: x @ x.mT + m.w, w=(6,)),
        None,
        (4 * 6 * 6 * 6, 0, 0),
    ),
}


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_costs_alike_as_function_and_as_module_on_every_device(name: str, device: str) -> None:
    function, module, expected = LAYERS[name]
    for network in filter(None, (function, module)):
        placed = copy.deepcopy(network).to(device).eval()
        _, counts = pass_counts(placed, torch.ones(1, 4, 6, 6, device=device))
        assert (counts["macs"], counts["activations"], counts["layers"]) == expected


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_norms_and_pools_cost_alike_as_functions_and_as_modules(device: str) -> None:
    functions = _Layers(
        lambda m, x: F.adaptive_avg_pool2d(
            F.max_pool2d(F.layer_norm(F.batch_norm(x, m.mean, m.var), (6, 6)), 2), 1
        ),
        mean=(4,),
        var=(4,),
    )
    modules = nn.Sequential(
        nn.BatchNorm2d(4), nn.LayerNorm((6, 6)), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)
    ).eval()
    for network in (functions, modules):
        _, counts = pass_counts(network.to(device), torch.ones(1, 4, 6, 6, device=device))
        assert (counts["norm_elements"], counts["pool_elements"], counts["layers"]) == (2 * 144, 4 * 9, 2)


LAZY_LAYERS = """
from torch import nn

class Net(nn.Module):
    def __init__(self, depth, width, num_classes, in_channels=3):
        super().__init__()
        c = round(4 * width)
        self.body = nn.Sequential(
            *(nn.LazyConv2d(c, 3, 2, 1), nn.LazyBatchNorm2d(), nn.Dropout(0.5)),
            *(nn.Conv2d(c, c, 3, 1, 1) for _ in range(round(depth))),
        )
        self.head = nn.Sequential(POOL, nn.Flatten(), nn.LazyLinear(num_classes))

    def forward(self, x):
        READ
        return self.head(self.body(x))

build = Net
"""


@pytest.mark.parametrize("read", ["pass", "assert float(x.sum()) < 1e9"])
@pytest.mark.parametrize("pool", ["nn.AdaptiveAvgPool2d(1)", "nn.Identity()"])
def test_lazy_layers_take_their_shape_from_the_input(write: Write, pool: str, read: str) -> None:
    name = f"lazy_{'pooled' if 'Pool' in pool else 'flat'}_{read[:4]}"
    base = code_baseline(write(name, LAZY_LAYERS.replace("POOL", pool).replace("READ", read)))
    arch = replace(base, resolution=8, resolution_width=12, classes=5, in_channels=2)
    features = 4 if "Pool" in pool else 4 * 4 * 6
    cost = count(arch)
    assert cost.params == (18 * 4 + 4) + 8 + (36 * 4 + 4) + (features + 1) * 5
    assert cost.macs == 24 * (18 * 4 + 36 * 4) + features * 5
    networks = []
    for _ in range(2):
        torch.manual_seed(3)
        networks.append(build(arch))
    assert sum(p.numel() for p in networks[0].parameters()) == cost.params
    assert all(module.training for module in networks[0].modules())
    first, second = (network.state_dict() for network in networks)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert first["body.1.num_batches_tracked"] == 0
    assert networks[0](torch.zeros(3, 2, 8, 12)).shape == (3, 5)
    assert training_bytes(arch, 4) > 3 * 4 * cost.params
    # Equal layers are one network, as without lazy ones.
    assert scale(base, Multipliers(depth=1.2), Rounding()).key == base.key
    assert scale(base, Multipliers(width=1.5), Rounding()).key != base.key


def test_a_lazy_layer_that_no_pass_reaches_is_refused(write: Write) -> None:
    text = LAZY_LAYERS.replace("POOL", "nn.AdaptiveAvgPool2d(1)").replace("READ", "pass")
    target = write("unreached_net", text.replace("c = round", "self.spare = nn.LazyLinear(2); c = round"))
    with pytest.raises(ValueError) as error:
        code_baseline(target)
    assert str(error.value) == (
        "`baseline` must build a network all of whose lazy layers are run in a pass, got unreached_net:build, "
        "which doesn't run that of spare.weight"
    )


SHARED = """
from torch import nn

class Net(nn.Module):
    def __init__(self, depth, width, num_classes):
        super().__init__()
        c = round(4 * width)
        self.times = round(depth)
        self.stem, self.shared = nn.Conv2d(3, c, 3), nn.Conv2d(c, c, 3, padding=1)
        self.head = nn.Linear(c, num_classes)

    def forward(self, x):
        x = self.stem(x)
        for _ in range(self.times):
            x = STEP
        return self.head(x.mean((2, 3)))

build = Net
"""


@pytest.mark.parametrize("size", ["any", "its own"])
def test_weights_shared_by_more_blocks_make_another_network(write: Write, size: str) -> None:
    """Twice the depth has the same modules and tensors; only what is run tells them apart."""
    text = SHARED.replace("STEP", "self.shared(x)")
    if size == "its own":
        text = text.replace("self.stem(x)", "self.stem(x); assert x.shape[2] == 22")
    target = write(f"shared_{size[:3]}", text)
    shared = CodeSpec(name="x", target=target, resolution=24)
    one, same, two = (
        settled(replace(shared, depth=depth, width=width))
        for depth, width in ((1.0, 1.0), (1.2, 1.1), (2.0, 1.0))
    )
    assert one.key != two.key
    assert count(two).macs - count(one).macs == 22 * 22 * 9 * 4 * 4
    # Where it can't be run to be told from others, it is taken for no other.
    assert (one.key == same.key) == (size == "any")


def test_strides_without_a_module_make_another_network(write: Write) -> None:
    text = SHARED.replace("STEP", "nn.functional.avg_pool2d(self.shared(x), self.times)")
    text = text.replace("range(self.times)", "range(2)").replace("4 * width", "4 * width * depth**0.5")
    spec = code_baseline(write("strided_net", text))
    one, two = (
        settled(replace(spec, depth=depth, width=width)) for depth, width in ((1.0, 1.0), (1.5, 1 / 1.5**0.5))
    )
    assert one.key != two.key


ATTENDING = """
from torch import nn

class Net(nn.Module):
    def __init__(self, depth, width, num_classes):
        super().__init__()
        c = 8 * round(2 * width)
        self.patches = nn.Conv2d(3, c, 4, stride=4)
        self.encoders = nn.Sequential(
            *(nn.TransformerEncoderLayer(c, 2, 2 * c, batch_first=True) for _ in range(round(depth)))
        )
        self.attention = nn.MultiheadAttention(c, 2, batch_first=True)
        self.head = nn.Linear(c, num_classes)

    def forward(self, x):
        x = self.encoders(self.patches(x).flatten(2).mT)
        READ
        return self.head(self.attention(x, x, x, need_weights=False)[0].mean(1))

build = Net
"""


def test_attention_costs_as_much_on_the_cpu_as_on_the_meta_device(write: Write) -> None:
    """On a CPU torch has fused kernels for it that its own counter does not know."""
    fast = torch.backends.mha.get_fastpath_enabled()
    plain, reading = (
        count(replace(code_baseline(write(name, ATTENDING.replace("READ", line))), resolution=16, classes=3))
        for name, line in (("meta_net", ""), ("cpu_net", "assert float(x.sum()) < 1e9"))
    )
    assert plain == reading
    patches, c = 16, 16
    attention = 4 * patches * c * c + 2 * patches * patches * c
    assert plain.macs == patches * 3 * 16 * c + 2 * attention + 2 * patches * c * 2 * c + 3 * c
    assert torch.backends.mha.get_fastpath_enabled() == fast


def test_channels_are_asked_for_where_the_code_takes_them(write: Write, plain: CodeSpec) -> None:
    with pytest.raises(ValueError) as error:
        build(replace(plain, in_channels=1))
    assert str(error.value) == "`in_channels` must be 3, as plain_net:build takes no in_channels, got 1"
    taking = PLAIN.replace("num_classes):", "num_classes, in_channels=3):").replace(
        "Conv2d(3,", "Conv2d(in_channels,"
    )
    grey = replace(code_baseline(write("taking_net", taking)), in_channels=1, resolution=16)
    assert build(grey)(torch.zeros(2, 1, 16, 16)).shape == (2, 1000)
    assert count(grey).macs == count(replace(grey, in_channels=3)).macs - 64 * 2 * 9 * 16


def test_code_that_builds_another_network_is_refused(write: Write) -> None:
    """Also where only a module beside it in its package has changed; a comment changes nothing."""
    write("shapes_pkg.parts", "CHANNELS = 16\n")
    source = PLAIN.replace("import math", "import math\nfrom .parts import CHANNELS").replace(
        "16 *", "CHANNELS *"
    )
    spec = code_baseline(write("shapes_pkg.net", source))
    for channels, fits in ((16, True), (32, False)):
        write("shapes_pkg.parts", f"# changed\nCHANNELS = {channels}\n")
        _forget("shapes_pkg")
        if fits:
            build(spec)
            continue
        with pytest.raises(ValueError) as error:
            build(spec)
        assert str(error.value) == (
            "`baseline` must build the network that was planned, got shapes_pkg.net:build, which builds another at "
            "depth 1 and width 1: its code has changed since"
        )


def _forget(package: str) -> None:
    """As in a new process: what is imported, and what is known of what was built."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    for value in vars(user_network).values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()


def test_what_tells_networks_apart(write: Write) -> None:
    """Names, types, settings, shapes, types of numbers, what is one and what is trained; not how it prints."""
    lines = structure(code_baseline(write("told_net", PLAIN)))
    assert "the network: Sequential()" in lines
    assert "0: Conv2d(3, 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)" in lines
    assert "parameter 0.weight: (16, 3, 3, 3) torch.float32" in lines
    assert "buffer 1.num_batches_tracked: () torch.int64" in lines
    assert any(line.startswith("macs: ") for line in lines)
    tied = PLAIN.replace(
        "    return ",
        "    layers[3].weight = layers[6].weight\n    layers[1].requires_grad_(False)\n    return ",
    )
    lines = structure(code_baseline(write("tied_net", tied)))
    assert "parameter 6.weight: the same as 3.weight" in lines
    assert "parameter 1.bias: (16,) torch.float32, not trained" in lines


def test_a_network_that_cannot_be_printed_is_told_from_others(write: Write) -> None:
    text = """
class Shy(nn.Sequential):
    def __repr__(self):
        raise RuntimeError
    def extra_repr(self):
        raise RuntimeError
"""
    shy = (
        PLAIN.replace("def build", text + "\ndef build")
        .replace("return nn.Seq", "return Shy")
        .replace("Shyuential", "Shy")
    )
    spec = code_baseline(write("shy_net", shy))
    assert len({spec.key, settled(replace(spec, width=2.0, shape="")).key}) == 2
    assert spec.key == settled(replace(spec, depth=0.9, shape="")).key


def test_the_numbers_of_a_network_tell_changes_that_its_layers_do_not(write: Write) -> None:
    spec = replace(code_baseline(write("numbers_net", PLAIN)), resolution=16, classes=3)
    same = numbers(spec)
    assert numbers(spec) == same
    assert {mode: len(values) for mode, values in same.items()} == {"evaluation": 6, "training": 6}
    functional = PLAIN.replace(
        "    return nn.Sequential(", "    nn.init.ones_(layers[0].weight)\n    return nn.Sequential("
    )
    other = replace(code_baseline(write("numbers_other", functional)), resolution=16, classes=3)
    assert structure(other) == structure(spec)
    assert numbers(other) != same


def test_the_users_own_files_are_found(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beside the module, in its package and beside that; not what is installed."""
    monkeypatch.syspath_prepend(tmp_path / "venv" / "site-packages")
    write("venv/site-packages/kept_lib", "X = 1\n")
    write("kept_help", "CHANNELS = 16\n")
    write("kept_pkg.__init__", "")
    write("kept_pkg.parts", "X = 1\n")
    imports = "import math, kept_help, kept_lib, torch\nfrom . import parts"
    target = write("kept_pkg.net", PLAIN.replace("import math", imports))
    files = {name: content for name, content in sources(target).items() if name.startswith("kept")}
    assert set(files) == {"kept_help.py", "kept_pkg/__init__.py", "kept_pkg/net.py", "kept_pkg/parts.py"}
    assert files["kept_help.py"] == b"CHANNELS = 16\n"
    write("kept_help", "# " + "x" * 2**20)
    assert "kept_help.py" not in sources(target)


def test_each_network_is_built_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = code_baseline(write("once_net", PLAIN))
    built: list[CodeSpec] = []

    def building(asked: CodeSpec) -> torch.nn.Module:
        built.append(asked)
        return as_given(asked)

    as_given = user_network._as_given
    monkeypatch.setattr(user_network, "_as_given", building)
    larger = scale(spec, Multipliers(depth=2.0, width=1.5, resolution=0.25), Rounding())
    count(larger)
    training_bytes(larger, 4)
    assert len(built) == 1


def test_names_are_fit_for_folders() -> None:
    assert code_name("my_pkg.nets:build") == "my_pkg-nets-build"


LAZY = "from torch import nn\ndef build(depth, width, num_classes):\n    {}\n"
BAD = {
    "bad_import": (
        "1 / 0",
        "must name a module that can be imported, got bad_import:build, which raised ZeroDivisionError: division by zero (bad_import.py, line 1)",
    ),
    "bad_exit": (
        "raise SystemExit('usage: train')",
        "must name a module that can be imported, got bad_exit:build, which raised SystemExit: usage: train (bad_exit.py, line 1)",
    ),
    "bad_missing": (
        "import no_such_thing",
        "must name a module that can be imported, got bad_missing:build, which raised ModuleNotFoundError: "
        "No module named 'no_such_thing' (bad_missing.py, line 1)",
    ),
    "bad_name": (
        "def bild(): ...\ndef other(): ...",
        "must name a function of bad_name, got bad_name:build: it has bild, other",
    ),
    "bad_type": ("build = 3", "must name a function, got bad_type:build, which is of type int"),
    "bad_signature": (
        "def build(depth, num_classes): ...",
        "must name a function that takes depth, width, num_classes by name, got bad_signature:build(depth, "
        "num_classes): got an unexpected keyword argument 'width'",
    ),
    "bad_none": (
        "def build(depth, width, num_classes): ...",
        "must give a torch.nn.Module, got bad_none:build, which gives None at depth 1 and width 1",
    ),
    "bad_list": (
        "def build(depth, width, num_classes): return []",
        "must give a torch.nn.Module, got bad_list:build, which gives a value of type list at depth 1 and width 1",
    ),
    "bad_always": (
        LAZY.format("raise RuntimeError('no `luck`\\n today')"),
        "must build a network at depth 1 and width 1, got bad_always:build, which raised RuntimeError: no luck today (bad_always.py, line 3)",
    ),
    "bad_deep": (
        PLAIN.replace("    c =", "    assert depth < 2, 'too deep'\n    c ="),
        "must build a network at depth 2 and width 1, got bad_deep:build, which raised AssertionError: too deep (bad_deep.py, line 6)",
    ),
    "bad_depth": (
        PLAIN.replace("2 * depth", "2"),
        "must build a deeper network at depth 2 than at depth 1, got bad_depth:build, whose cost doesn't move with "
        "depth: 22,136 parameters at 1, 22,136 at 2",
    ),
    "bad_width": (
        PLAIN.replace("16 * width", "16"),
        "must build a wider network at width 2 than at width 1, got bad_width:build, whose cost doesn't move with "
        "width: 22,136 parameters at 1, 22,136 at 2",
    ),
    "bad_shrinking": (
        PLAIN.replace("2 * depth", "2 / depth"),
        "must build a deeper network at depth 2 than at depth 1, got bad_shrinking:build, whose cost falls with "
        "depth: 22,136 parameters at 1, 19,800 at 2",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_code_that_won_t_do(write: Write, name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(ValueError) as error:
        code_baseline(write(name, text))
    assert str(error.value) == f"`baseline` {message}"


def test_a_module_that_is_nowhere(write: Write) -> None:
    write("there_pkg.net", PLAIN)
    for target, missing in (
        ("nowhere_at_all:build", "nowhere_at_all"),
        ("there_pkg.not:build", "there_pkg.not"),
    ):
        with pytest.raises(ValueError) as error:
            code_baseline(target)
        assert str(error.value) == (
            "`baseline` must name a module that Python finds, the current folder searched first, got "
            f"{target}: there is no {missing}"
        )


def test_networks_that_cannot_take_the_images(write: Write) -> None:
    valid = code_baseline(write("valid_net", PLAIN.replace("padding=1, ", "")))
    with pytest.raises(ValueError) as error:
        count(replace(valid, resolution=4))
    assert str(error.value) == (
        "`baseline` must build a network that takes images of 4 x 4 px, got valid_net:build at depth 1 and width 1, "
        "which raised RuntimeError: Calculated padded input size per channel: (1 x 1). Kernel size: (3 x 3). Kernel "
        "size can't be greater than actual input size"
    )
    maps = code_baseline(
        write(
            "maps_net",
            PLAIN.replace("nn.AdaptiveAvgPool2d(1), ", "").replace(
                "nn.Flatten(), nn.Linear(c, num_classes)", "nn.Conv2d(c, num_classes, 1)"
            ),
        )
    )
    with pytest.raises(ValueError) as error:
        count(replace(maps, resolution=8, classes=5))
    assert str(error.value) == (
        "`baseline` must build a network that gives logits of shape (batch, classes), got maps_net:build, which gives "
        "(1, 5, 4, 4) for 1 image and 5 classes"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "no target"}, "`target` must be package.module:function, got 'no target'"),
        ({"depth": 0.0}, "`depth` must be a number > 0 and at most 1,000, got 0"),
        ({"width": 1e6}, "`width` must be a number > 0 and at most 1,000, got 1e+06"),
        ({"resolution": 0}, "`resolution` must be a whole number from 1 to 1,000,000, got 0"),
    ],
)
def test_specs_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as error:
        replace(CodeSpec(name="x", target="a:b", resolution=32), **changes)
    assert str(error.value) == message
