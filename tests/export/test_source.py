from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from scalesearch.export.handover import python_source, write_source
from scalesearch.export.state import State, write_state
from scalesearch.networks.baselines import BASELINES, VARIANTS, published_family
from scalesearch.networks.build import build
from scalesearch.networks.spec import ArchSpec, StageSpec

# torch alone: an import of anything else that is not the standard library's fails.
ALONE = """
import sys

class OnlyTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("scalesearch", "safetensors", "torchvision", "numpy"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, OnlyTorch())
import torch
from network import load

torch.set_num_threads(1)
network = load(sys.argv[1])
assert not network.training
with torch.inference_mode():
    torch.save(network(torch.load(sys.argv[2])), sys.argv[3])
"""


def _module(arch: ArchSpec, facts: dict[str, Any] | None = None) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "network"}
    exec(
        compile(python_source(arch, facts or {}, module="network", weights="w"), "network.py", "exec"), space
    )
    return space


@pytest.mark.slow
def test_with_torch_alone_the_file_gives_the_originals_output(
    state: State, network: nn.Module, tmp_path: Path
) -> None:
    write_source(state.arch, tmp_path / "network.py", state.facts, "weights.safetensors")
    write_state(tmp_path / "weights.safetensors", state.arch, state.tensors, state.facts)
    images = torch.randn(3, 3, 17, 17)
    torch.save(images, tmp_path / "images.pt")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE, "weights.safetensors", "images.pt", "logits.pt"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    expected = network.eval()(images).detach()
    assert expected.std() > 1e-3
    torch.testing.assert_close(torch.load(tmp_path / "logits.pt"), expected, rtol=1e-5, atol=1e-7)


stages = st.builds(
    StageSpec,
    repeats=st.integers(1, 3),
    kernel_size=st.sampled_from([1, 3, 5, 7]),
    stride=st.integers(1, 3),
    expand_ratio=st.integers(1, 4),
    channels=st.integers(1, 9),
    squeeze_ratio=st.sampled_from([0, 0.05, 0.25, 1]),
)
archs = st.builds(
    ArchSpec,
    name=st.text(max_size=12),
    stem_channels=st.integers(1, 9),
    stages=st.lists(stages, min_size=1, max_size=3).map(tuple),
    head_channels=st.integers(1, 9),
    resolution=st.integers(1, 40),
    classes=st.integers(1, 5),
    in_channels=st.integers(1, 4),
    stem_kernel_size=st.sampled_from([1, 3, 5]),
    dropout=st.sampled_from([0, 0.5]),
    drop_path=st.sampled_from([0, 0.3]),
    norm_eps=st.sampled_from([1e-3, 1e-5]),
    norm_momentum=st.sampled_from([0.01, 0.1]),
)


