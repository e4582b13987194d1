from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from scalesearch.export.handover import run_onnx, write_onnx
from scalesearch.networks.spec import ArchSpec


@pytest.mark.parametrize(
    "batch_size", [None, *(pytest.param(size, marks=pytest.mark.slow) for size in (1, 3))]
)
def test_onnx_runtime_gives_torchs_output(
    network: nn.Module, arch: ArchSpec, tmp_path: Path, batch_size: int | None
) -> None:
    path = tmp_path / "deep" / "tiny.onnx"
    before = {name: value.clone() for name, value in network.state_dict().items()}
    write_onnx(network, arch, path, batch_size=batch_size)
    assert network.training, "the network is left as it was"
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert list(path.parent.iterdir()) == [path]
    network.eval()
    for size in (1, 2, 5) if batch_size is None else (batch_size,):
        images = torch.randn(size, 3, 17, 17)
        expected = network(images).detach()
        assert expected.std() > 1e-4
        torch.testing.assert_close(run_onnx(path, images), expected, rtol=1e-4, atol=1e-6)


def test_half_precision_is_half_all_through(network: nn.Module, arch: ArchSpec, tmp_path: Path) -> None:
    write_onnx(network, arch, tmp_path / "half.onnx", dtype="float16", opset=18)
    images = torch.randn(2, 3, 17, 17)
    got = run_onnx(tmp_path / "half.onnx", images.half())
    assert got.dtype == torch.float16
    torch.testing.assert_close(got.float(), network.eval()(images).detach(), rtol=0.05, atol=0.01)
    import onnx

    assert onnx.load(tmp_path / "half.onnx").opset_import[0].version == 18


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int8"}, "`dtype` must be one of float32, float16, bfloat16, got 'int8'"),
        ({"batch_size": 0}, "`batch_size` must be >= 1, got 0"),
        ({"opset": 9}, "`opset` must be from 18 to 23, got 9"),
    ],
)
def test_bad_values_are_named(
    network: nn.Module, arch: ArchSpec, tmp_path: Path, options: dict, message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        write_onnx(network, arch, tmp_path / "x.onnx", **options)
    assert str(caught.value) == message
    assert not (tmp_path / "x.onnx").exists()


def test_missing_packages_are_named(network: nn.Module, arch: ArchSpec, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ValueError) as caught:
        write_onnx(network, arch, tmp_path / "x.onnx")
    assert str(caught.value) == (
        "ONNX needs packages that are not installed (onnxscript): pip install 'scalesearch[onnx]'"
    )


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    import onnx

    path = tmp_path / "empty.onnx"
    path.write_bytes(onnx.ModelProto().SerializeToString())
    with pytest.raises(ValueError, match="is no valid ONNX model: "):
        run_onnx(path, torch.zeros(1, 3, 17, 17))
