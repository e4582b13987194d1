"""Files that torchvision and timm would write, read under this builder's names."""

from __future__ import annotations

import argparse
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

from scalesearch.export.pretrained import read_pretrained
from scalesearch.export.state import FRESH, read_state, write_state
from scalesearch.networks.baselines import (
    BASELINES,
    EFFICIENTNET_B0,
    EFFICIENTNET_LITE0,
    RESNET_18,
    published_family,
)
from scalesearch.networks.build import build
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import ArchSpec, CodeSpec, Rounding
from scalesearch.scaling import Multipliers
from scalesearch.training.loop import grow
from tests.conftest import slow_but

B5 = published_family()["b5"].arch()
MODELS: dict[str, tuple[ArchSpec, Callable[[], nn.Module]]] = {
    "torchvision b0": (EFFICIENTNET_B0, theirs.efficientnet_b0),
    "torchvision b1": (published_family()["b1"].arch(), theirs.efficientnet_b1),
    "torchvision v2-s": (BASELINES["efficientnetv2-s"], theirs.efficientnet_v2_s),
    "timm b0": (EFFICIENTNET_B0, partial(timm.create_model, "efficientnet_b0")),
    "timm lite0": (EFFICIENTNET_LITE0, partial(timm.create_model, "efficientnet_lite0")),
    "timm mobilenet-v2": (BASELINES["mobilenet-v2"], partial(timm.create_model, "mobilenetv2_100")),
    "torchvision mobilenet-v2": (BASELINES["mobilenet-v2"], theirs.mobilenet_v2),
    "torchvision resnet-18": (RESNET_18, theirs.resnet18),
    "torchvision resnet-50": (BASELINES["resnet-50"], theirs.resnet50),
    "timm resnet-34": (BASELINES["resnet-34"], partial(timm.create_model, "resnet34")),
    "timm mobilenet-v3": (
        BASELINES["mobilenet-v3-large"],
        partial(timm.create_model, "mobilenetv3_large_100"),
    ),
    "timm mobilenet-v4": (
        BASELINES["mobilenet-v4-conv-small"],
        partial(timm.create_model, "mobilenetv4_conv_small"),
    ),
    "timm regnety": (BASELINES["regnety-016"], partial(timm.create_model, "regnety_016")),
    "timm convnext": (BASELINES["convnext-tiny"], partial(timm.create_model, "convnext_tiny")),
    "timm mobilenet-v1": (BASELINES["mobilenet-v1"], partial(timm.create_model, "mobilenetv1_100")),
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


QUICK = ("torchvision b0", "timm lite0", "torchvision resnet-18", "timm mobilenet-v4")


@pytest.mark.parametrize("name", slow_but(QUICK, (*MODELS, "torchvision b5")))
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
        state, other = (
            read_pretrained(tmp_path / file, replace(arch, classes=7))
            for file in ("theirs.safetensors", "theirs.pth")
        )
        assert state.arch == other.arch == replace(arch, classes=1000, norm_eps=state.arch.norm_eps)
        got = state.network().double()
        got.load_state_dict(dict(state.tensors))
        torch.testing.assert_close(got(images), expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())
    assert state.tensors.keys() == other.tensors.keys()
    assert all(torch.equal(tensor, other.tensors[n]) for n, tensor in state.tensors.items())


SMALL = scale(BASELINES["mobilenet-v2"], Multipliers(width=0.25), Rounding())


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """Those of the small network for three classes, as torchvision names them."""
    tensors: dict[str, torch.Tensor] = theirs.mobilenet_v2(width_mult=0.25, num_classes=3).state_dict()
    return tensors


def test_half_precision_parallel_training_and_a_training_scripts_wrapping(
    tmp_path: Path, weights: dict[str, torch.Tensor]
) -> None:
    half = {f"module.{name}": t.half() if t.is_floating_point() else t for name, t in weights.items()}
    torch.save({"epoch": 3, "model": half}, tmp_path / "checkpoint.pth")
    state = read_pretrained(tmp_path / "checkpoint.pth", SMALL)
    assert state.arch.classes == 3
    assert {t.dtype for t in state.tensors.values()} == {torch.float32, torch.int64}
    torch.testing.assert_close(
        state.tensors["stem.0.0.weight"], weights["features.0.0.weight"].half().float()
    )


def test_counts_of_batches_may_be_left_out(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    save_file({n: t for n, t in weights.items() if "num_batches" not in n}, tmp_path / "w.safetensors")
    state = read_pretrained(tmp_path / "w.safetensors", SMALL)
    assert state.tensors["stem.0.1.num_batches_tracked"] == 0
    state.network()


WRAPS: dict[str, Callable[[dict[str, Any]], Any]] = {
    **{
        name: lambda state, name=name: {"epoch": 3, name: state, "best": torch.tensor(0.5)}
        for name in ("state_dict", "model", "model_state_dict", "net", "params", "weights", "network.inner")
    },
    **{
        begins: lambda state, begins=begins: {f"{begins}.{name}": tensor for name, tensor in state.items()}
        for begins in (
            "model",
            "module",
            "_orig_mod",
            "backbone",
            "encoder",
            "net",
            "module._orig_mod",
            "a.b.c.d",
        )
    },
    "deeper": lambda state: {
        "checkpoint": {"last": {"state_dict": {f"model.{n}": t for n, t in state.items()}}}
    },
    "beside others": lambda state: {
        "state_dict": {**{f"net.{n}": t for n, t in state.items()}, "loss.weight": torch.ones(3)},
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1}]},
    },
}


