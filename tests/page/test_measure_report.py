from __future__ import annotations

import csv
import io
import statistics
from dataclasses import replace

import pytest

from scalesearch.commands.measure.figures import (
    latency_figure,
    law_figure,
    memory_figure,
    spread_figure,
    throughput_figure,
)
from scalesearch.commands.measure.rows import common_label, measure_rows, setup_titles, short_names
from scalesearch.commands.measure.view import (
    MeasurePage,
    measure_page,
    measurements_table,
    samples_table,
    timm_table,
    write_measure_report,
)
from scalesearch.networks.cost import count
from scalesearch.page.tables import csv_text
from scalesearch.records import CostLaw, HeldOut, ProcessSamples, Setup
from scalesearch.statistics.law import fit_law, predict
from scalesearch.statistics.timing import summarise
from tests.page.measurements import MACHINE, OTHER, arch, measured, measurement, out_of_memory
from tests.page.shown import shown

ONE, EIGHT = Setup(), Setup(batch_size=8)
COLUMNS = """
    name, key, resolution, params, macs, activations, layers, mode, runtime, dtype, channels_last, batch_size,
    threads, device, machine, outcome, reason, samples, processes, latency_median_s, latency_iqr_s,
    latency_p90_s, latency_low_s, latency_high_s, unstable, images_per_s, peak_bytes,
    tensor_bytes, largest_batch,
    predicted_s, prediction_error
"""
SAMPLES = """
    name, key, mode, runtime, dtype, channels_last, batch_size, threads, device, machine, process, sample,
    seconds
"""
TIMM = "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count,infer_gmacs,infer_macts"


def names(columns: str) -> list[str]:
    return columns.replace(",", " ").split()


def rows(table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_text(table))))


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def four(**changes):
    return measured([measurement(k, setup, **changes) for setup in (ONE, EIGHT) for k in (0, 1)])


def steady(row, seconds: float, batches: int = 3):
    """The row with samples of exactly ``seconds``."""
    run = ProcessSamples(samples_s=(seconds,) * 5, conditions={})
    return replace(row, processes=(run,) * batches)


def page_of(record, laws=(), figures=("latency",)) -> str:
    record = replace(record, laws=tuple(laws))
    return measure_page(record, measure_rows(record), figures)


def values_of(record, laws=()) -> MeasurePage:
    record = replace(record, laws=tuple(laws))
    return shown(measure_page, record, measure_rows(record), ())


