from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scalesearch.export.formats import FORMATS, SPEC
from scalesearch.export.handover import hand_over, write_spec
from scalesearch.export.state import State
from scalesearch.networks.build import build
from scalesearch.networks.spec import ArchSpec, CodeSpec


# Each format's own file of tests shows the same of it alone.
@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [None, 2])
def test_every_format_gives_the_networks_output(state: State, tmp_path: Path, batch_size: int | None) -> None:
    begun: list[str] = []
    written = hand_over(state, tmp_path, tuple(FORMATS), batch_size=batch_size, on_format=begun.append)
    assert [item.format for item in written] == list(FORMATS)
    assert begun.index("safetensors") < begun.index("python"), "the Python file is checked with its weights"
    for item in written:
        assert item.passed, item
        assert item.file == tmp_path / FORMATS[item.format]
        assert item.bytes == item.file.stat().st_size > 0
        assert 0 < item.bound < 1e-4


def test_a_single_class_an_odd_image_and_no_squeeze(state: State, tmp_path: Path) -> None:
    arch = replace(state.arch, classes=1, in_channels=1, resolution=9, stem_kernel_size=5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        odd = State(arch=arch, tensors=build(arch).state_dict(), facts=state.facts)
    assert all(item.passed for item in hand_over(odd, tmp_path, ("program", "python")))
    assert "MEAN" not in (tmp_path / "network.py").read_text(), "three means are not one channel's"


def test_the_spec_says_what_the_network_is(state: State, tmp_path: Path) -> None:
    assert write_spec(tmp_path, "mine", state) == tmp_path / SPEC
    spec = json.loads((tmp_path / SPEC).read_text())
    assert ArchSpec.from_dict(spec["arch"]) == state.arch
    assert spec["facts"] == state.facts
    assert spec["name"] == "mine"
    assert spec["identity"] == state.digest


def test_identity_is_of_the_network_and_its_weights_alone(state: State) -> None:
    known = state.digest
    assert replace(state, facts={}, arch=replace(state.arch, name="other")).digest == known
    assert replace(state, arch=replace(state.arch, resolution=18)).digest != known
    changed = {name: tensor.clone() for name, tensor in state.tensors.items()}
    changed["head.2.1.bias"][0] += 1
    assert replace(state, tensors=changed).digest != known


def test_outputs_that_are_not_finite_do_not_pass(state: State, tmp_path: Path) -> None:
    tensors = dict(state.tensors) | {"head.2.1.bias": torch.full((3,), float("nan"))}
    (item,) = hand_over(replace(state, tensors=tensors), tmp_path, ("safetensors",))
    assert not item.passed
    assert item.reason == "gives numbers that are not finite"


@pytest.mark.parametrize(("formats", "got"), [(("onnx", "tflite"), "tflite"), ((), "none")])
def test_unknown_formats_are_named(state: State, tmp_path: Path, formats: tuple[str, ...], got: str) -> None:
    with pytest.raises(ValueError) as caught:
        hand_over(state, tmp_path, formats)
    assert str(caught.value) == f"`to` must be some of onnx, program, safetensors, python, got {got}"
    assert not list(tmp_path.iterdir())


# What torch says of its own export of attention.
@pytest.mark.filterwarnings("ignore:.*_check_is_size", "ignore:The tensor attributes")
def test_a_graph_that_torch_can_make_of_one_size_of_batch_alone_is_of_one_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[1] / "fixtures" / "networks")
    spec = CodeSpec(name="vit", target="zoo:vit", resolution=32, classes=3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build(spec)
    state = State(arch=spec, tensors=network.state_dict(), facts={})
    (item,) = hand_over(state, tmp_path, ("program",))
    assert item.passed, item
    assert item.batch_size == 1
    write_spec(tmp_path, "vit", state, (item,))
    assert json.loads((tmp_path / SPEC).read_text())["batch_size"] == {"network.pt2": 1}
    (asked,) = hand_over(state, tmp_path, ("program",), batch_size=2)
    assert (asked.passed, asked.batch_size) == (True, 2)
