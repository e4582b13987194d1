from __future__ import annotations

import random
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalesearch.commands.measure.run import (
    MeasureSettings,
    SampleStore,
    Stored,
    Task,
    forget_failures,
    measure_record,
    plan,
    run_measure,
)
from scalesearch.commands.measure.subjects import parse_subjects
from scalesearch.networks.cost import count, inference_bytes
from scalesearch.records.timings import MachineRecord, MeasureRecord, Setup
from tests.commands.fakes import Bench, Job, seconds

TWO = ("efficientnet-b0:1,0.125,0.2", "efficientnet-b0:2,0.125,0.2")
HERE = MachineRecord(key="here", facts={"cpu": "one"})


class Progress:
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.total = self.done = 0
        self.labels: list[str] = []

    def begin(self, total: int, done: int) -> None:
        self.total, self.done = total, done

    def started(self, label: str) -> None:
        self.labels.append(label)

    def finished(self, _label: str, _stored: Stored, skipped: int) -> None:
        self.done += 1 + skipped


def _settings(**changes: Any) -> MeasureSettings:
    return MeasureSettings(networks=TWO, **changes)


def _run(
    folder: Path,
    settings: MeasureSettings,
    bench: Bench,
    session: str = "s1",
    machine: MachineRecord = HERE,
    room: Any = lambda _arch, _setup: "",
) -> tuple[MeasureRecord, Progress]:
    store, progress = SampleStore(folder), Progress()
    store.keep_machine(machine)
    tasks = plan(settings, parse_subjects(settings.networks))
    run_measure(store, settings, tasks, machine.key, bench, progress, session=session, room=room)
    return _record(folder, settings), progress


def _record(folder: Path, settings: MeasureSettings) -> MeasureRecord:
    tasks = plan(settings, parse_subjects(settings.networks))
    return measure_record(
        SampleStore(folder), settings, tasks, name="n", command="c", versions={"torch": "2"}
    )


def test_every_network_is_measured_in_every_setup_in_the_order_asked_for(tmp_path: Path) -> None:
    settings = _settings(batch_size=(1, 8), threads=(1, 2), processes=2)
    record, progress = _run(tmp_path, settings, Bench())
    small, deep = (subject.arch for subject in parse_subjects(TWO))
    assert [(r.key, r.setup.threads, r.setup.batch_size) for r in record.measurements] == [
        (arch.key, threads, batch) for arch in (small, deep) for threads in (1, 2) for batch in (1, 8)
    ]
    row = record.measurements[3]
    middle = seconds(small.to_dict(), Setup(threads=2, batch_size=8).to_dict())
    assert row.samples_s == (tuple(middle * (1 + n / 100) for n in (-2, -1, 0, 1, 2)),) * 2
    assert (row.outcome, row.reason, row.peak_bytes, row.machine) == ("measured", "", 1_000_000, "here")
    assert row.tensor_bytes == inference_bytes(small, 8)
    assert (row.params, row.macs, row.layers) == (count(small).params, count(small).macs, count(small).layers)
    assert (record.sessions, record.machines, record.versions) == (1, (HERE,), {"torch": "2"})
    assert progress.done == progress.total == 16


def test_a_graph_has_the_tensors_of_the_pass_that_it_records(tmp_path: Path) -> None:
    settings = _settings(runtime=("eager", "graph", "compile"), device="cuda:1", batch_size=(8,), processes=1)
    record, _ = _run(tmp_path, settings, Bench())
    small, _ = (subject.arch for subject in parse_subjects(TWO))
    rows = {r.setup.runtime: r for r in record.measurements if r.key == small.key}
    tensors = inference_bytes(small, 8)
    assert {runtime: r.tensor_bytes for runtime, r in rows.items()} == {
        "eager": tensors,
        "graph": tensors,
        "compile": None,
    }
    assert rows["graph"].setup.label == "inference, batch 8, 1 thread, float32, graph, channels last, cuda:1"


def test_drift_is_shared_as_each_round_has_every_network_once(tmp_path: Path) -> None:
    bench = Bench()
    _run(tmp_path, _settings(threads=(1, 2)), bench)
    rounds = [job["key"].rpartition(".")[2] for job in bench.jobs]
    assert [number for number, _ in groupby(rounds)] == ["1", "2", "3"]
    assert Counter(rounds) == {"1": 4, "2": 4, "3": 4}
    # The peak is the same in every process: one looks.
    assert [job["memory"] for job in bench.jobs] == [True] * 4 + [False] * 8