def cells(page: str, start: str) -> list[str]:
    """The cells of the first table row that begins so."""
    found = next(line for line in page.split("\n") if line.startswith(f"| {start}"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def section(page: str, title: str) -> str:
    return page.split(f"## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def law_for(row, *, held_out: bool, seconds: float = 0.02) -> CostLaw:
    kept = HeldOut(name=row.name, key=row.key, measured_s=1.0, predicted_s=seconds)
    return CostLaw(
        machine=row.machine,
        setup=row.setup,
        seconds={"constant": 0.001, "macs": 1e-11, "activations": 1e-9, "params": 0.0, "layers": 1e-5},
        held_out=(kept,) if held_out else (),
    )


@pytest.mark.slow
@pytest.mark.figures
def test_the_same_record_gives_the_same_bytes(tmp_path):
    record = four()
    report = write_measure_report(record, tmp_path / "a")
    write_measure_report(record, tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert {path.name for path in report.figures} == {
        f"{name}.{suffix}"
        for name in ("latency", "spread", "throughput", "memory")
        for suffix in ("svg", "png")
    }
    assert {path.name for path in (tmp_path / "a").glob("*.*")} == {
        *("measurements.csv", "samples.csv", "timm.csv", "conditions.json", "report.md", "report.html")
    }
    assert report.table.shape == (4, len(names(COLUMNS)))


def test_a_row_has_what_its_samples_say():
    record = four()
    table = rows(measurements_table(record))
    assert list(table[0]) == names(COLUMNS)
    for row, one in zip(table, record.measurements, strict=True):
        summary = summarise(one.samples_s)
        assert float(row["latency_median_s"]) == pytest.approx(summary.median_s)
        assert float(row["latency_iqr_s"]) == pytest.approx(summary.iqr_s)
        assert float(row["latency_p90_s"]) == pytest.approx(summary.p90_s)
        assert float(row["latency_low_s"]) < summary.median_s < float(row["latency_high_s"])
        assert float(row["images_per_s"]) == pytest.approx(one.setup.batch_size / summary.median_s)
        assert (row["unstable"], row["machine"], row["samples"]) == ("no", MACHINE, "27")
        assert (row["channels_last"], row["threads"], row["outcome"]) == ("yes", "1", "measured")
        assert int(row["peak_bytes"]) == one.peak_bytes


def test_every_raw_sample_is_kept_to_the_last_digit():
    record = four()
    table = rows(samples_table(record))
    assert list(table[0]) == names(SAMPLES)
    flat = [s for one in record.measurements for samples in one.samples_s for s in samples]
    assert [float(row["seconds"]) for row in table] == flat
    assert [(row["process"], row["sample"]) for row in table[8:10]] == [("1", "9"), ("2", "1")]


def test_timms_columns_are_timms_own_with_its_rounding():
    trained = replace(ONE, mode="training", batch_size=2)
    record = measured(
        [
            steady(measurement(0, EIGHT), 0.0123456),
            steady(measurement(1, ONE), 2.0),
            measurement(0, trained),
            out_of_memory(measurement(1, EIGHT)),
            replace(steady(measurement(0, ONE), 0.5), name="my-net"),
        ]
    )
    assert csv_text(timm_table(record)).splitlines() == [
        TIMM,
        "efficientnet_b0,224,648.0,12.346,8,5.29,0.39,6.75",
        "efficientnet_b1,240,0.5,2000.0,1,7.79,0.69,10.88",
        "my-net,224,2.0,500.0,1,5.29,0.39,6.75",
    ]


def test_without_inference_there_is_no_timm_table(tmp_path):
    write_measure_report(four(), tmp_path)
    training = Setup(mode="training", batch_size=2)
    write_measure_report(measured([measurement(0, training)]), tmp_path)
    assert not (tmp_path / "timm.csv").exists()
    # One network has nothing to be held against: its old figure goes too.
    assert not (tmp_path / "figures" / "throughput.png").exists()


def test_out_of_memory_is_a_row_without_a_figure():
    record = measured([measurement(0, EIGHT), out_of_memory(measurement(1, EIGHT))])
    row = rows(measurements_table(record))[1]
    assert (row["outcome"], row["latency_median_s"], row["unstable"]) == ("out of memory", "", "")
    assert (row["largest_batch"], row["samples"]) == ("5", "0")
    page = page_of(record)
    assert cells(page, "efficientnet-b1")[-1] == "out of memory"
    assert "needs about 12.1 GiB of 7.6 GiB" in section(page, "Without a figure")
    figure = latency_figure(measure_rows(record))
    assert figure is not None
    assert "out of memory" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_unstable_figures_are_marked_in_table_page_and_figure():
    record = measured([measurement(0, ONE), measurement(1, ONE, noise=0.2)])
    assert [row["unstable"] for row in rows(measurements_table(record))] == ["no", "yes"]
    page, values = page_of(record), values_of(record)
    answer = values.answer
    assert (answer.unstable, answer.figures, len(answer.unstable_names)) == (1, 2, 1)
    assert cells(page, "efficientnet-b1")[-1].endswith("(unstable)")
    assert "**unstable**" in section(page, "Every figure")
    for make in (latency_figure, spread_figure, throughput_figure):
        figure = make(measure_rows(record))
        legend = [text.get_text() for text in figure.legends[0].get_texts()]
        assert "unstable: IQR over 10% of the median" in legend
        hollow = [
            line
            for line in figure.axes[0].lines
            if line.get_marker() == "o" and line.get_markerfacecolor() == "white"
        ]
        assert len(hollow) == 1
    calm = latency_figure(measure_rows(four()))
    assert not any("unstable" in text.get_text() for text in calm.legends[0].get_texts())
    assert values_of(four()).answer.unstable == 0


def test_one_process_is_said_to_know_nothing_of_the_next():
    assert [values_of(record).answer.single for record in (four(processes=1), four())] == [4, 0]


def test_several_machines_are_refused_unless_asked_for(tmp_path):
    record = measured(
        [measurement(k, ONE, machine=machine) for machine in (MACHINE, OTHER) for k in (0, 1)],
        machines=(MACHINE, OTHER),
    )
    with pytest.raises(ValueError) as refused:
        write_measure_report(record, tmp_path)
    assert str(refused.value) == (
        "`mix_machines` must be set to show measurements of several machines side by side, got 2 machines: "
        "1f0c9a3e and 77aa01bc"
    )
    assert not list(tmp_path.iterdir())
    report = write_measure_report(record, tmp_path, mix_machines=True)
    assert list(report.table["machine"]) == [MACHINE, MACHINE, OTHER, OTHER]
    figure = latency_figure(measure_rows(record))
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "machine 1f0c9a3e",
        "machine 77aa01bc",
    ]
    page = report.page.read_text()
    assert "CPU of 1f0c9a3e" in page
    assert "CPU of 77aa01bc" in page


def test_each_panel_is_one_setup_named_by_what_it_alone_has():
    figure = latency_figure(measure_rows(four()))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["batch 1", "batch 8"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert figure.legends[0].get_title().get_text() == (
        "everywhere: inference, 1 thread, float32, eager, channels last, cpu"
    )
    alone = latency_figure(measure_rows(measured([measurement(0, ONE)])))
    assert alone.axes[0].get_title(loc="left") == ONE.label


def test_setups_are_told_apart_by_what_they_do_not_share():
    onnx = Setup(runtime="onnxruntime", threads=2)
    assert setup_titles([ONE, onnx]) == {
        ONE: "1 thread, eager, channels last",
        onnx: "2 threads, onnxruntime",
    }
    assert common_label([ONE, onnx]) == "inference, batch 1, float32, cpu"
    assert setup_titles([ONE]) == {ONE: ONE.label}
    assert common_label([ONE]) == ""
    assert short_names(["efficientnet-b0", "efficientnet-b1"]) == {
        "efficientnet-b0": "b0",
        "efficientnet-b1": "b1",
    }
    assert short_names(["net", "net-b1"]) == {"net": "net", "net-b1": "net-b1"}


def test_more_setups_than_there_is_room_for_are_said_to_be_left_out():
    setups = [Setup(batch_size=size) for size in range(1, 15)]
    record = measured([measurement(0, setup, samples=3) for setup in setups])
    figure = latency_figure(measure_rows(record))
    assert len([axes for axes in figure.axes if axes.get_visible()]) == 12
    assert figure.get_suptitle() == "Latency of one pass (the first 12 of 14 setups)"
    # On the page they stand below one another, each with its own row.
    assert page_of(record).count("| efficientnet-b0 | batch 14 |") == 2


def test_equal_multiply_adds_are_held_against_time():
    # B1 at the pace of half of B0's: 0.7 G multiply-adds in 3.6 times B0's time.
    slow = 2 * count(arch(1)).macs / count(arch(0)).macs
    record = measured([steady(measurement(0, ONE), 0.1), steady(measurement(1, ONE), 0.1 * slow)])
    pace = values_of(record).answer.pace
    assert (pace.equal, pace.fast, pace.slow) == ("", "efficientnet-b0", "efficientnet-b1")
    assert pace.times == pytest.approx(2)
    equal = measured([steady(measurement(0, ONE), 0.1), steady(measurement(1, ONE), 0.1 * slow / 2)])
    assert values_of(equal).answer.pace.equal == "10%"
    points = [
        tuple(float(value[0]) for value in line.get_data())
        for line in throughput_figure(measure_rows(record)).axes[0].lines
        if line.get_marker() == "o"
    ]
    assert points == [
        pytest.approx((count(arch(0)).macs, count(arch(0)).macs / 0.1)),
        pytest.approx((count(arch(1)).macs, count(arch(0)).macs / 0.2)),
    ]


def test_a_laws_prediction_stands_beside_what_was_measured():
    row = steady(measurement(0, ONE), 0.016)
    seen, unseen = law_for(row, held_out=True), law_for(row, held_out=False)
    told = rows(measurements_table(replace(measured([row]), laws=(seen,))))[0]
    assert (float(told["predicted_s"]), float(told["prediction_error"])) == pytest.approx((0.02, 0.25))
    by_formula = rows(measurements_table(replace(measured([row]), laws=(unseen,))))[0]
    assert float(by_formula["predicted_s"]) == pytest.approx(predict(unseen, count(arch(0))))
    page = page_of(measured([row]), [seen])
    assert cells(section(page, "What the cost law says"), "efficientnet-b0")[2:] == [
        "20.0 ms",
        "16.0 ms",
        "+25.0%",
    ]
    assert law_figure(measure_rows(replace(measured([row]), laws=(seen,)))) is not None


@pytest.mark.parametrize("change", [{"machine": OTHER}, {"setup": EIGHT}])
def test_a_law_of_another_machine_or_setup_says_nothing(change):
    row = measurement(0, ONE)
    law = replace(law_for(row, held_out=True), **change)
    assert rows(measurements_table(replace(measured([row]), laws=(law,))))[0]["predicted_s"] == ""
    assert law_figure(measure_rows(replace(measured([row]), laws=(law,)))) is None
    assert values_of(measured([row]), [law]).predicted is None


def test_a_prediction_of_no_time_at_all_has_no_place_on_the_figures_axes():
    row = steady(measurement(0, ONE), 0.016)
    law = law_for(row, held_out=True)
    none = replace(law, held_out=tuple(replace(one, predicted_s=0.0) for one in law.held_out))
    axes = law_figure(measure_rows(replace(measured([row]), laws=(none,)))).axes[0]
    assert axes.get_xlim() == pytest.approx((16 / 1.4, 16 * 1.4))


def test_a_table_that_was_cut_says_so(monkeypatch):
    monkeypatch.setattr("scalesearch.commands.measure.view.MOST_ROWS", 2)
    failed = [replace(out_of_memory(measurement(k, ONE)), name=f"net{k}") for k in range(3)]
    page = page_of(measured([*failed, measurement(3, ONE)]))
    answer, _, rest = page.partition("## Without a figure")
    assert "2 more networks in `measurements.csv`." in answer
    assert "1 more row in `measurements.csv`." in rest.partition("## ")[0]


def test_a_law_of_the_report_itself_is_shown_by_its_held_out_predictions():
    record = measured([measurement(k, ONE) for k in range(8)])
    law = fit_law(record.measurements)
    errors = [abs(row.error) for row in law.held_out]
    values = values_of(record, [law]).law_errors
    assert (values.laws, values.figures) == (1, 8)
    assert (values.median, values.worst) == pytest.approx((statistics.median(errors), max(errors)))


def test_a_stopped_run_shows_what_it_has_and_says_so():
    half = replace(measurement(0, ONE, processes=1), outcome="waiting")
    none = replace(measurement(1, ONE, processes=1), outcome="waiting", processes=(), peak_bytes=None)
    page, values = page_of(measured([half, none])), values_of(measured([half, none]))
    assert (values.waiting, values.measurements) == (2, 2)
    assert cells(page, "efficientnet-b0")[-1].endswith("ms")
    assert cells(page, "efficientnet-b1")[-1] == "waiting"


def test_nothing_measured_is_a_page_without_figures(tmp_path):
    failed = replace(out_of_memory(measurement(0, ONE)), outcome="failed", reason="no `kernel` | for it")
    report = write_measure_report(measured([failed]), tmp_path)
    assert report.figures == ()
    page = report.page.read_text()
    assert values_of(measured([failed])).medians is None
    assert r"no \`kernel\` \| for it" in page
    assert "## Figures" not in page
    assert csv_text(samples_table(measured([failed]))).splitlines() == [",".join(names(SAMPLES))]


def test_what_was_not_measured_leaves_its_figure_out():
    record = measured([replace(measurement(0, ONE), peak_bytes=None)])
    assert memory_figure(measure_rows(record)) is None
    assert throughput_figure(measure_rows(record)) is None


def test_processes_that_disagree_wildly_do_not_blow_up_the_axes():
    wild = replace(
        measurement(0, ONE),
        processes=tuple(ProcessSamples(samples_s=(s,) * 5, conditions={}) for s in (0.01, 0.3)),
    )
    record = measured([wild, measurement(1, ONE)])
    assert summarise(wild.samples_s).high_s > 1e6
    low, high = latency_figure(measure_rows(record)).axes[0].get_ylim()
    assert high / low < 1000
    assert spread_figure(measure_rows(record)).axes[0].get_ylim() == (-50, 50)


def test_the_conditions_are_summed_up():
    gpu = {"sm_mhz": 1980, "temperature_c": 61, "power_w": 402.5, "throttle": ["software power cap", "idle"]}
    row = measurement(0, Setup(device="cuda"))
    runs = tuple(replace(run, conditions={"before": {"gpu": gpu}, "after": {}}) for run in row.processes)
    values = values_of(measured([replace(row, processes=runs)]))
    clock, *_ = values.conditions
    assert (clock.what, clock.low, clock.high, clock.middle) == ("GPU clock (MHz)", "1,980", "1,980", "1,980")
    assert values.throttled == ["software power cap"]
    (load,) = values_of(four()).conditions
    assert (load.low, load.high) == ("0.12", "1.75")
