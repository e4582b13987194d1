from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalesearch.hardware.memory import measured_bytes, tensor_bytes
from scalesearch.networks.baselines import BASELINES, EFFICIENTNET_B0, VARIANTS
from scalesearch.networks.cost import inference_bytes, training_bytes
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import ArchSpec, Rounding, StageSpec
from scalesearch.records.timings import Setup
from scalesearch.scaling import Multipliers
from tests.conftest import slow_but

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")


# The closed form is one of tensors, and holds of them on any processor: what kernels take beside them is another
# figure, which differs between instruction sets and versions of a library.
def followed_training_bytes(arch: ArchSpec, batch_size: int) -> int:
    return tensor_bytes(arch, Setup(mode="training", batch_size=batch_size))


def followed_inference_bytes(arch: ArchSpec, batch_size: int) -> int:
    return tensor_bytes(arch, Setup(batch_size=batch_size))


def b0(width: float, resolution: int, depth: float = 1) -> ArchSpec:
    multipliers = Multipliers(width=width, depth=depth)
    arch = scale(EFFICIENTNET_B0, multipliers, Rounding(channel_divisor=2), resolution=resolution)
    return replace(arch, classes=18)


@pytest.mark.parametrize(
    ("width", "resolution", "depth", "batch_size"),
    [
        (0.25, 48, 1, 8),
        *(
            pytest.param(*sizes, marks=pytest.mark.slow)
            for sizes in ((0.25, 48, 2, 32), (0.5, 64, 1, 8), (1, 48, 1, 8))
        ),
    ],
)
def test_closed_form_is_what_the_tensors_take(
    width: float, resolution: int, depth: float, batch_size: int
) -> None:
    arch = b0(width, resolution, depth)
    assert training_bytes(arch, batch_size) == pytest.approx(
        followed_training_bytes(arch, batch_size), rel=0.01
    )
    assert inference_bytes(arch, batch_size) == pytest.approx(
        followed_inference_bytes(arch, batch_size), rel=0.01
    )


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("width", [0.25, 0.5, 1])
@pytest.mark.parametrize("resolution", [48, 64, 96])
@pytest.mark.parametrize("batch_size", [8, 32])
def test_closed_form_over_the_sizes_that_are_searched(
    width: float, resolution: int, depth: float, batch_size: int
) -> None:
    arch = b0(width, resolution, depth)
    followed = followed_training_bytes(arch, batch_size)
    assert training_bytes(arch, batch_size) == pytest.approx(followed, rel=0.01)


stages = st.builds(
    StageSpec,
    repeats=st.integers(1, 3),
    kernel_size=st.sampled_from([1, 3, 5]),
    stride=st.sampled_from([1, 2]),
    expand_ratio=st.integers(1, 6),
    channels=st.integers(4, 24),
    squeeze_ratio=st.sampled_from([0.0, 0.25, 1.0]),
)
archs = st.builds(
    ArchSpec,
    name=st.just("random"),
    stem_channels=st.integers(4, 16),
    stages=st.lists(stages, min_size=1, max_size=3).map(tuple),
    head_channels=st.integers(8, 128),
    resolution=st.integers(16, 33),
    classes=st.integers(2, 100),
    in_channels=st.sampled_from([1, 3]),
    dropout=st.sampled_from([0.0, 0.3]),
    drop_path=st.sampled_from([0.0, 0.2]),
)


@given(archs)
@settings(max_examples=8, deadline=None)
def test_closed_form_of_any_network(arch: ArchSpec) -> None:
    """Within 2% and 16 kB: scalars, the loss and the like weigh something beside so small a network."""
    assert training_bytes(arch, 16) == pytest.approx(followed_training_bytes(arch, 16), rel=0.02, abs=16_384)
    assert inference_bytes(arch, 16) == pytest.approx(
        followed_inference_bytes(arch, 16), rel=0.02, abs=16_384
    )


@pytest.mark.parametrize(
    ("name", "width", "resolution", "batch_size"),
    [
        ("mobilenet-v3-large", 0.25, 48, 8),
        ("convnext-tiny", 0.25, 64, 8),
        ("resnet-18", 0.125, 128, 32),
        *(
            pytest.param(*sizes, marks=pytest.mark.slow)
            for sizes in (
                ("efficientnet-lite0", 0.25, 48, 8),
                ("efficientnetv2-s", 0.25, 48, 8),
                ("mobilenet-v1", 0.25, 48, 8),
                ("mobilenet-v2", 0.25, 48, 8),
                ("mobilenet-v4-conv-small", 0.25, 64, 8),
                ("regnety-016", 0.25, 48, 8),
                ("resnet-50", 0.125, 96, 16),
            )
        ),
    ],
)
def test_closed_form_of_every_family(name: str, width: float, resolution: int, batch_size: int) -> None:
    """Shortcuts, a max pool, ReLU that keeps its output, ReLU6 that keeps its input."""
    multipliers = Multipliers(width=width, depth=0.5)
    arch = scale(BASELINES[name], multipliers, Rounding(channel_divisor=2), resolution=resolution)
    arch = replace(arch, classes=18, resolution_width=resolution + 16)
    followed = followed_training_bytes(arch, batch_size)
    assert training_bytes(arch, batch_size) == pytest.approx(followed, rel=0.01)
    followed = followed_inference_bytes(arch, batch_size)
    assert inference_bytes(arch, batch_size) == pytest.approx(followed, rel=0.01)


