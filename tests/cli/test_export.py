from __future__ import annotations

import csv
import io
import json
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import Result

from scalesearch.export import handover
from scalesearch.export.formats import FORMATS, ONNX_PACKAGES, missing_onnx
from scalesearch.export.state import read_state, write_state
from scalesearch.networks.baselines import published_family
from scalesearch.networks.build import build
from scalesearch.networks.spec import ArchSpec, CodeSpec

SMALL = "efficientnet-b0:0.1,0.1,0.15"
QUICK = ("--untrained", "--to=safetensors")


@pytest.fixture
def trained(finished_run: Path, tmp_path: Path) -> Path:
    """A whole run of this test's own."""
    return Path(shutil.copytree(finished_run, tmp_path / "mine"))


def _candidates(folder: Path) -> list[dict[str, str]]:
    with (folder / "candidates.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["status"] == "completed"]


@pytest.mark.parametrize(
    "formats", [("safetensors", "python"), pytest.param(tuple(FORMATS), marks=pytest.mark.slow)], ids=len
)
def test_the_highest_mean_of_a_run(
    formats: tuple[str, ...],
    trained: Path,
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    options = [] if len(formats) == len(FORMATS) else [f"--to={','.join(formats)}"]
    result = run("export", trained, "--format=csv", *options)
    assert result.exit_code == 0, result.output
    highest = max(_candidates(trained), key=lambda row: (float(row["top1"]), -float(row["macs"])))
    folder = Path("exports") / f"mine-{highest['key']}-seed0"
    assert {path.name for path in folder.iterdir()} == {"spec.json", *(FORMATS[name] for name in formats)}
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["format"], row["check"]) for row in rows] == [(name, "passed") for name in formats]
    assert all(float(row["difference"]) <= float(row["bound"]) for row in rows)
    assert [Path(row["file"]).stat().st_size for row in rows] == [int(row["bytes"]) for row in rows]

    # What a user does with it: the spec and the weights, without the run.
    spec = json.loads((folder / "spec.json").read_text())
    arch = ArchSpec.from_dict(spec["arch"])
    assert arch.key == highest["key"]
    assert spec["facts"]["top1"] == pytest.approx(float(highest["top1"]))
    kept = trained / "weights" / f"{highest['key']}-seed0.safetensors"
    assert (folder / "network.safetensors").read_bytes() == kept.read_bytes()
    network = build(arch)
    network.load_state_dict(read_state(kept).tensors)
    images = torch.randn(4, 3, arch.resolution, arch.resolution)
    module = runpy.run_path(str(folder / "network.py"))
    theirs = module["load"](folder / "network.safetensors")
    with torch.inference_mode():
        torch.testing.assert_close(theirs(images), network.eval()(images), rtol=1e-5, atol=1e-6)
    assert module["CLASS_NAMES"] == tuple(spec["facts"]["classes"])
    assert module["MEAN"] == (0.485, 0.456, 0.406)

    again = run("export", trained, "--to=python")
    assert again.exit_code == 0, again.output
    assert f"Spec: {folder / 'spec.json'}" in again.output


