from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w

from scalesearch.commands.measure.subjects import Base, Subject, parse_subject, parse_subjects
from scalesearch.networks.baselines import (
    BASELINES,
    EFFICIENTNET_B0,
    chosen_baseline,
    network_toml,
    published_family,
)
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.records.timings import Setup
from scalesearch.scaling import Multipliers

PROXY_RUN = """
[run]
kind = "grid"
classes = 18

[grid]
channel_divisor = 8
min_kept_fraction = 0.9
repeats_rule = "ceil"
resolution_multiple = 1
baseline = "efficientnet-b0"
baseline_width = 0.25
baseline_resolution = 48
baseline_channel_divisor = 2
"""
ROWS = (
    {"key": "8492a4d39c88", "depth": "1.0", "width": "1.0", "resolution": "67", "params": "299975",
     "macs": "4271248", "status": "completed", "top1": "0.62"},
    {"key": "84ffffffffff", "depth": "1.4", "width": "1.0", "resolution": "57", "status": "completed",
     "top1": "0.6", "params": "", "macs": ""},
    {"key": "aa", "depth": "2.0", "width": "1.0", "resolution": "48", "status": "skipped", "top1": "",
     "params": "", "macs": ""},
)  # fmt: skip


def _table(folder: Path, rows: tuple[dict[str, str], ...] = ROWS, name: str = "candidates.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = _table(tmp_path / "run")
    (folder / "run.toml").write_text(PROXY_RUN)
    return folder


def test_a_file_that_is_no_network_is_called_what_the_command_does(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('name = "bad"\n')
    for argument in ("network", "compare"):
        with pytest.raises(ValueError) as error:
            parse_subjects([str(path)], argument=argument)
        assert str(error.value).startswith(f"`{argument}` must describe a network, got {path}: ")


def test_a_range_names_the_published_family_in_order() -> None:
    subjects = parse_subjects(["b0..b7"])
    assert [s.name for s in subjects] == [f"efficientnet-b{i}" for i in range(8)]
    assert [s.arch for s in subjects] == [n.arch() for n in published_family().values()][:8]


def test_each_network_is_named_once_whatever_it_is_called() -> None:
    names = [s.name for s in parse_subjects(["b1", "efficientnet-b0", "b0..b2", "b0", "l2"])]
    assert names == ["efficientnet-b1", "efficientnet-b0", "efficientnet-b2", "efficientnet-l2"]


def test_a_network_may_come_again_in_another_setup() -> None:
    plain, changed = parse_subjects(["b0", "b0@dtype=bf16,batch=8,runtime=compile,channels_last=no"])
    assert plain.setup(Setup()) == Setup()
    assert changed.setup(Setup(threads=2)) == Setup(
        dtype="bfloat16", batch_size=8, runtime="compile", channels_last=False, threads=2
    )
    assert Subject.from_dict(changed.to_dict()) == changed


def test_multipliers_scale_the_baseline_by_the_rounding_asked_for() -> None:
    rules = {"channel_divisor": 4, "repeats_rule": "floor"}
    rounding = Rounding(channel_divisor=4, repeats_rule="floor")
    subject = parse_subject("efficientnet-b0:1.2,1.1,1.15", Base(rules=rules))
    expected = scale(EFFICIENTNET_B0, Multipliers(depth=1.2, width=1.1, resolution=1.15), rounding)
    assert subject.arch.key == expected.key
    assert subject.name == subject.arch.name == "efficientnet-b0-d1.2-w1.1-r258"


def test_a_run_is_rebuilt_as_it_was_trained(run_folder: Path) -> None:
    # The proxy of the committed run: a quarter of the width, 48 px, 18 classes.
    first, second = parse_subjects([str(run_folder)])  # what was skipped is not among them
    assert first.arch.key == "8492a4d39c88"
    assert (count(first.arch).params, count(first.arch).macs) == (299975, 4271248)
    assert (second.arch.blocks, second.arch.resolution, second.arch.classes) == (26, 57, 18)
    assert first.name == "efficientnet-b0x0.25-d1-w1-r67"


@pytest.mark.parametrize("wanted", ["8492", "highest", "winner"])
def test_one_network_of_a_run(run_folder: Path, wanted: str) -> None:
    assert parse_subject(f"{run_folder}:{wanted}").arch.key == "8492a4d39c88"
    assert parse_subject(f"{run_folder / 'candidates.csv'}:{wanted}@batch=8").changes == {"batch_size": 8}


def test_of_equally_high_means_the_cheaper_is_named(tmp_path: Path) -> None:
    rows = tuple(
        {
            "key": key,
            "depth": depth,
            "width": "1",
            "resolution": "32",
            "status": status,
            "top1": top1,
            "macs": "",
        }
        for key, depth, status, top1 in (
            ("a", "2", "completed", ".5"),
            ("b", "1", "completed", ".5"),
            ("c", "3", "pruned", ".9"),
        )
    )
    made = {row["key"]: count(Base().scaled(float(row["depth"]), 1.0, 32)[1]).macs for row in rows}
    folder = _table(tmp_path / "run", tuple(row | {"macs": str(made[row["key"]])} for row in rows))
    assert parse_subject(f"{folder}:highest").name == "efficientnet-b0-d1-w1-r32"


def test_a_family_without_a_run_is_rebuilt_from_the_base(tmp_path: Path) -> None:
    base = Base(width=0.5, resolution=64)
    arch = base.scaled(1.2, 1.1, 74)[1]
    rows = (
        {"phi": "0.0", "depth": "1.0", "width": "1.0", "resolution": "64", "params": ""},
        {"phi": "1.0", "depth": "1.2", "width": "1.1", "resolution": "74", "params": str(count(arch).params)},
    )
    folder = _table(tmp_path / "family", rows, "family.csv")
    assert [s.arch.key for s in parse_subjects([str(folder)], base)] == [base.arch.key, arch.key]
    assert parse_subject(f"{folder}:phi=1", base).arch.key == arch.key


def test_networks_of_one_name_are_told_apart_by_their_keys(tmp_path: Path) -> None:
    widths = ("1.50001", "1.49999", "1.60001", "1.60002")
    rows = tuple({"depth": "1", "width": width, "resolution": "32"} for width in widths)
    subjects = parse_subjects([str(_table(tmp_path / "run", rows))])
    # The first two round to different networks, the last two to one.
    one, other, last = subjects
    assert one.name == f"efficientnet-b0-d1-w1.5-r32-{one.arch.key[:6]}"
    assert other.name == f"efficientnet-b0-d1-w1.5-r32-{other.arch.key[:6]}"
    assert last.name == "efficientnet-b0-d1-w1.6-r32"


def test_a_folder_may_have_the_sign_of_a_setup_in_its_name(tmp_path: Path) -> None:
    folder = _table(tmp_path / "run@home", ({"depth": "1", "width": "1", "resolution": "32"},))
    assert parse_subject(str(folder)).changes == {}
    assert parse_subject(f"{folder}@threads=2").changes == {"threads": 2}


def test_lite_has_names_and_ranges_too() -> None:
    names = [f"efficientnet-lite{number}" for number in range(5)]
    assert [s.name for s in parse_subjects(["lite0..lite4"])] == names
    assert parse_subject("Lite3").arch == parse_subject("efficientnet-lite3").arch
    # What the family begins with is the baseline itself.
    assert parse_subject("lite0").arch == BASELINES["efficientnet-lite0"]
    with pytest.raises(ValueError, match="got 'b0..lite3'"):
        parse_subjects(["b0..lite3"])


SHORT = "`network` must be"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "b9",
            f"{SHORT} a network that scalesearch describe lists, a range such as b0..b7, a baseline with "
            "multipliers such as efficientnet-b0:1.2,1.1,1.15, a .toml file or package.module:function with or "
            "without them, a family or candidates file, or a run's folder, got 'b9'; did you mean b8 or b7 or b6?",
        ),
        (
            "b7..b0",
            f"{SHORT} a rising range of published networks such as b0..b7, got 'b7..b0'; published are b0, b1, b2, "
            "b3, b4, b5, b6, b7, b8, l2, lite0, lite1, lite2, lite3, lite4",
        ),
        (
            "efficientnet-b0:1.2,0,1",
            f"{SHORT} a baseline with three multipliers > 0, of depth, width and resolution, such as "
            "efficientnet-b0:1.2,1.1,1.15, got 'efficientnet-b0:1.2,0,1': width must be > 0, got 0.0",
        ),
        ("b0@batch=0", "`network` must have a whole number >= 1 as batch after @, got 'batch=0'"),
        ("b0@dtype=int8", "`network` must have one of fp32, bf16, fp16 as dtype after @, got 'dtype=int8'"),
        (
            "b0@runtime=tvm",
            "`network` must have one of eager, graph, compile, onnxruntime as runtime after @, got 'runtime=tvm'",
        ),
        (
            "b0@",
            "`network` must be followed by one of dtype=, batch=, runtime=, mode=, threads=, channels_last=, device= "
            "after @, got ''",
        ),
    ],
)
def test_what_names_no_network_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_subjects([text])
    assert str(error.value) == message