@pytest.mark.parametrize("wrap", WRAPS)
def test_wherever_a_training_script_keeps_them(
    tmp_path: Path, weights: dict[str, torch.Tensor], wrap: str
) -> None:
    torch.save(WRAPS[wrap](weights), tmp_path / "w.pt")
    state = read_pretrained(tmp_path / "w.pt", SMALL)
    assert torch.equal(state.tensors["stem.0.0.weight"], weights["features.0.0.weight"])
    assert state.arch.classes == 3
    places = {"deeper": "checkpoint.last.state_dict.model", "beside others": "state_dict.net"}
    assert state.facts["read"] == places.get(wrap, wrap)


@pytest.mark.parametrize(
    "name",
    slow_but(("model_ema", "averaged"), ("state_dict_ema", "model_ema", "ema", "swa_model", "averaged")),
)
def test_averaged_weights_are_read_where_there_are_both(
    tmp_path: Path, weights: dict[str, torch.Tensor], name: str
) -> None:
    average = {"n_averaged": torch.tensor(4)} | {f"module.{n}": t + 1 for n, t in weights.items()}
    for holds in ({"model": weights, name: average}, {name: average, "model": weights}):
        torch.save(holds, tmp_path / "w.pt")
        state = read_pretrained(tmp_path / "w.pt", SMALL)
        assert torch.equal(state.tensors["stem.0.0.weight"], weights["features.0.0.weight"] + 1)
        assert state.facts["read"] == f"{name}.module"
    # Broken ones are not.
    torch.save({"model": weights, name: {"n_averaged": torch.tensor(4)}}, tmp_path / "w.pt")
    assert read_pretrained(tmp_path / "w.pt", SMALL).facts["read"] == "model"


def test_a_name_that_only_contains_the_letters_is_no_average(
    tmp_path: Path, weights: dict[str, torch.Tensor]
) -> None:
    torch.save({"model": weights, "schema": {n: t + 1 for n, t in weights.items()}}, tmp_path / "w.pt")
    assert read_pretrained(tmp_path / "w.pt", SMALL).facts["read"] == "model"


