from __future__ import annotations

import json
import os

import pytest

import scalesearch.hardware.machine as module
from scalesearch.hardware.machine import conditions


def test_the_load_of_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (1.23456, 2.0, 3.0))
    assert conditions("cpu") == {"load_1m": 1.23}


def test_a_gpu_is_asked_only_for_a_gpu_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(module, "gpu_state", lambda device: {"sm_mhz": 1980, "asked": device})
    assert conditions("cpu") == {"load_1m": 0.0}
    assert conditions("cuda:1") == {"load_1m": 0.0, "gpu": {"sm_mhz": 1980, "asked": "cuda:1"}}
    monkeypatch.setattr(module, "gpu_state", lambda _device: {})
    assert "gpu" not in conditions("cuda")


def test_a_system_without_a_load_says_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("no load")

    monkeypatch.setattr(os, "getloadavg", refuse)
    assert conditions() == {}
    monkeypatch.delattr(os, "getloadavg")
    assert conditions() == {}


def test_conditions_are_plain_data() -> None:
    now = conditions()
    assert json.loads(json.dumps(now)) == now
