"""A latency says which machine it belongs to."""

from __future__ import annotations

from dataclasses import replace

from scalesearch.architecture.baselines import baseline
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import Rounding
from scalesearch.measure.machine import describe
from scalesearch.scaling import Multipliers
from scalesearch.search.settings import TrainingSettings
from scalesearch.workers.jobs import LatencySpec, latency_record
from scalesearch.workers.measurement import run_job

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