@pytest.mark.parametrize("named", ["option", "colon"])
def test_a_candidate_by_the_first_letters_of_its_key(
    trained: Path, run: Callable[..., Result], tmp_path: Path, named: str
) -> None:
    last = min(_candidates(trained), key=lambda row: float(row["top1"]))
    source = (
        [f"{trained}:{last['key'][:6]}"] if named == "colon" else [trained, f"--candidate={last['key'][:6]}"]
    )
    result = run("export", *source, "--to=safetensors", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 0, result.output
    assert read_state(tmp_path / "out" / "network.safetensors").arch.key == last["key"]


def test_the_best_seed_unless_another_is_asked_for(
    trained: Path, run: Callable[..., Result], tmp_path: Path
) -> None:
    (file,) = (trained / "weights").glob(f"{_highest(trained)}-seed0.safetensors")
    state = read_state(file)
    for seed, top1 in ((1, 0.9), (2, 0.1)):
        handover.write_state(
            file.with_name(f"{_highest(trained)}-seed{seed}.safetensors"),
            state.arch,
            state.tensors,
            {**state.facts, "top1": top1, "seed": seed},
        )
    for asked, expected in ((None, 1), (2, 2)):
        out = tmp_path / f"out{expected}"
        options = [] if asked is None else [f"--seed={asked}"]
        result = run("export", trained, "--to=safetensors", f"--out={out}", *options)
        assert result.exit_code == 0, result.output
        assert read_state(out / "network.safetensors").facts["seed"] == expected


def test_a_file_of_weights(trained: Path, run: Callable[..., Result], tmp_path: Path) -> None:
    file = trained / "weights" / f"{_highest(trained)}-seed0.safetensors"
    result = run("export", file, "--to=safetensors", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "network.safetensors").read_bytes() == file.read_bytes()
    result = run("export", file, "--seed=1", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: SOURCE must be a run's folder or a network for --untrained, --candidate and --seed, got the "
        f"weights {file}\n"
    )
    file.write_bytes(file.read_bytes()[:-4])
    result = run("export", file, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {file} is no whole safetensors file: ")
    assert result.stderr.count("\n") == 1


def test_code_that_a_file_names_is_not_run(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("trap_export.py").write_text("from pathlib import Path\nPath('was-run').touch()\n", encoding="utf-8")
    target = "trap_export:build"
    spec = CodeSpec(name="x", target=target, resolution=16)
    write_state(Path("w.safetensors"), spec, {"w": torch.zeros(1)}, {})
    result = run("export", "w.safetensors", "--to=safetensors", "--out=out")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: SOURCE must be the run's folder for weights of your own code, got w.safetensors with those of "
        "trap_export:build: no code that a file names is run\n"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"trap_export.py", "w.safetensors"}


def _highest(folder: Path) -> str:
    best = max(_candidates(folder), key=lambda row: (float(row["top1"]), -float(row["macs"])))
    return best["key"]


def test_untrained_networks_are_the_same_for_the_same_seed(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        result = run("export", SMALL, *QUICK, f"--seed={seed}", f"--out={tmp_path / name}")
        assert result.exit_code == 0, result.output
    a, b, c = ((tmp_path / name / "network.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    facts = read_state(tmp_path / "c" / "network.safetensors").facts
    assert facts["untrained"] is True
    assert facts["seed"] == 1
    assert "top1" not in facts


def test_a_published_network_by_its_name(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("export", "b0", "--untrained", "--to=python", f"--out={tmp_path / 'out'}", "--format=json")
    assert result.exit_code == 0, result.output
    assert [row["format"] for row in json.loads(result.stdout)] == ["safetensors", "python"]
    spec = json.loads((tmp_path / "out" / "spec.json").read_text())
    assert ArchSpec.from_dict(spec["arch"]) == published_family()["b0"].arch()
    assert spec["name"] == "efficientnet-b0-untrained"


def test_a_candidate_whose_weights_were_not_kept(
    trained: Path, run: Callable[..., Result], tmp_path: Path
) -> None:
    shutil.rmtree(trained / "weights")
    result = run("export", trained, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: SOURCE must be a run that keeps the weights of network {_highest(trained)}, got {trained}, "
        "which has none: it was not trained to its end, or without --keep-weights, or was committed without "
        "them; --untrained exports it "
        "with random ones\n"
    )
    assert not (tmp_path / "out").exists()
    result = run("export", trained, *QUICK, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 0, result.output
    assert read_state(tmp_path / "out" / "network.safetensors").arch.key == _highest(trained)


def test_another_export_is_never_overwritten(run: Callable[..., Result], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("export", SMALL, *QUICK, f"--out={out}").exit_code == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    result = run("export", SMALL, *QUICK, f"--out={out}", "--seed=1")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: --out must be a folder without an export of another network or other weights, got "
        f"{out}; choose another folder\n"
    )
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    (out / "spec.json").unlink()
    result = run("export", SMALL, *QUICK, f"--out={out}")
    assert result.exit_code == 2
    assert result.stderr == f"Error: --out must be a new or empty folder, or one of this export, got {out}\n"
    (out / "spec.json").write_text("{")
    result = run("export", SMALL, *QUICK, f"--out={out}")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        f"Error: --out must be a folder whose spec.json can be read, got {out}: Expecting property name"
    )


@pytest.mark.parametrize("fault", ["differs", "raises", "not finite", "shape"])
@pytest.mark.slow
def test_a_check_that_fails_is_exit_code_1(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def wrong(path: Path, images: torch.Tensor) -> torch.Tensor:
        if fault == "raises":
            raise RuntimeError("it does\nnot run")
        if fault == "shape":
            return torch.zeros(1)
        logits = handover.read_state(path.with_name("network.safetensors")).network()(images).detach()
        return logits + (1 if fault == "differs" else float("nan"))

    monkeypatch.setattr(handover, "run_program", wrong)
    out = tmp_path / "out"
    result = run("export", SMALL, "--untrained", "--to=program,safetensors", f"--out={out}", "--format=csv")
    assert result.exit_code == 1
    assert result.stderr.endswith(f"Error: program did not pass: what {out} holds of it is not to be used\n")
    checks = {row["format"]: row["check"] for row in csv.DictReader(io.StringIO(result.stdout))}
    assert checks == {
        "program": {
            "differs": "differs",
            "raises": "it does not run",
            "not finite": "gives numbers that are not finite",
            "shape": "gives (1,) for (1, 1000)",
        }[fault],
        "safetensors": "passed",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["b3"],
            "SOURCE must be a run's folder for weights that were trained, got 'b3', of which there are none; "
            "--untrained exports it with random ones",
        ),
        (["b3", "--candidate=abc"], "SOURCE must be a run's folder for --candidate, got 'b3'"),
        (["b3@batch=2", "--untrained"], "SOURCE must be a network without a setup after @, got 'b3@batch=2'"),
        (
            ["b3", "--to=onnx,tflite"],
            "--to must be one or more of onnx, program, safetensors, python, each once, with commas between "
            "them, got 'onnx,tflite'",
        ),
        (["b3", "--batch-size=0"], "--batch-size must be a whole number >= 1, got 0"),
        (["b3", "--opset=9"], "--opset must be a whole number from 18 to 23, got 9"),
        (
            ["b0..b3", "--untrained"],
            "SOURCE must be one network, got 'b0..b3', which is 4: efficientnet-b0, efficientnet-b1, "
            "efficientnet-b2, ...",
        ),
    ],
)
def test_bad_input_is_one_line(run: Callable[..., Result], arguments: list[str], message: str) -> None:
    result = run("export", *arguments)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {message}\n"


def test_a_source_that_is_nothing_is_told_what_there_is(run: Callable[..., Result]) -> None:
    result = run("export", "resnet50", "--untrained")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: SOURCE must be a network that scalesearch describe lists, ")
    assert result.stderr.endswith("got 'resnet50'; did you mean resnet-50 or resnet-34 or resnet-18?\n")


def test_a_key_that_no_candidate_has(trained: Path, run: Callable[..., Result]) -> None:
    result = run("export", trained, "--candidate=zz")
    assert result.exit_code == 2
    assert "by the first letters of its key" in result.stderr
    assert result.stderr.endswith("got 'zz', which is none of them\n")


@pytest.fixture
def no_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment as `pip install scalesearch` makes it, without the extra."""
    for name in ONNX_PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)


NO_ONNX = "Left out: onnx (it needs packages: pip install 'scalesearch[onnx]')"


@pytest.mark.usefixtures("no_onnx")
def test_onnx_asked_for_without_its_packages(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("export", SMALL, "--untrained", "--to=onnx,safetensors", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: ONNX needs packages that are not installed (onnx, onnxruntime, onnxscript): "
        "pip install 'scalesearch[onnx]', or leave onnx out of --to\n"
    )
    assert not (tmp_path / "out").exists()
    assert run("export", SMALL, *QUICK, f"--out={tmp_path / 'out'}").exit_code == 0


@pytest.mark.usefixtures("no_onnx")
@pytest.mark.parametrize(
    ("source", "formats", "left_out"),
    [
        (SMALL, ["program", "safetensors", "python"], NO_ONNX),
        (
            "resnet-18:0.1,0.1,0.1",
            ["program", "safetensors"],
            f"{NO_ONNX}; python (it is not written of other blocks than EfficientNet's)",
        ),
    ],
)
def test_without_to_what_can_be_written_is_and_the_rest_is_named(
    run: Callable[..., Result], tmp_path: Path, source: str, formats: list[str], left_out: str
) -> None:
    out = tmp_path / "out"
    result = run("export", source, "--untrained", f"--out={out}", "--format=csv")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["format"], row["check"]) for row in rows] == [(name, "passed") for name in formats]
    assert {path.name for path in out.iterdir()} == {"spec.json", *(FORMATS[name] for name in formats)}
    assert result.stderr.splitlines()[-1] == left_out


def test_packages_that_are_there_and_do_not_load_are_as_good_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of another numpy, one whose library is gone, a mere folder of the name."""
    (tmp_path / "onnx.py").write_text("raise ImportError('numpy.core.multiarray failed to import')\n")
    (tmp_path / "onnxruntime.py").write_text("raise OSError('libgomp.so.1: cannot open shared object')\n")
    (tmp_path / "onnxscript").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    for name in ONNX_PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)  # so that what is imported here is forgotten afterwards
        del sys.modules[name]
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert missing_onnx() == ONNX_PACKAGES


def test_python_asked_for_of_another_network_is_refused_before_anything_is_written(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    result = run("export", "resnet-18:0.1,0.1,0.1", "--untrained", "--to=python", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: --to must be other than python for a network with other blocks")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_onnx")
def test_a_network_that_cannot_be_traced_is_exported_without_its_graph(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("a branch\non a value")

    monkeypatch.setattr(handover, "write_program", refuse)
    out = tmp_path / "out"
    result = run("export", SMALL, "--untrained", f"--out={out}", "--format=csv")
    assert result.exit_code == 0, result.output
    assert [row["format"] for row in csv.DictReader(io.StringIO(result.stdout))] == ["safetensors", "python"]
    assert result.stderr.splitlines()[-1] == (
        f"{NO_ONNX}; program (it can't be written of this network: a branch on a value)"
    )
    asked = run("export", SMALL, "--untrained", f"--out={out}", "--format=csv", "--to=program")
    assert asked.exit_code == 1
    assert [row["check"] for row in csv.DictReader(io.StringIO(asked.stdout))] == ["a branch on a value"]


def test_a_folder_that_cannot_be_written(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("export", SMALL, *QUICK, f"--out={tmp_path / 'file' / 'out'}")
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: --out must be a writable folder, got {tmp_path / 'file' / 'out'}: Not a directory\n"
    )
