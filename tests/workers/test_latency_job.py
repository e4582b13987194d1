"""A latency says which machine it belongs to."""

from __future__ import annotations

from dataclasses import replace

from scalesearch.hardware.machine import describe
from scalesearch.networks.baselines import baseline
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Multipliers
from scalesearch.study.settings import TrainingSettings
from scalesearch.workers.jobs import LatencySpec, latency_record
from scalesearch.workers.worker import run_job

TINY = replace(
    scale(baseline("efficientnet-b0"), Multipliers(width=0.125), Rounding(), resolution=16), classes=4
)


def test_a_latency_carries_the_key_of_its_machine() -> None:
    job = LatencySpec(key=TINY.key, arch=TINY, batch_size=2, device="cpu", threads=1).to_dict()
    measured = latency_record(run_job(job))
    assert measured.machine == describe("cpu").key != ""
    assert (measured.batch_size, measured.threads, measured.device) == (2, 1, "cpu")
    # What an earlier version left behind has none.
    old = {name: value for name, value in run_job(job).items() if name != "machine"}
    assert latency_record(old).machine == ""


def test_of_several_devices_the_first_is_measured() -> None:
    settings = TrainingSettings(device="cuda:2,0")
    assert LatencySpec.of(settings, TINY.key, TINY).device == "cuda:2"
    assert describe("cuda:2,0").key == describe("cuda:2").key
