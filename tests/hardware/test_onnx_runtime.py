from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scalesearch.hardware.timing import (
    ensure_onnx,
    onnx_pass,
    own_randomness,
    require_onnx_runtime,
    time_network,
)
from scalesearch.networks.build import build
from scalesearch.networks.spec import ArchSpec, StageSpec
from scalesearch.records.timings import Setup

pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

TINY = ArchSpec(
    name="tiny",
    stem_channels=4,
    stages=(StageSpec(expand_ratio=2, kernel_size=3, stride=1, channels=4, repeats=1),),
    head_channels=8,
    resolution=9,
    classes=3,
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    ensure_onnx(TINY, Setup(runtime="onnxruntime"), path)
    return path


def test_it_computes_what_torch_computes(model: Path) -> None:
    setup = Setup(runtime="onnxruntime", batch_size=3)
    with own_randomness(setup):
        (logits,) = onnx_pass(TINY, setup, CPU, model)()
    with own_randomness(setup), torch.inference_mode():
        images = torch.empty(3, 3, 9, 9).normal_()
        torch.manual_seed(0)
        expected = build(TINY).eval()(images)
    np.testing.assert_allclose(logits, expected.numpy(), atol=1e-5)


def test_samples_of_any_batch_from_one_file(model: Path) -> None:
    before = model.read_bytes()
    for size in (1, 4):
        setup = Setup(runtime="onnxruntime", batch_size=size)
        samples = time_network(TINY, setup, min_run_time_s=0.01, onnx_path=model)
        assert len(samples) >= 5
        assert all(sample > 0 for sample in samples)
    assert model.read_bytes() == before


def test_the_session_keeps_to_its_threads(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    seen: list[tuple[Any, ...]] = []
    session = onnxruntime.InferenceSession

    def watched(path: str, options: Any, providers: list[str]) -> Any:
        seen.append((options.intra_op_num_threads, options.inter_op_num_threads, providers))
        return session(path, options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", watched)
    onnx_pass(TINY, Setup(runtime="onnxruntime", threads=2), CPU, model)
    assert seen == [(2, 1, ["CPUExecutionProvider"])]


def test_a_file_of_another_network_is_refused(model: Path) -> None:
    half = Setup(runtime="onnxruntime", dtype="float16", batch_size=2)
    with pytest.raises(ValueError) as error:
        onnx_pass(TINY, half, CPU, model)
    assert str(error.value) == (
        "`onnx_path` must take float16 images of [2, 3, 9, 9], got tiny.onnx with float32 of ['batch', 3, 9, 9]"
    )


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError) as error:
        time_network(TINY, Setup(runtime="onnxruntime"))
    assert str(error.value) == (
        "`runtime` must be one that is installed, got 'onnxruntime': pip install 'scalesearch[onnx]'"
    )


def test_a_build_for_the_cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ValueError) as error:
        require_onnx_runtime("cuda:1")
    assert str(error.value) == (
        "`runtime` must be one that can use cuda:1, got 'onnxruntime' without CUDA: pip install onnxruntime-gpu"
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_on_a_gpu(model: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("onnxruntime is built for the CPU alone")
    setup = Setup(runtime="onnxruntime", batch_size=4, device="cuda")
    assert len(time_network(TINY, setup, min_run_time_s=0.05, onnx_path=model)) >= 5