@pytest.mark.parametrize(
    "name", slow_but(("notebook-keras-dense",), ("notebook-pytorch", "notebook-keras-dense", "blog"))
)
def test_closed_form_of_every_variant(name: str) -> None:
    """Biases, fully connected squeeze-and-excite, a softmax gate, no sums."""
    variant = VARIANTS[name]
    arch = reduce(variant.arch, 0.25, replace(variant.rounding, channel_divisor=2), resolution=48)
    assert training_bytes(arch, 16) == pytest.approx(followed_training_bytes(arch, 16), rel=0.01)
    assert inference_bytes(arch, 16) == pytest.approx(followed_inference_bytes(arch, 16), rel=0.01)


@pytest.mark.parametrize("mode", slow_but(("training",), ("training", "inference")))
def test_the_cpu_allocates_the_tensors_and_what_kernels_take(mode: str) -> None:
    """Wide maps, beside which no instruction set's kernels take much: those of a narrow network may double it."""
    setup = Setup(mode=mode, batch_size=8)
    arch = b0(1, 48)
    tensors, allocated = tensor_bytes(arch, setup), measured_bytes(arch, setup)
    assert 0.99 * tensors <= allocated <= 1.25 * tensors


SIZES_OF_MOBILENET = """
from scalesearch.networks.baselines import MOBILENET_V1
from scalesearch.networks.cost import training_bytes
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.hardware.memory import measured_bytes, tensor_bytes
from scalesearch.records.timings import Setup
from scalesearch.scaling import Multipliers
arch = scale(MOBILENET_V1, Multipliers(width=0.25, depth=0.5), Rounding(channel_divisor=2), resolution=48)
setup = Setup(mode="training", batch_size=8)
print(training_bytes(arch, 8), tensor_bytes(arch, setup), measured_bytes(arch, setup))
"""


@pytest.mark.slow
def test_every_instruction_set_has_the_same_tensors() -> None:
    """What is allocated does differ: oneDNN pads a depthwise convolution's channels to its vectors' length."""
    sizes = []
    for instructions in ("SSE41", "AVX2", "AVX512_CORE"):
        done = subprocess.run(
            [sys.executable, "-c", SIZES_OF_MOBILENET],
            env={**os.environ, "ONEDNN_MAX_CPU_ISA": instructions},
            capture_output=True,
            text=True,
            timeout=240,
            check=True,
        )
        sizes.append([int(size) for size in done.stdout.split()])
    closed, tensors, allocated = zip(*sizes, strict=True)
    assert len({*closed}) == len({*tensors}) == 1
    assert closed[0] == pytest.approx(tensors[0], rel=0.01)
    assert min(allocated) >= 0.99 * tensors[0]


def test_generator_and_environment_are_left_alone() -> None:
    torch.manual_seed(0)
    generator, environment = torch.get_rng_state(), dict(os.environ)
    setup = Setup(mode="training", batch_size=2)
    measured_bytes(b0(0.25, 16), setup)
    tensor_bytes(b0(0.25, 16), setup)
    assert torch.equal(torch.get_rng_state(), generator)
    assert dict(os.environ) == environment


def test_the_profiler_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    measured_bytes(b0(0.25, 16), Setup())
    assert capfd.readouterr() == ("", "")


def test_half_the_bytes_in_half_the_width() -> None:
    """Of the pass alone: the float32 weights that the network was built with were there only before it."""
    arch = b0(0.5, 16)
    full, half = (tensor_bytes(arch, Setup(dtype=dtype)) for dtype in ("float32", "bfloat16"))
    assert half == pytest.approx(full / 2, rel=0.01)


@pytest.mark.slow
def test_onnx_runtime_holds_the_weights_and_more_for_more_images(tmp_path: Path) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the peak of resident memory can be reset on Linux alone")
    arch = b0(0.5, 64)
    few, many = (
        measured_bytes(arch, Setup(runtime="onnxruntime", batch_size=size), onnx_path=tmp_path / "net.onnx")
        for size in (1, 64)
    )
    if few is None:
        pytest.skip("this system does not reset the peak of resident memory")
    assert many > few + 64 * 4 * 3 * 64 * 64  # the images at the very least


@pytest.mark.slow
def test_unknown_where_the_peak_cannot_be_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalesearch.hardware.memory._reset_resident_peak", lambda: None)
    assert measured_bytes(b0(0.25, 16), Setup(runtime="onnxruntime")) is None


def test_bad_input() -> None:
    message = "`device` must be cpu or an available device, got 'tpu'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        measured_bytes(b0(0.25, 16), Setup(device="tpu"))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        tensor_bytes(b0(0.25, 16), Setup(device="tpu"))
    message = "`runtime` must be eager for its tensors to be followed, got 'compile'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        tensor_bytes(b0(0.25, 16), Setup(runtime="compile"))


@pytest.mark.gpu
@needs_cuda
def test_closed_form_on_a_gpu() -> None:
    """A network whose activations are large beside the workspaces of cuDNN and cuBLAS."""
    arch = b0(1, 128)
    setup = Setup(mode="training", batch_size=64, device="cuda")
    assert training_bytes(arch, 64) == pytest.approx(tensor_bytes(arch, setup), rel=0.01)
    assert training_bytes(arch, 64) == pytest.approx(measured_bytes(arch, setup), rel=0.1)


@pytest.mark.gpu
@needs_cuda
def test_inference_on_a_gpu_takes_less_than_training() -> None:
    arch = b0(1, 128)
    inference, training = (
        measured_bytes(arch, Setup(mode=mode, batch_size=64, device="cuda"))
        for mode in ("inference", "training")
    )
    assert 0 < inference < training
    assert inference >= inference_bytes(arch, 64) / 2


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_a_graph_takes_about_what_the_pass_that_it_records_takes(mode: str) -> None:
    arch = b0(1, 128)
    eager, graph = (
        measured_bytes(arch, Setup(mode=mode, runtime=runtime, batch_size=64, device="cuda"))
        for runtime in ("eager", "graph")
    )
    assert graph == pytest.approx(eager, rel=0.1)
