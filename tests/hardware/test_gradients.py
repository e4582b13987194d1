from __future__ import annotations

import pytest
import torch

from scalesearch.hardware import gradients
from scalesearch.hardware.gradients import disagreement, gradients_on, require_right_gradients

CPU = torch.device("cpu")


def test_a_device_agrees_with_itself() -> None:
    state = torch.get_rng_state()
    first = gradients_on(CPU)
    assert disagreement(first, gradients_on(CPU)) == ""
    assert torch.equal(torch.get_rng_state(), state)
    assert {"the loss", "stem.1.weight", "body.3.weight", "classifier.bias"} <= first.keys()
    assert all(float(value.abs().max()) > 1e-4 for value in first.values())
    require_right_gradients(CPU)


def test_sums_in_another_order_are_no_disagreement() -> None:
    right = gradients_on(CPU)
    assert disagreement(right, {name: value * (1 + 1e-4) for name, value in right.items()}) == ""


@pytest.mark.parametrize(
    ("name", "factor", "share"),
    [("stem.1.weight", 1.5, "50%"), ("body.1.bias", 0.0, "100%"), ("the loss", float("nan"), "nan%")],
)
def test_a_wrong_gradient_refuses_the_device(
    name: str, factor: float, share: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = gradients_on(CPU)
    doctored = right | {name: right[name] * factor}
    monkeypatch.setattr(gradients, "gradients_on", lambda device: right if device == CPU else doctored)
    with pytest.raises(ValueError) as error:
        require_right_gradients(torch.device("mps"))
    assert str(error.value) == (
        "`device` must compute gradients as the CPU does, got 'mps', where in a small network "
        f"{name} is off by {share} of its largest entry: train on cpu, or with another release of torch than "
        f"{torch.__version__}"
    )


def test_a_device_that_cannot_train_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    right = gradients_on(CPU)

    def broken(device: torch.device) -> dict[str, torch.Tensor]:
        if device == CPU:
            return right
        raise RuntimeError("MPS backend out of memory\nand more")

    monkeypatch.setattr(gradients, "gradients_on", broken)
    with pytest.raises(ValueError) as error:
        require_right_gradients(torch.device("mps"))
    assert str(error.value).startswith(
        "`device` must be one that torch can train on, got 'mps', on which a small network raised "
    )
    assert "\n" not in str(error.value)
    assert "MPS backend out of memory" in str(error.value)


def test_a_gradient_that_is_missing_is_wrong() -> None:
    right = gradients_on(CPU)
    assert disagreement(right, {name: v for name, v in right.items() if name != "stem.0.weight"}) == (
        "stem.0.weight is off by inf% of its largest entry"
    )


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="torch sees no accelerator")
@pytest.mark.gpu
def test_this_machines_accelerator() -> None:
    accelerator = torch.accelerator.current_accelerator()
    assert accelerator is not None
    require_right_gradients(accelerator)
