"""A step replayed from a graph is the step itself: shown with a stand-in that runs what it recorded on a CPU."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Multipliers
from scalesearch.training import loop as training
from scalesearch.training.images import Examples, ImageSource, statistics
from scalesearch.training.loop import ProxyResult, Training
from scalesearch.training.recipe import RECIPES, ProxyRecipe
from scalesearch.training.step import Normalise, Step, UncapturableError
from tests.conftest import slow_but

CPU = torch.device("cpu")
BASE = scale(EFFICIENTNET_B0, Multipliers(width=0.125), Rounding(channel_divisor=1), resolution=16)
ARCH = replace(BASE, stages=BASE.stages[:1], classes=2)
SHORT = replace(RECIPES["steady"], images=160, batch_size=4, looks=2)
RECIPES_CAPTURED = {
    "adamw, average": SHORT,
    "sgd, two passes": replace(SHORT, optimizer="sgd", accumulation=2),
    "rmsprop, exponential": replace(SHORT, optimizer="rmsprop", schedule="exponential", ema_share=0.0),
}


@pytest.fixture(autouse=True)
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever is faster here, nothing is computed in bfloat16."""
    monkeypatch.setattr(training, "GAIN", 0.0)
    monkeypatch.setattr(training, "_WAYS", {})


def _colours(count: int = 24) -> ImageSource:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 20, 20), generator=generator, dtype=torch.uint8)
    images[::2, 0] //= 2
    items = [(image, i % 2) for i, image in enumerate(images)]
    return ImageSource(classes=("red", "blue"), train=Examples(items), held_out=Examples(items[:10]))


COLOURS = _colours()


class Recorded:
    """Stands for a graph: what was captured is not run until it is replayed, and then as often as asked."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    def capture(self, work: Callable[[], None]) -> None:
        self._work = work

    def replay(self) -> None:
        self._work()


class Failing(Recorded):
    """A graph of a step that can't be captured."""

    def capture(self, work: Callable[[], None]) -> None:
        work()
        raise RuntimeError("operation not permitted\nwhen stream is capturing")


class Lost(Recorded):
    """A graph whose replay does only a part of what was captured."""

    def replay(self) -> None:
        """Nothing."""


class Exhausted(Recorded):
    """A graph for which there is no memory."""

    def capture(self, work: Callable[[], None]) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")


def _trained(
    recipe: ProxyRecipe = SHORT,
    graph: Callable[[], Recorded] | None = None,
    checkpoint: Path | None = None,
    until: int | None = None,
    heard: list[str] | None = None,
    arch=ARCH,  # type: ignore[no-untyped-def]
) -> ProxyResult:
    run = Training(
        arch,
        recipe,
        COLOURS,
        dataset="colours",
        device=CPU,
        checkpoint=checkpoint,
        until=until,
        on_eager=pytest.fail if heard is None else heard.append,
        on_restart=pytest.fail,
        new_graph=graph,
    )
    while not run.done:
        run.advance()
    return run.result()


def _same(given: ProxyResult, expected: ProxyResult) -> bool:
    weights = all(torch.equal(given.weights[name], tensor) for name, tensor in expected.weights.items())
    return given.curve == expected.curve and weights


@pytest.mark.parametrize("name", slow_but(("adamw, average", "sgd, two passes"), RECIPES_CAPTURED))
def test_a_run_of_replayed_steps_is_the_eager_run_to_the_bit(name: str, tmp_path: Path) -> None:
    """Warm-up and trial leave nothing behind, neither at the start nor where a run is taken up again."""
    recipe = RECIPES_CAPTURED[name]
    expected = _trained(recipe)
    Recorded.made = 0
    assert _same(_trained(recipe, Recorded), expected)
    assert Recorded.made == 2 * recipe.accumulation  # in float32, and in bfloat16 for its time
    checkpoint = tmp_path / "run.safetensors"
    paused = replace(recipe, looks=4)
    _trained(paused, Recorded, checkpoint, until=20)
    resumed = _trained(paused, Recorded, checkpoint)
    assert resumed.curve[-1] == _trained(paused).curve[-1]


def test_a_step_that_cannot_be_captured_is_run_as_it_stands() -> None:
    heard: list[str] = []
    assert _same(_trained(graph=Failing, heard=heard), _trained())
    assert heard == ["operation not permitted when stream is capturing"]


