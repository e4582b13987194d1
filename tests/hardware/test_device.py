from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from scalesearch.hardware import device
from scalesearch.hardware.device import auto_device, resolve_device, resolve_devices


def accelerator(monkeypatch: pytest.MonkeyPatch, kind: str, count: int, *, usable: bool = True) -> None:
    """A torch built for that kind of accelerator that sees so many of them."""
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *_: torch.device(kind))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: count)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: usable and count > 0)


def cuda(*indices: int) -> tuple[torch.device, ...]:
    return tuple(torch.device("cuda", index) for index in indices)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "xpu", "mps", "gpu", "cpu:0", "", "cuda:x"])
@pytest.mark.parametrize("count", [0, 2])
def test_without_an_accelerator_that_works_there_is_the_cpu_alone(
    name: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    accelerator(monkeypatch, "cuda", count, usable=False)
    assert resolve_devices("cpu") == (torch.device("cpu"),)
    with pytest.raises(ValueError) as error:
        resolve_devices(name)
    assert str(error.value) == (
        f"`device` must be cpu or an available device, got {name!r}: torch sees no accelerator"
    )


@pytest.mark.parametrize(
    ("name", "indices"),
    [
        ("cuda", (0, 1, 2)),
        ("cuda:1", (1,)),
        ("cuda:0,2", (0, 2)),
        ("cuda:2,0", (2, 0)),
        ("cuda:0,1,2", (0, 1, 2)),
    ],
)
def test_all_devices_of_a_machine_or_some(
    name: str, indices: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    accelerator(monkeypatch, "cuda", 3)
    assert resolve_devices(name) == cuda(*indices)
    assert resolve_device(name) == cuda(*indices)[0]
    assert resolve_devices("cpu") == (torch.device("cpu"),)


def test_other_kinds_of_accelerators(monkeypatch: pytest.MonkeyPatch) -> None:
    accelerator(monkeypatch, "xpu", 2)
    assert resolve_devices("xpu") == (torch.device("xpu", 0), torch.device("xpu", 1))
    assert resolve_devices("xpu:1") == (torch.device("xpu", 1),)
    accelerator(monkeypatch, "mps", 1)
    assert resolve_devices("mps") == (torch.device("mps"),)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda:3", "cpu or an available device, got 'cuda:3': torch sees cuda:0, cuda:1, cuda:2"),
        ("cuda:0,3", "cpu or an available device, got 'cuda:0,3': torch sees cuda:0, cuda:1, cuda:2"),
        ("cuda:9999999999", "cpu or an available device, got 'cuda:9999999999': torch sees cuda:0,"),
        ("xpu", "cpu or an available device, got 'xpu': torch sees cuda:0, cuda:1, cuda:2"),
        ("xpu:0", "cpu or an available device, got 'xpu:0': torch sees cuda:0"),
        ("mps", "cpu or an available device, got 'mps': torch sees cuda:0"),
        ("mps:0", "cpu or an available device, got 'mps:0': torch sees cuda:0"),
        ("cuda:", "cpu or an available device, got 'cuda:': torch sees cuda:0"),
        ("cuda:-1", "cpu or an available device, got 'cuda:-1': torch sees cuda:0"),
        ("cuda:²", "cpu or an available device, got 'cuda:²': torch sees cuda:0"),
        ("cuda:0\n", "cpu or an available device, got 'cuda:0\\n': torch sees cuda:0"),
        ("CUDA", "cpu or an available device, got 'CUDA': torch sees cuda:0"),
        ("meta", "cpu or an available device, got 'meta': torch sees cuda:0"),
        ("cuda:0,0", "name each device once, got 'cuda:0,0'"),
        ("cuda:1,0,01", "name each device once, got 'cuda:1,0,01'"),
        ("cpu,cuda", "cpu or devices of one kind, such as cuda:0,2, got 'cpu,cuda': torch sees cuda:0"),
        ("cuda:0,cpu", "cpu or devices of one kind, such as cuda:0,2, got 'cuda:0,cpu': torch sees cuda:0"),
        ("cuda:0,cuda:1", "cpu or devices of one kind, such as cuda:0,2, got 'cuda:0,cuda:1': torch sees"),
        ("cuda:0,", "cpu or devices of one kind, such as cuda:0,2, got 'cuda:0,': torch sees cuda:0"),
        ("cuda:0,xpu:1", "cpu or devices of one kind, such as cuda:0,2, got 'cuda:0,xpu:1': torch sees"),
    ],
)
def test_devices_that_are_not_there_named_twice_or_mixed(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    accelerator(monkeypatch, "cuda", 3)
    with pytest.raises(ValueError) as error:
        resolve_devices(name)
    assert str(error.value).startswith(
        f"`device` must {'' if message.startswith('name') else 'be '}{message}"
    )


@pytest.mark.parametrize(("kind", "count"), [("cuda", 2), ("xpu", 1), ("mps", 1)])
@pytest.mark.parametrize("usable", [True, False])
def test_auto_takes_the_accelerator_where_a_driver_shows_and_torch_can_use_it(
    kind: str, count: int, usable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin" if kind == "mps" else "linux")
    accelerator(monkeypatch, kind, count, usable=usable)
    monkeypatch.setattr(device, "DRIVER_NODES", (tmp_path / "none", tmp_path))
    assert auto_device() == (kind if usable else "cpu")
    assert len(resolve_devices("auto")) == (count if usable else 1)
    assert resolve_device("auto").type == (kind if usable else "cpu")


def test_auto_does_not_ask_torch_where_no_driver_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: pytest.fail("torch was asked"))
    monkeypatch.setattr(device, "DRIVER_NODES", (tmp_path / "none",))
    assert auto_device() == "cpu"