@given(arch=archs, names=st.lists(st.text(), max_size=5))
@pytest.mark.slow
def test_the_same_seed_builds_the_same_network(arch: ArchSpec, names: list[str]) -> None:
    """State names, shapes, first weights, outputs and updated statistics, all to the bit."""
    space = _module(arch, {"classes": names})
    torch.manual_seed(5)
    original = build(arch)
    torch.manual_seed(5)
    rebuilt = space["build"]()
    assert list(rebuilt.state_dict()) == list(original.state_dict())
    assert all(torch.equal(rebuilt.state_dict()[n], t) for n, t in original.state_dict().items())
    images = torch.randn(2, arch.in_channels, arch.resolution, arch.resolution)
    with torch.inference_mode():
        assert torch.equal(rebuilt.eval()(images), original.eval()(images))
    norms = [
        [(m.eps, m.momentum) for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
        for net in (original, rebuilt)
    ]
    drops = [[m.p for m in net.modules() if isinstance(m, nn.Dropout)] for net in (original, rebuilt)]
    assert norms[0] == norms[1]
    assert drops[0] == drops[1] == [arch.dropout]
    assert space.get("CLASS_NAMES", ()) == (tuple(names) if len(names) == arch.classes else ())


@pytest.mark.parametrize("name", ["b0", "b3", "b7"])
def test_published_networks_have_the_same_state(name: str) -> None:
    arch = published_family()[name].arch()
    with torch.device("meta"):
        original, rebuilt = build(arch), _module(arch)["build"]()
    shapes = [{n: t.shape for n, t in net.state_dict().items()} for net in (original, rebuilt)]
    assert shapes[0] == shapes[1]


def test_an_oblong_input_is_named_by_both_sides() -> None:
    arch = replace(published_family()["b0"].arch(), resolution=320, resolution_width=512)
    text = python_source(arch, {}, module="network", weights="w")
    assert text.startswith('"""efficientnet-b0 at 320 x 512 px, on torch alone')
    assert "torch.rand(1, 3, 320, 512)" in text
    assert _module(arch)["RESOLUTION"] == (320, 512)
    assert _module(arch)["build"].__doc__.startswith(
        "The network: float images (batch, IN_CHANNELS, height, width) to logits (batch, CLASSES).\n\n"
        "    It was sized for RESOLUTION (height, width), and works with any."
    )
    square = _module(replace(arch, resolution_width=None))
    assert square["RESOLUTION"] == 320
    assert "(batch, IN_CHANNELS, side, side)" in square["build"].__doc__


def test_the_table_reads_like_the_papers() -> None:
    arch = published_family()["b0"].arch()
    assert """
STEM_KERNEL_SIZE = 3
STEM_CHANNELS = 32
STAGES = (
    #     expand  kernel  stride  channels  repeats  squeeze
    Stage(1, 3, 1, 16, 1, 0.25),
    Stage(6, 3, 2, 24, 2, 0.25),
    Stage(6, 5, 2, 40, 2, 0.25),
    Stage(6, 3, 2, 80, 3, 0.25),
    Stage(6, 5, 1, 112, 3, 0.25),
    Stage(6, 5, 2, 192, 4, 0.25),
    Stage(6, 3, 1, 320, 1, 0.25),
)
HEAD_CHANNELS = 1280
CLASSES = 1000
""" in python_source(arch, {}, module="network", weights="w.safetensors")


def test_dropped_paths_keep_the_mean(arch: ArchSpec) -> None:
    torch.manual_seed(0)
    residual = _module(arch)["Residual"](nn.Identity(), 0.25)
    out = residual(torch.ones(20_000, 1, 1, 1)).flatten() - 1
    assert sorted(set(out.tolist())) == pytest.approx([0, 4 / 3])
    # Within 5 standard errors of 1.
    assert abs(out.mean().item() - 1) < 5 * out.std().item() / 20_000**0.5
    assert torch.equal(residual.eval()(torch.ones(2, 1, 1, 1)), torch.full((2, 1, 1, 1), 2.0))


def test_weights_that_do_not_fit_are_named(state: State, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    load = _module(state.arch)["load"]
    fewer = dict(state.tensors)
    del fewer["head.2.1.bias"]
    write_state(path, state.arch, fewer, {})
    with pytest.raises(ValueError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path} holds the weights of another network: head.2.1.bias is in one of both only"
    )
    write_state(path, state.arch, {**state.tensors, "head.2.1.bias": torch.zeros(4)}, {})
    with pytest.raises(ValueError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path} holds the weights of another network: head.2.1.bias is (4,) there and (3,) here"
    )
    write_state(path, state.arch, state.tensors, {})
    whole = path.read_bytes()
    for cut in (5, 100, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=f"^{path} is no whole safetensors file: .* is cut short$"):
            load(path)


def test_the_file_is_as_clean_as_the_package(state: State, tmp_path: Path) -> None:
    ruff = shutil.which("ruff", path=Path(sys.executable).parent)
    if ruff is None:
        pytest.skip("ruff is not installed")
    write_source(state.arch, tmp_path / "network.py", state.facts, "weights.safetensors")
    rules = "--select=E,F,I,UP,B,SIM,RUF,C4,PTH,PT,RET,ARG,PLC,PLE,PLW,D", "--ignore=D105,D107"
    google = "--config=lint.pydocstyle.convention='google'"
    common = ["--isolated", "--no-cache", "--line-length=110", "network.py"]
    for command in (["check", *rules, google], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *command, *common], check=False, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_a_network_that_the_template_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError) as error:
        python_source(BASELINES["resnet-18"], {}, module="network", weights="w")
    assert str(error.value) == (
        "`to` must be other than python for a network with other blocks or activations than EfficientNet's, "
        "got resnet-18: its file is not written yet"
    )


def test_a_variant_is_refused_by_what_is_its_own() -> None:
    with pytest.raises(ValueError) as error:
        python_source(VARIANTS["blog"].arch, {}, module="network", weights="w")
    assert str(error.value) == (
        "`to` must be other than python for a network with other blocks or activations than EfficientNet's, "
        "got blog with its own conv_bias, drop_path_rule, squeeze_form, squeeze_bias, squeezed, residual, "
        "expand_kernel_size: its file is not written yet"
    )
    # Its table is the paper's: the file is written.
    assert "STEM_CHANNELS = 32" in python_source(VARIANTS["notes"].arch, {}, module="network", weights="w")