def test_a_replay_that_does_something_else_is_not_trusted() -> None:
    heard: list[str] = []
    assert _same(_trained(graph=Lost, heard=heard), _trained())
    assert len(heard) == 1
    assert heard[0].startswith("a replayed step gives a loss of 0 and not of 0.")


def test_a_capture_that_fails_between_two_passes_leaves_no_gradients() -> None:
    model = _Odd()
    step = Step(
        model=model,
        network=None,
        optimizer=torch.optim.SGD(model.parameters(), lr=torch.tensor(0.1)),
        average=None,
        batches=_Still(),
        normalise=Normalise(3, CPU, torch.contiguous_format),
        rates=[0.1] * 9,
        shares=[1.0] * 9,
        done=0,
        seed=0,
        passes=2,
        label_smoothing=0.0,
        autocast=None,
        losses=torch.zeros(1),
    )
    with pytest.raises(UncapturableError):
        step.capture(Failing)
    assert not any(parameter.grad.any() for parameter in model.parameters())


def test_a_lack_of_memory_is_told_as_such() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        _trained(graph=Exhausted)


def test_short_runs_are_not_worth_a_capture() -> None:
    Recorded.made = 0
    _trained(replace(SHORT, images=40), Recorded)
    assert Recorded.made == 0


def test_what_is_faster_in_bfloat16_is_trained_in_it_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(training, "GAIN", 1e9)
    checkpoint = tmp_path / "run.safetensors"
    recipe = replace(SHORT, images=320)
    first = _trained(recipe, Recorded, checkpoint, until=160)
    assert first.computed == (("cpu bf16", torch.get_num_threads()),)
    assert first.curve != _trained(recipe, until=160).curve
    # A run goes on in what it was begun with, whatever would be faster now.
    monkeypatch.setattr(training, "GAIN", 0.0)
    monkeypatch.setattr(training, "_WAYS", {})
    assert _trained(recipe, Recorded, checkpoint).computed == first.computed
    assert _trained(SHORT, Recorded).computed == (("cpu", torch.get_num_threads()),)


def test_long_runs_are_compiled_where_that_is_faster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiled: list[nn.Module] = []

    def compile_(model: nn.Module, *, dynamic: bool) -> Callable[[torch.Tensor], torch.Tensor]:
        assert not dynamic
        compiled.append(model)
        return partial(nn.Module.__call__, model)

    monkeypatch.setattr(torch, "compile", compile_)
    monkeypatch.setattr(training, "GAIN", 1e9)
    assert _trained(SHORT, Recorded).computed[0][0] == "cpu bf16"
    assert not compiled  # it is over in a second
    monkeypatch.setattr(training, "_WAYS", {})
    monkeypatch.setattr(training, "COMPILED_FROM_S", 0.0)
    checkpoint = tmp_path / "run.safetensors"
    recipe = replace(SHORT, images=320)
    first = _trained(recipe, Recorded, checkpoint, until=160)
    assert first.computed[0][0] == "cpu bf16 compiled"
    assert len(compiled) == 1
    assert _trained(recipe, Recorded, checkpoint).computed == first.computed
    assert len(compiled) == 2