def test_parameters_and_double_precision(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    double = {n: nn.Parameter(t.double()) if t.is_floating_point() else t for n, t in weights.items()}
    torch.save(double, tmp_path / "w.pt")
    state = read_pretrained(tmp_path / "w.pt", SMALL)
    assert not any(tensor.requires_grad for tensor in state.tensors.values())
    torch.testing.assert_close(
        state.network().state_dict()["stem.0.0.weight"], weights["features.0.0.weight"]
    )


@pytest.mark.parametrize("head", ["none", "two layers", "renamed"])
def test_a_file_without_its_librarys_classifier(
    tmp_path: Path, weights: dict[str, torch.Tensor], head: str
) -> None:
    """A linear layer of another name is one; without any, or with more, each network draws its own."""
    tensors = {n: t for n, t in weights.items() if not n.startswith("classifier")}
    last = {"weight": weights["classifier.1.weight"], "bias": weights["classifier.1.bias"]}
    if head == "two layers":
        tensors |= {"classifier.0.weight": torch.ones(9, 1280), "classifier.2.weight": torch.ones(3, 9)}
    elif head == "renamed":
        tensors |= {f"head.fc.{n}": t for n, t in last.items()}
    save_file(tensors, tmp_path / "w.safetensors")
    arch = replace(SMALL, classes=11)
    state = read_pretrained(tmp_path / "w.safetensors", arch)
    network = state.network()
    if head == "renamed":
        assert state.arch.classes == 3
        assert torch.equal(network.head[2][1].weight, last["weight"])
        assert FRESH not in state.facts
    else:
        assert state.arch.classes == 11
        assert state.facts[FRESH]
        assert not any(name.startswith("head.2") for name in state.tensors)
        assert network.head[2][1].weight.std() > 0
        assert torch.equal(network.head[2][1].weight, state.network().head[2][1].weight)
        # What is kept of it in a run's folder is read again.
        write_state(tmp_path / "kept.safetensors", state.arch, state.tensors, state.facts)
        assert read_state(tmp_path / "kept.safetensors").digest == state.digest
        fresh = build(replace(arch, norm_eps=state.arch.norm_eps)).state_dict()
        grown = grow(state, state.arch, fresh=fresh)
        assert torch.equal(grown["head.2.1.weight"], fresh["head.2.1.weight"])
        assert torch.equal(grown["stem.0.0.weight"], weights["features.0.0.weight"])


def test_a_deeper_networks_file_is_named_by_its_own_first_difference(tmp_path: Path) -> None:
    """Not as if one of its blocks, whose names end alike, were to be the network."""
    torch.save(theirs.resnet50().state_dict(), tmp_path / "w.pt")
    message = refused(tmp_path / "w.pt", RESNET_18)
    assert "FILE: layer1.0.conv1.weight is (64, 64, 1, 1) for (64, 64, 3, 3); " in message


def test_a_tensor_of_another_type_is_no_weight(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    name = "features.0.0.weight"
    for other, problem in (
        (weights[name].to(torch.int8), f"{name} is of torch.int8"),
        (weights[name].to("meta"), f"{name} holds no numbers"),
        (weights[name].to_sparse(), f"{name} is not dense"),
    ):
        torch.save({**weights, name: other}, tmp_path / "w.pt")
        assert refused(tmp_path / "w.pt", SMALL).endswith(f"got FILE: {problem}")


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
        "`pretrained` must hold the weights of efficientnet-b0 as torchvision (features.0.0.weight) or timm "
        "(conv_stem.weight) names them, got FILE with layer.bias, layer.weight"
    )
    assert refused(path, RESNET_18) == (
        "`pretrained` must hold the weights of resnet-18 as torchvision and timm (conv1.weight) names them, got "
        "FILE with layer.bias, layer.weight"
    )
    code = CodeSpec(name="mine", target="mine:build", resolution=32)
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
    own = CodeSpec(name="x", target=target, resolution=16, classes=2)
    tensors = {"1.weight": torch.zeros(2, 768), "1.bias": torch.zeros(2)}
    write_state(path, own, tensors, {})
    for arch in (EFFICIENTNET_B0, replace(own, target="other:build")):
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
        r"`pretrained` must hold nothing but tensors, got FILE: it is a pickle with WHAT in it, and no code of a "
        r"file is run; save the weights alone, with torch.save(network.state_dict(), FILE) or safetensors"
    )
    path = tmp_path / "model.pth"
    torch.save({"state_dict": {"w": torch.zeros(1)}, "other": _Evil()}, path)
    assert refused(path) == more.replace("WHAT", f"{os.mkdir.__module__}.mkdir")
    path.write_bytes(pickle.dumps(_Evil()))
    assert refused(path).startswith(more.partition("WHAT")[0])
    torch.save(nn.Linear(1, 1), path)
    assert refused(path) == more.replace("WHAT", "torch.nn.modules.linear.Linear")
    torch.save({"model": {"w": torch.zeros(1)}, "args": argparse.Namespace(lr=0.1)}, path)
    assert refused(path) == more.replace("WHAT", "argparse.Namespace")
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