def test_a_huge_range_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="rising range of published networks"):
        parse_subjects(["b0..b99999999999999"])


def test_one_network_alone_is_asked_for() -> None:
    with pytest.raises(ValueError) as error:
        parse_subject("b0..b7", argument="source")
    assert str(error.value) == (
        "`source` must be one network, got 'b0..b7', which is 8: efficientnet-b0, efficientnet-b1, efficientnet-b2, ..."
    )


def test_a_rebuilt_network_must_be_the_rows(run_folder: Path) -> None:
    (run_folder / "run.toml").unlink()
    with pytest.raises(ValueError) as error:
        parse_subjects([str(run_folder)])
    made = count(Base().scaled(1.0, 1.0, 67)[1]).params
    assert str(error.value) == (
        "`network` must be a table whose networks --baseline, --baseline-width, --baseline-resolution and the rounding "
        f"options make again, got {run_folder / 'candidates.csv'}: depth 1.0, width 1.0 at 67 px has 299,975 params "
        f"there and {made:,} rebuilt from efficientnet-b0"
    )


def test_a_network_of_a_run_must_be_named_clearly(run_folder: Path) -> None:
    table = run_folder / "candidates.csv"
    named = (
        f"`network` must name one network of {table} by the first letters of its key (8492a4d39c88, 84ffffffffff, aa) "
        "or as highest, got "
    )
    for wanted, which in (("84", "'84', which is 2 of them"), ("zz", "'zz', which is none of them")):
        with pytest.raises(ValueError) as error:
            parse_subject(f"{run_folder}:{wanted}")
        assert str(error.value) == named + which