def test_what_cannot_be_compiled_is_captured_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_(_model: nn.Module, **_options: object) -> Callable[[torch.Tensor], torch.Tensor]:
        def fails(_images: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no compiler was found")

        return fails

    expected = _trained()
    monkeypatch.setattr(torch, "compile", compile_)
    monkeypatch.setattr(training, "COMPILED_FROM_S", 0.0)
    assert _same(_trained(graph=Recorded), expected)


class _Odd(nn.Module):
    """A small network with something in its forward pass that no graph knows of."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.body(images)
        return logits


class _Lazy(_Odd):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if not hasattr(self, "seen"):
            self.register_buffer("seen", torch.zeros(()))
        return super().forward(images)


class _Counting(_Odd):
    calls = 0

    def get_extra_state(self) -> int:
        return self.calls

    def set_extra_state(self, state: int) -> None:
        self.calls = state


class _Dice(_Odd):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        random.random()
        return super().forward(images)


class _Dropping(_Odd):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(super().forward(images), 0.5)


class _Still:
    """One batch."""

    changed: tuple[torch.Tensor, ...] = ()

    def ready(self, number: int) -> None:
        """It is there."""

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.full((4, 3, 8, 8), 100.0), torch.tensor([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (_Lazy, "it makes buffers when it first runs"),
        (_Counting, "its modules keep more than tensors"),
        (_Dice, "it draws random numbers on the CPU"),
        (_Dropping, "it draws random numbers on the CPU"),
    ],
)
def test_what_a_graph_would_lose_is_seen(network: type[nn.Module], reason: str) -> None:
    model = network()
    step = Step(
        model=model,
        network=None,
        optimizer=torch.optim.SGD(model.parameters(), lr=torch.tensor(0.1)),
        average=None,
        batches=_Still(),
        normalise=Normalise(3, CPU, torch.contiguous_format),
        rates=[0.1] * 9,
        shares=[1.0] * 9,
        done=0,
        seed=0,
        passes=1,
        label_smoothing=0.0,
        autocast=None,
        losses=torch.zeros(1),
    )
    with pytest.raises(UncapturableError, match=reason):
        step.capture(Recorded)


def test_runs_side_by_side_give_what_each_gives_alone() -> None:
    recipes = [replace(SHORT, seed=seed, dropout=0.3, images=200 - 40 * seed) for seed in range(3)]
    alone = [_trained(recipe) for recipe in recipes]
    runs = [
        Training(ARCH, recipe, COLOURS, dataset="colours", device=CPU, new_graph=None) for recipe in recipes
    ]
    while not all(run.done for run in runs):
        for run in runs:
            run.advance()
        torch.rand(7)  # whatever else the process draws
    for run, expected in zip(runs, alone, strict=True):
        assert run.done
        assert _same(run.result(), expected)


def test_gradients_of_passes_add_up_to_those_of_the_batch() -> None:
    """Without batch norm, which sees a pass alone, two passes of two images are one of four."""

    def weights(passes: int) -> torch.Tensor:
        torch.manual_seed(0)
        model = _Odd()
        images = torch.randint(0, 256, (4, 3, 8, 8), generator=torch.Generator().manual_seed(1)).float()
        labels = torch.tensor([0, 1, 1, 0])

        class Parts(_Still):
            def ready(self, number: int) -> None:
                here = slice(number % passes * 4 // passes, (number % passes + 1) * 4 // passes)
                self.now = images[here], labels[here]

            def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
                return self.now

        step = Step(
            model=model,
            network=None,
            optimizer=torch.optim.SGD(model.parameters(), lr=torch.tensor(0.1), momentum=0.9),
            average=None,
            batches=Parts(),
            normalise=Normalise(3, CPU, torch.contiguous_format),
            rates=[0.1] * 5,
            shares=[1.0] * 5,
            done=0,
            seed=0,
            passes=passes,
            label_smoothing=0.1,
            autocast=None,
            losses=torch.zeros(1),
        )
        for _ in range(5):
            step.run()
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    assert torch.allclose(weights(1), weights(2), atol=1e-6)
    assert torch.allclose(weights(1), weights(4), atol=1e-6)


def test_normalising_leaves_images_that_may_be_looked_at_again() -> None:
    images = torch.full((2, 3, 4, 4), 200.0)
    normalised = Normalise(3, CPU, torch.channels_last)(images)
    assert torch.equal(images, torch.full((2, 3, 4, 4), 200.0))
    means, stds = statistics(3)
    assert normalised[0, :, 0, 0].tolist() == pytest.approx(
        [(200 - mean) / std for mean, std in zip(means, stds, strict=True)]
    )


def test_a_run_keeps_the_type_of_its_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from scalesearch.training import loop

    class Cuda:
        @staticmethod
        def get_device_name(_device: torch.device) -> str:
            return "NVIDIA H100 80GB"

    monkeypatch.setattr(torch, "get_device_module", lambda _device: Cuda)
    device = torch.device("cuda", 0)
    way = loop._Way(bf16=True)
    assert way.on(device) == "cuda NVIDIA-H100-80GB bf16"
    assert loop._Way.last_of([("cpu", 1), (way.on(device), 1)], device) == way
    assert loop._Way().on(torch.device("cpu")) == "cpu"
    # Earlier runs did not keep it, and devices without a name have none.
    assert loop._Way.last_of([("cuda bf16", 1)], device) == way
    monkeypatch.setattr(torch, "get_device_module", lambda _device: object())
    assert way.on(torch.device("mps")) == "mps bf16"
