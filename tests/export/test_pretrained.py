"""Files that torchvision and timm would write, read under this builder's names."""

from __future__ import annotations

import math
import os
import pickle
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision.models as theirs
from safetensors.torch import save_file
from torch import nn

from scalesearch.architecture.baselines import BASELINES, EFFICIENTNET_B0, EFFICIENTNET_LITE0, RESNET_18
from scalesearch.architecture.code_source import source_hash
from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.network import build
from scalesearch.architecture.published import published_family
from scalesearch.architecture.spec import ArchSpec, Rounding, reduce
from scalesearch.export.pretrained import read_pretrained
from scalesearch.export.state import write_state

B5 = published_family()["b5"].arch()
MODELS: dict[str, tuple[ArchSpec, Callable[[], nn.Module]]] = {
    "torchvision b0": (EFFICIENTNET_B0, theirs.efficientnet_b0),
    "torchvision b1": (published_family()["b1"].arch(), theirs.efficientnet_b1),
    "torchvision v2-s": (BASELINES["efficientnetv2-s"], theirs.efficientnet_v2_s),
    "timm b0": (EFFICIENTNET_B0, partial(timm.create_model, "efficientnet_b0")),
    "timm lite0": (EFFICIENTNET_LITE0, partial(timm.create_model, "efficientnet_lite0")),
    "timm mobilenet-v2": (BASELINES["mobilenet-v2"], partial(timm.create_model, "mobilenetv2_100")),
}


def lively(network: nn.Module) -> nn.Module:
    """In double precision, with statistics that do something."""
    for module in network.double().modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            # Small enough for epsilon to show.
            nn.init.uniform_(module.running_var, 0.01, 0.5)
            nn.init.uniform_(module.weight, 0.2, 0.6)
            nn.init.normal_(module.bias, 0, 0.3)
    return network.eval()


@pytest.mark.parametrize("name", [*MODELS, pytest.param("torchvision b5", marks=pytest.mark.slow)])
def test_a_file_gives_what_its_network_gave(name: str, tmp_path: Path) -> None:
    arch, make = MODELS.get(name, (B5, theirs.efficientnet_b5))
    torch.manual_seed(0)
    reference = lively(make())
    save_file(reference.state_dict(), tmp_path / "theirs.safetensors")
    torch.save(reference.state_dict(), tmp_path / "theirs.pth")
    images = torch.randn(2, 3, 48, 64, dtype=torch.float64)
    with torch.inference_mode():
        expected = reference(images)
        assert expected.std() > 1e-3
        for file in ("theirs.safetensors", "theirs.pth"):
            state = read_pretrained(tmp_path / file, replace(arch, classes=7))
            assert state.arch == replace(arch, classes=1000, norm_eps=state.arch.norm_eps)
            got = state.network().double()
            got.load_state_dict(dict(state.tensors))
            torch.testing.assert_close(
                got(images), expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item()
            )


@pytest.fixture(scope="module")
def b0() -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = theirs.efficientnet_b0(num_classes=3).state_dict()
    return tensors


def test_half_precision_parallel_training_and_a_training_scripts_wrapping(
    tmp_path: Path, b0: dict[str, torch.Tensor]
) -> None:
    half = {f"module.{name}": t.half() if t.is_floating_point() else t for name, t in b0.items()}
    torch.save({"epoch": 3, "model": half}, tmp_path / "checkpoint.pth")
    state = read_pretrained(tmp_path / "checkpoint.pth", EFFICIENTNET_B0)
    assert state.arch.classes == 3
    assert {t.dtype for t in state.tensors.values()} == {torch.float32, torch.int64}
    torch.testing.assert_close(state.tensors["stem.0.0.weight"], b0["features.0.0.weight"].half().float())


def test_counts_of_batches_may_be_left_out(tmp_path: Path, b0: dict[str, torch.Tensor]) -> None:
    save_file({n: t for n, t in b0.items() if "num_batches" not in n}, tmp_path / "w.safetensors")
    state = read_pretrained(tmp_path / "w.safetensors", EFFICIENTNET_B0)
    assert state.tensors["stem.0.1.num_batches_tracked"] == 0
    state.network()


def test_its_own_files_are_read_whatever_network_they_hold(tmp_path: Path) -> None:
    small = reduce(RESNET_18, 0.125, Rounding(channel_divisor=1), resolution=16)
    network = build(small)
    write_state(tmp_path / "own.safetensors", small, network.state_dict(), {"top1": 0.5})
    state = read_pretrained(tmp_path / "own.safetensors", EFFICIENTNET_B0)
    assert state.arch == small
    assert state.facts == {"top1": 0.5}


def refused(path: Path, arch: Any = EFFICIENTNET_B0) -> str:
    with pytest.raises(ValueError, match="`pretrained` must") as caught:
        read_pretrained(path, arch)
    message = str(caught.value).replace(str(path), "FILE")
    assert "\n" not in message
    return message


