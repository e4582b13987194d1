from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from scalesearch.export.state import State, read_state, write_state
from scalesearch.networks.spec import ArchSpec


def test_weights_come_back_with_their_spec_and_facts(
    state: State, network: nn.Module, tmp_path: Path
) -> None:
    path = tmp_path / "deep" / "weights.safetensors"
    write_state(path, state.arch, network.to(memory_format=torch.channels_last).state_dict(), state.facts)
    back = read_state(path)
    assert back.arch == state.arch
    assert back.facts == state.facts
    images = torch.randn(2, 3, 17, 17)
    expected = network.eval()(images)
    torch.testing.assert_close(back.network()(images), expected, rtol=1e-6, atol=1e-8)
    # Any other reader of safetensors gets the same.
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in load_file(path).items())


def test_the_same_weights_are_the_same_bytes(state: State, tmp_path: Path) -> None:
    for name in "ab":
        write_state(tmp_path / name, state.arch, state.tensors, state.facts)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_reading_draws_nothing_from_the_global_generator(state: State) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    state.network()
    assert torch.equal(torch.rand(1), expected)


def test_a_file_cut_short_is_named(state: State, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    write_state(path, state.arch, state.tensors, state.facts)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"^{path} is no whole safetensors file: "):
        read_state(path)


def test_anothers_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=f"^{path} holds no weights that scalesearch wrote: 'scalesearch'$"):
        read_state(path)
    save_file({"weight": torch.zeros(1)}, path, {"scalesearch": json.dumps({"spec": {"name": "x"}})})
    with pytest.raises(
        ValueError, match=f"^{path} holds no weights that scalesearch wrote: `stem_channels` is missing"
    ):
        read_state(path)


def test_weights_of_another_network_are_refused(state: State, arch: ArchSpec) -> None:
    fewer = dict(state.tensors)
    del fewer["stem.0.0.weight"]
    with pytest.raises(ValueError, match='^the weights are not those of tiny: .*"stem.0.0.weight"'):
        State(arch=arch, tensors=fewer, facts={}).network()


def test_a_full_disk_leaves_the_weights_from_before(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.safetensors"
    write_state(path, state.arch, state.tensors, {"top1": 0.25})

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_state(path, state.arch, state.tensors, {"top1": 0.75})
    assert caught.value.filename == str(path)
    assert read_state(path).facts == {"top1": 0.25}
    assert list(tmp_path.iterdir()) == [path]
