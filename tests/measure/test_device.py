from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from scalesearch.measure import device
from scalesearch.measure.device import auto_device, resolve_device


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "gpu", "cpu:0", "", "cuda:x"])
def test_devices_that_are_not_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"^`") as error:
        resolve_device(name)
    assert str(error.value) == (
        f"`device` must be cpu or an available CUDA device, got {name!r}: torch sees no CUDA"
    )


def test_the_devices_that_are_there_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("cuda") == torch.device("cuda")
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match=r"^`") as error:
        resolve_device("cuda:2")
    assert str(error.value) == (
        "`device` must be cpu or an available CUDA device, got 'cuda:2': torch sees cuda:0, cuda:1"
    )


@pytest.mark.parametrize("usable", [True, False])
def test_auto_takes_cuda_where_a_driver_shows_and_torch_can_use_it(
    usable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
    monkeypatch.setattr(device, "DRIVER_NODES", (tmp_path / "none", tmp_path))
    assert auto_device() == ("cuda" if usable else "cpu")


def test_auto_does_not_ask_torch_where_no_driver_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("torch was asked"))
    monkeypatch.setattr(device, "DRIVER_NODES", (tmp_path / "none",))
    assert auto_device() == "cpu"