def test_tables_that_hold_no_networks_are_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("empty").mkdir()
    with pytest.raises(ValueError) as error:
        parse_subjects([str(tmp_path / "empty")])
    assert str(error.value) == (
        "`network` must be a run's folder with one of candidates.csv, trials.csv, sweep.csv, trained.csv, family.csv, got "
        f"{tmp_path / 'empty'}, which has none"
    )
    other = tmp_path / "other.csv"
    other.write_text("depth,macs\n1,2\n")
    with pytest.raises(ValueError) as error:
        parse_subjects([str(other)])
    assert str(error.value) == (
        f"`network` must be a table with columns depth, width, resolution, got {other} without width, resolution"
    )
    other.write_text("depth,width,resolution\n")
    with pytest.raises(ValueError) as error:
        parse_subjects([str(other)])
    assert str(error.value) == f"`network` must be a table with at least one network, got {other} with none"
    other.write_text("depth,width,resolution\n1,many,3\n")
    with pytest.raises(ValueError, match="a table of networks that can be built"):
        parse_subjects([str(other)])


@pytest.mark.parametrize("arch", [EFFICIENTNET_B0])
def test_a_subject_comes_back_from_plain_data(arch: ArchSpec) -> None:
    subject = Subject(name="it", arch=arch, changes={"threads": 3})
    assert Subject.from_dict(subject.to_dict()) == subject


def test_a_base_may_be_a_network_that_is_not_built_in() -> None:
    mine = replace(BASELINES["resnet-18"], name="mine", classes=5)
    base = Base(baseline="mine", given=mine, stem_stride=1, width=0.5, resolution=32, resolution_width=48)
    assert (base.arch.stem_stride, base.arch.stem_pool, base.arch.input_size) == (1, False, (32, 48))
    assert base.arch.stages[0].channels == 32


def test_a_run_of_a_network_from_a_file_is_rebuilt_from_what_it_kept(tmp_path: Path) -> None:
    mine = replace(BASELINES["resnet-18"], name="mine", resolution=32)
    kept = {
        **{"baseline": "mine", "baseline_arch": mine.to_dict(), "stem_stride": 1, "baseline_width": 1.0},
        **{"baseline_resolution": 32, "baseline_channel_divisor": 8, "min_kept_fraction": 0.9},
        **{"repeats_rule": "ceil", "resolution_multiple": 1},
    }
    (tmp_path / "run.toml").write_text(tomli_w.dumps({"run": {"kind": "grid", "classes": 7}, "grid": kept}))
    small = replace(chosen_baseline("mine", mine, 1), classes=7)
    cost = count(small)
    row = {
        "key": small.key,
        "depth": 1,
        "width": 1,
        "resolution": 32,
        "params": cost.params,
        "macs": cost.macs,
    }
    with (tmp_path / "candidates.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        writer.writeheader()
        writer.writerow(row)
    (subject,) = parse_subjects([str(tmp_path)])
    assert subject.arch.key == small.key


def test_a_network_of_ones_own_is_a_subject_too(tmp_path: Path) -> None:
    file = tmp_path / "my_net.toml"
    file.write_text(network_toml(replace(BASELINES["mobilenet-v2"], name="my_net", classes=7)))
    plain, wide = parse_subjects([str(file), f"{file}:1,1.5,1@threads=2"])
    assert plain.name == "my_net"
    assert plain.arch == replace(BASELINES["mobilenet-v2"], name="my_net", classes=7)
    assert wide.arch.stages[3].channels == 96
    assert wide.changes == {"threads": 2}
    with pytest.raises(ValueError, match=r"got 'no/such/place', which is not there$"):
        parse_subjects(["no/such/place"])
