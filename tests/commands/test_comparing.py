from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scalesearch.commands.compare.run import (
    CompareSettings,
    compare_record,
    forget_pairs,
    matching_rows,
    run_compare,
)
from scalesearch.commands.measure.run import SampleStore, Stored, Task
from scalesearch.commands.measure.subjects import parse_subject
from scalesearch.records.timings import (
    CompareRecord,
    MachineRecord,
    MeasurementRecord,
    ProcessSamples,
    Setup,
)
from tests.commands.fakes import Bench, seconds

A, B = "efficientnet-b0:1,0.125,0.2", "efficientnet-b0:2,0.125,0.2@threads=2"
HERE = MachineRecord(key="here", facts={})


class Progress:
    def begin(self, total: int, done: int) -> None:
        self.total, self.done = total, done

    def started(self, label: str) -> None:
        self.label = label

    def finished(self, _label: str, _stored: Stored, skipped: int) -> None:
        self.done += 1 + skipped


def _tasks(settings: CompareSettings) -> tuple[Task, Task]:
    one, other = (parse_subject(text) for text in (settings.a, settings.b))
    return (
        Task(subject=one, setup=one.setup(settings.setup)),
        Task(subject=other, setup=other.setup(settings.setup)),
    )


def _run(
    folder: Path, settings: CompareSettings, bench: Bench, room: Any = lambda _a, _s: ""
) -> CompareRecord:
    store, (a, b) = SampleStore(folder), _tasks(settings)
    store.keep_machine(HERE)
    run_compare(store, settings, a, b, "here", bench, Progress(), session="s", room=room)
    return compare_record(store, settings, a, b, name="n", command="c", versions={})


def test_both_are_timed_in_one_process_each_in_its_own_setup(tmp_path: Path) -> None:
    bench, settings = Bench(), CompareSettings(a=A, b=B, pairs=4, processes=2, batch_size=8)
    record = _run(tmp_path, settings, bench)
    a, b = _tasks(settings)
    assert (a.setup.threads, b.setup.threads, b.setup.batch_size) == (1, 2, 8)
    middles = [seconds(task.subject.arch.to_dict(), task.setup.to_dict()) for task in (a, b)]
    pairs = tuple((middles[0] * (1 + n / 100), middles[1] * (1 + n / 100)) for n in range(4))
    assert record.pairs == (pairs, pairs)
    assert record.a.samples_s == (tuple(x for x, _ in pairs),) * 2
    assert record.b.samples_s == (tuple(y for _, y in pairs),) * 2
    assert (record.a.setup, record.b.setup, record.machines) == (a.setup, b.setup, (HERE,))
    assert [job["kind"] for job in bench.jobs] == ["pair"] * 2


def test_a_stopped_comparison_goes_on(tmp_path: Path) -> None:
    settings = CompareSettings(a=A, b=B, pairs=2)
    bench = Bench()

    def stop(_job: object) -> None:
        if len(bench.jobs) == 2:
            raise KeyboardInterrupt

    bench.on_result = stop
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, settings, bench)
    rest = Bench()
    assert len(_run(tmp_path, settings, rest).pairs) == 3
    assert len(rest.jobs) == 2


def test_a_failure_ends_it_until_it_is_tried_once_more(tmp_path: Path) -> None:
    settings = CompareSettings(a=A, b=B, pairs=2)
    bench = Bench(fails=lambda _job: "no compiler")
    record = _run(tmp_path, settings, bench)
    assert (record.pairs, record.a.outcome, record.b.reason, len(bench.jobs)) == (
        (),
        "failed",
        "no compiler",
        1,
    )
    assert _run(tmp_path, settings, bench).pairs == ()
    assert len(bench.jobs) == 1
    forget_pairs(SampleStore(tmp_path), settings, _tasks(settings)[0], "here")
    assert len(_run(tmp_path, settings, Bench()).pairs) == 3


def test_what_will_not_fit_is_never_started(tmp_path: Path) -> None:
    bench = Bench()
    record = _run(
        tmp_path,
        CompareSettings(a=A, b=B),
        bench,
        room=lambda _a, setup: "out of memory: much" if setup.threads == 2 else "",
    )
    assert (bench.jobs, record.a.outcome) == ([], "out of memory")


def test_settings_come_back_from_plain_data() -> None:
    settings = CompareSettings(a="b0", b="b1", dtype="bfloat16", batch_size=8)
    assert CompareSettings.from_dict(settings.to_dict()) == settings
    with pytest.raises(ValueError, match="^`b` is missing$"):
        CompareSettings.from_dict({"a": "b0"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pairs": 0}, "`pairs` must be >= 1, got 0"),
        ({"processes": 0}, "`processes` must be >= 1, got 0"),
        ({"batch_size": 0}, "`batch_size` must be >= 1, got 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        CompareSettings(a="b0", b="b1", **changes)
    assert str(error.value) == message


ROW = MeasurementRecord(
    name="x", key="1", resolution=1, params=1, macs=1, activations=1, layers=1, setup=Setup(), machine="here",
    processes=(ProcessSamples(samples_s=(1.0,), conditions={}),),
)  # fmt: skip


def test_rows_match_by_network_and_setup() -> None:
    two = replace(ROW, setup=Setup(threads=2))
    other = replace(ROW, name="y", key="2")
    empty = replace(two, processes=())
    assert matching_rows((ROW, two), (two, other)) == ((two, two),)
    assert matching_rows((ROW, two), (empty, other)) == ()
    assert matching_rows((ROW,), (other,), same_name=False) == ((ROW, other),)
    assert matching_rows((ROW,), (two,), changed=("threads",)) == ((ROW, two),)
    # The same name for another network is no match.
    assert matching_rows((ROW,), (replace(ROW, key="3"),)) == ()


def test_rows_of_two_machines_match_only_where_that_is_asked_for() -> None:
    there = replace(ROW, machine="there")
    assert matching_rows((ROW,), (there,)) == ()
    assert matching_rows((ROW,), (there,), same_machine=False) == ((ROW, there),)