@settings(max_examples=10)  # each writes some forty files, and waits until the disk has them
@given(stops=st.lists(st.integers(0, 12), max_size=5), seed=st.integers(0, 99))
def test_a_run_stopped_anywhere_any_number_of_times_ends_up_the_same(
    tmp_path_factory: pytest.TempPathFactory, stops: list[int], seed: int
) -> None:
    asked = _settings(threads=(1, 2))
    whole, _ = _run(tmp_path_factory.mktemp("whole"), asked, Bench())
    folder, done = tmp_path_factory.mktemp("stopped"), []
    for stop in stops:
        bench = Bench()

        def interrupt(_job: Job, bench: Bench = bench, stop: int = stop) -> None:
            # In flight: its result never reaches the disk.
            if len(bench.jobs) > stop:
                raise KeyboardInterrupt

        bench.on_result = interrupt
        try:
            _run(folder, asked, bench, session=f"s{seed}")
        except KeyboardInterrupt:
            bench.jobs.pop()
        done += [job["key"] for job in bench.jobs]
    bench = Bench()
    record, progress = _run(folder, asked, bench)
    assert record.measurements == whole.measurements
    done += [job["key"] for job in bench.jobs]
    assert len(done) == len(set(done)) == 12  # nothing was measured twice
    assert progress.done == progress.total == 12


def test_a_row_of_a_stopped_run_waits_with_the_samples_it_has(tmp_path: Path) -> None:
    bench = Bench()

    def stop(_job: Job) -> None:
        if len(bench.jobs) == 4:
            raise KeyboardInterrupt

    bench.on_result = stop
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, _settings(), bench)
    one, other = _record(tmp_path, _settings()).measurements
    assert (one.outcome, len(one.processes)) == ("waiting", 2)
    assert (other.outcome, len(other.processes)) == ("waiting", 1)


def test_out_of_memory_is_a_row_and_is_not_tried_again_while_others_go_on(tmp_path: Path) -> None:
    bench = Bench(fails=lambda job: "out of memory: 9 GB" if job["setup"]["batch_size"] == 8 else None)
    settings = _settings(batch_size=(1, 8))
    record, progress = _run(tmp_path, settings, bench)
    outcomes = [(r.setup.batch_size, r.outcome, r.reason, len(r.processes)) for r in record.measurements]
    assert outcomes == [(1, "measured", "", 3), (8, "out of memory", "out of memory: 9 GB", 0)] * 2
    assert Counter(job["setup"]["batch_size"] for job in bench.jobs) == {1: 6, 8: 2}
    assert progress.done == progress.total == 12
    again = Bench()
    _, progress = _run(tmp_path, settings, again)
    assert (again.jobs, progress.done, progress.total) == ([], 12, 12)


def test_what_will_not_fit_is_never_started(tmp_path: Path) -> None:
    bench, small = Bench(), parse_subjects(TWO)[0].arch
    record, _ = _run(
        tmp_path,
        _settings(),
        bench,
        room=lambda arch, _: "" if arch == small else "out of memory: needs much",
    )
    assert {job["arch"]["name"] for job in bench.jobs} == {small.name}
    assert [r.outcome for r in record.measurements] == ["measured", "out of memory"]


def test_a_failure_has_its_reason_and_can_be_tried_once_more(tmp_path: Path) -> None:
    settings = _settings()
    flaky = Bench(fails=lambda _job: "no compiler" if len(flaky.jobs) in (2, 5) else None)
    record, _ = _run(tmp_path, settings, flaky)
    one, other = record.measurements
    assert (other.outcome, other.reason, other.processes) == ("failed", "no compiler", ())
    # Jobs 1, 3, 4 are the first network's; the fifth was never needed.
    assert (one.outcome, len(one.processes)) == ("measured", 3)
    tasks = plan(settings, parse_subjects(TWO))
    assert forget_failures(SampleStore(tmp_path), settings, tasks, "here") == 1
    record, _ = _run(tmp_path, settings, Bench())
    assert [(r.outcome, len(r.processes)) for r in record.measurements] == [("measured", 3)] * 2