def test_another_networks_file_is_named_by_its_first_differences(tmp_path: Path) -> None:
    path = tmp_path / "b1.safetensors"
    save_file(theirs.efficientnet_b1().state_dict(), path)
    message = refused(path)
    assert message.startswith(
        "`pretrained` must hold the weights of efficientnet-b0 as torchvision names them, got FILE: "
        "features.1.1.block.0.0.weight is not one of its names; "
    )
    assert re.search(r"and \d+ more$", message)
    save_file(theirs.efficientnet_b0().state_dict(), path)
    message = refused(path, published_family()["b2"].arch())
    assert "features.1.1.block.0.0.weight is missing" in message
    # Of both kinds the first are named.
    tensors = theirs.efficientnet_b0().state_dict()
    tensors["mine.weight"] = tensors.pop("features.8.0.weight")
    save_file(tensors, path)
    assert refused(path).endswith("FILE: features.8.0.weight is missing; mine.weight is not one of its names")
    wide = replace(EFFICIENTNET_B0, stem_channels=40)
    assert "features.0.0.weight is (32, 3, 3, 3) for (40, 3, 3, 3)" in refused(path, wide)


def test_a_file_of_another_library_or_kind_of_network(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"layer.weight": torch.zeros(2), "layer.bias": torch.zeros(2)}, path)
    assert refused(path) == (
        "`pretrained` must hold an EfficientNet of torchvision (with features.0.0.weight) or timm (with "
        "conv_stem.weight), got FILE with layer.bias, layer.weight"
    )
    assert refused(path, RESNET_18) == (
        "`pretrained` must be a file that scalesearch wrote for resnet-18, got FILE: of other libraries the files "
        "of EfficientNets alone are read, and of networks made of their blocks"
    )
    code = CodeSpec(name="mine", target="mine:build", source="0", resolution=32)
    assert refused(path, code) == (
        "`pretrained` must be a file that scalesearch wrote for a network of your own code, got FILE"
    )


TRAP = """
from pathlib import Path
Path("was-run").touch()
from torch import nn

def build(depth, width, num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, num_classes))
"""


def test_no_code_that_a_file_names_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("trap_weights.py").write_text(TRAP, encoding="utf-8")
    target, path = "trap_weights:build", tmp_path / "w.safetensors"
    own = CodeSpec(name="x", target=target, source=source_hash(target), resolution=16, classes=2)
    tensors = {"1.weight": torch.zeros(2, 768), "1.bias": torch.zeros(2)}
    write_state(path, own, tensors, {})
    for arch in (EFFICIENTNET_B0, replace(own, target="other:build"), replace(own, source="0")):
        assert refused(path, arch) == (
            "`pretrained` must hold weights of the baseline's own code, got FILE with those of trap_weights:build, "
            "and no code that a file names is run"
        )
    assert not Path("was-run").exists()
    # The user has named that function, too.
    try:
        assert read_pretrained(path, replace(own, classes=5)).arch == own
    finally:
        sys.modules.pop("trap_weights", None)
    assert Path("was-run").exists()


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("was-run",)


def test_no_code_of_a_pickle_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    more = (
        "`pretrained` must hold nothing but tensors, got FILE: it is a pickle with more in it, and no code of a "
        "file is run; save the network's state_dict() with safetensors"
    )
    path = tmp_path / "model.pth"
    torch.save({"state_dict": {"w": torch.zeros(1)}, "other": _Evil()}, path)
    assert refused(path) == more
    path.write_bytes(pickle.dumps(_Evil()))
    assert refused(path) == more
    torch.save(nn.Linear(1, 1), path)
    assert refused(path) == more
    assert not (tmp_path / "was-run").exists()


def test_what_is_no_file_of_weights(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    assert refused(path) == "`pretrained` must be a file of weights, got FILE: no such file"
    no = (
        "`pretrained` must be a file of weights (safetensors, or a state dict saved by torch), got FILE, which is "
        "not a weights file: "
    )
    path.write_text("hello, this is no file of weights")
    assert refused(path) == no + "it is neither safetensors nor saved by torch"
    path.write_bytes(b"")
    assert refused(path) == no + "it is empty"
    torch.save([1, 2], path)
    assert refused(path) == "`pretrained` must hold a state dict, tensors by name, got FILE, which holds none"
    save_file({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:-50])
    assert refused(path) == no + "it is damaged or cut short"
    torch.save({"a": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:-500])
    assert refused(path) == no + "it is damaged, cut short, or holds something else"
    assert refused(tmp_path) == "`pretrained` must be a file of weights, got FILE: it is a folder"


@pytest.mark.parametrize(("value", "what"), [(math.nan, "not numbers (NaN)"), (-math.inf, "infinite")])
def test_weights_that_diverged_are_refused(tmp_path: Path, value: float, what: str) -> None:
    path = tmp_path / "b0.pth"
    state = theirs.efficientnet_b0().state_dict()
    for name in ("features.1.0.block.0.1.bias", "classifier.1.bias"):
        state[name][0] = value
    torch.save(state, path)
    message = refused(path)
    assert message.startswith("`pretrained` must hold finite numbers, got FILE with ")
    assert what in message
    assert message.endswith(" in features.1.0.block.0.1.bias")
    small = reduce(RESNET_18, 0.125, Rounding(channel_divisor=1), resolution=16)
    own = build(small).state_dict()
    next(iter(own.values())).view(-1)[0] = value
    write_state(path, small, own, {})
    assert refused(path).endswith(f" in {next(iter(own))}")