def test_a_figure_stands_though_a_later_process_failed_and_says_so(tmp_path: Path) -> None:
    fails = Bench(fails=lambda job: "killed" if job["key"].endswith(".2") else None)
    record, _ = _run(tmp_path, _settings(), fails)
    row = record.measurements[0]
    assert (row.outcome, len(row.processes)) == ("measured", 1)
    assert row.reason == "a further process gave nothing: killed"


def test_the_largest_batch_is_looked_for_once_for_all_batches(tmp_path: Path) -> None:
    bench = Bench()
    settings = _settings(batch_size=(2, 8), mode=("inference", "training"), largest_batch=True)
    record, progress = _run(tmp_path, settings, bench)
    searches = [job for job in bench.jobs if job["kind"] == "largest_batch"]
    assert len(searches) == 4  # two networks, two modes
    assert {row.largest_batch for row in record.measurements} == {64}
    assert progress.done == progress.total == 28
    assert _run(tmp_path, settings, Bench())[1].done == 28


def test_two_machines_have_rows_of_their_own(tmp_path: Path) -> None:
    there = MachineRecord(key="there", facts={"cpu": "two"})
    _run(tmp_path, _settings(), Bench())
    record, _ = _run(tmp_path, _settings(), Bench(), session="s2", machine=there)
    assert [row.machine for row in record.measurements] == ["here", "here", "there", "there"]
    assert (record.machines, record.sessions) == ((HERE, there), 2)


def test_onnx_runtime_has_one_file_for_each_network_and_one_layout(tmp_path: Path) -> None:
    bench = Bench()
    subjects = parse_subjects((*TWO, f"{TWO[0]}@channels_last=no"))
    settings = _settings(runtime=("onnxruntime",), batch_size=(1, 8))
    tasks = plan(settings, subjects)
    assert len(tasks) == 4  # what ONNX Runtime would ignore makes no row of its own
    run_measure(
        SampleStore(tmp_path), settings, tasks, "here", bench, Progress(), session="", room=lambda _a, _s: ""
    )
    paths = {(job["arch"]["name"], job["onnx_path"]) for job in bench.jobs}
    assert paths == {
        (s.arch.name, str(tmp_path / "onnx" / f"{s.arch.key}-float32.onnx")) for s in subjects[:2]
    }


def test_settings_come_back_from_plain_data() -> None:
    settings = _settings(batch_size=(1, 8), dtype=("float32", "bfloat16"), baseline_width=0.5)
    assert MeasureSettings.from_dict(settings.to_dict()) == settings
    with pytest.raises(ValueError, match="settings must be known ones, got speed"):
        MeasureSettings.from_dict(settings.to_dict() | {"speed": 3})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"processes": 0}, "`processes` must be >= 1, got 0"),
        ({"min_time": 0.0}, "`min_time` must be a finite number > 0, got 0.0"),
        ({"batch_size": (1, 1)}, "`batch_size` must name at least one value, each once, got 1, 1"),
        ({"threads": ()}, "`threads` must name at least one value, each once, got none"),
        ({"batch_size": (0,)}, "`batch_size` must be >= 1, got 0"),
        ({"dtype": ("int8",)}, "`dtype` must be one of float32, bfloat16, float16, got 'int8'"),
        ({"mode": ("training",)}, "`batch_size` must be >= 2 to train: batch norm needs two images, got 1"),
        (
            {"runtime": ("onnxruntime",), "dtype": ("bfloat16",)},
            "`dtype` must be float32 or float16 for onnxruntime, got 'bfloat16'",
        ),
        ({"baseline_width": 0.0}, "`baseline_width` must be a finite number > 0, got 0.0"),
        ({"baseline_resolution": -1}, "`baseline_resolution` must be >= 1, got -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        _settings(**changes)
    assert str(error.value) == message


def test_a_network_whose_own_setup_does_not_go_with_the_commands_is_refused() -> None:
    subjects = parse_subjects([f"{TWO[0]}@runtime=onnxruntime"])
    with pytest.raises(
        ValueError, match="`dtype` must be float32 or float16 for onnxruntime, got 'bfloat16'"
    ):
        plan(_settings(dtype=("bfloat16",)), subjects)


def test_a_task_is_told_by_what_is_measured_not_by_its_name() -> None:
    names = random.sample(["b0", "efficientnet-b0"], 2)
    one, other = (Task(subject=parse_subjects([name])[0], setup=Setup()) for name in names)
    assert one.identity == other.identity
    assert one.label == "efficientnet-b0, inference, batch 1, 1 thread, float32, eager, channels last, cpu"
