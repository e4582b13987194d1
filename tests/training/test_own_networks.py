"""Networks in users' styles: tried, trained, killed, resumed to the bit, stored and read; or refused in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scalesearch.export.state import State, read_state, write_state
from scalesearch.networks import build
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.build import inference_layout, training_layout
from scalesearch.networks.spec import CodeSpec
from scalesearch.networks.user_network import settled
from scalesearch.training.images import Examples, ImageSource
from scalesearch.training.loop import ProxyResult, rehearse, train
from scalesearch.training.recipe import RECIPES
from tests.conftest import slow_but

CPU = torch.device("cpu")
NETWORKS = Path(__file__).parents[1] / "fixtures" / "networks"
RECIPE = replace(RECIPES["steady"], images=24, batch_size=4, looks=3)


def _noise(count: int = 16) -> ImageSource:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 16, 16), generator=generator, dtype=torch.uint8)
    items = [(image, i % 2) for i, image in enumerate(images)]
    return ImageSource(classes=("a", "b"), train=Examples(items), held_out=Examples(items[:5]))


NOISE = _noise()


@pytest.fixture(autouse=True)
def styles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(NETWORKS)
    yield
    sys.modules.pop("own_styles", None)


def _spec(name: str) -> CodeSpec:
    return settled(CodeSpec(name=name, target=f"own_styles:{name}", resolution=16, classes=2))


def _train(
    spec: CodeSpec, checkpoint: Path | None = None, until: int | None = None, **start: State
) -> ProxyResult:
    return train(
        spec,
        RECIPE,
        NOISE,
        dataset="noise",
        device=CPU,
        checkpoint=checkpoint,
        until=until,
        on_restart=pytest.fail,
        **start,
    )


TRAINED = (
    *("Body", "OnePReLU", "TiedWeights", "Views", "Flattened", "Versioned", "Counting", "TensorState"),
    *(
        "Auxiliaries",
        "AsDict",
        "AsObject",
        "AsList",
        "Unprintable",
        "Indexed",
        "OldWeightNorm",
        "Parametrized",
    ),
    *("Cached", "PartlyFrozen", "Mixed", "Masked", "Recurrent", "Pinned", "Strided"),
)


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated", "ignore:.*spectral_norm.* is deprecated")
@pytest.mark.parametrize(
    "name",
    slow_but(
        ("TiedWeights", "Counting", "Auxiliaries", "Indexed", "Parametrized", "PartlyFrozen", "Recurrent"),
        TRAINED,
    ),
)
def test_it_trains_and_goes_on_to_the_bit(name: str, tmp_path: Path) -> None:
    spec = _spec(name)
    rehearse(spec, RECIPE, CPU)
    whole = _train(spec)
    assert whole.complete
    for until in (8, 16):
        _train(spec, tmp_path / "run", until=until)
    resumed = _train(spec, tmp_path / "run")
    assert resumed.curve == whole.curve
    assert resumed.weights.keys() == whole.weights.keys()
    assert all(torch.equal(tensor, resumed.weights[n]) for n, tensor in whole.weights.items())
    assert resumed.plain == whole.plain

    write_state(tmp_path / "kept", spec, whole.weights, {}, whole.plain)
    kept = read_state(tmp_path / "kept")
    assert kept.digest == State(arch=spec, tensors=whole.weights, facts={}, plain=whole.plain).digest
    # A network that starts from them stands where they stood: the first look is the last one's, or near it.
    start = _train(replace(spec, resolution=17), start=kept)
    assert start.complete
    again = kept.network()
    assert again(torch.zeros(3, 3, 16, 16)).shape == (3, 2)


def test_what_is_kept_is_what_was_judged() -> None:
    """Of networks whose outputs depend on an extra state, int buffers and tied weights."""
    for name in ("Counting", "Indexed", "TiedWeights", "Views"):
        spec = _spec(name)
        run = _train(spec)
        state = State(arch=spec, tensors=run.weights, facts={}, plain=run.plain)
        assert run.weights.keys() == state.network().state_dict().keys() or name == "Counting"
        if name == "Indexed":
            assert run.weights["index"].tolist() == list(range(3, -1, -1))
            assert run.weights["mask"].dtype == torch.bool
        if name == "Counting":
            assert state.network().steps == 6
            assert state.network().names == ("a", 1.5, None, [True])


@pytest.mark.parametrize(
    ("name", "fast"), [("Body", True), ("Flattened", False), ("Strided", False), ("TiedWeights", True)]
)
def test_channels_last_where_that_will_do(name: str, fast: bool) -> None:
    layout = torch.channels_last if fast else torch.contiguous_format
    assert training_layout(_spec(name), 4, CPU) == layout
    assert inference_layout(_spec(name), 4, CPU) == layout


def test_contiguous_alone_on_mps(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def first_pass(
        _spec: CodeSpec, _images: int, on: torch.device, layout: torch.memory_format, **_: bool
    ) -> torch.Tensor:
        tried.append((on.type, layout))
        return torch.zeros(1)

    monkeypatch.setattr(build, "_first_pass", first_pass)
    for layout_of in (training_layout, inference_layout):
        for arch in (EFFICIENTNET_B0, _spec("Body")):
            assert layout_of(arch, 4, torch.device("mps")) == torch.contiguous_format
        assert layout_of(EFFICIENTNET_B0, 4, torch.device("cuda")) == torch.channels_last
    assert set(tried) == {("mps", torch.contiguous_format)}


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("Body", ""),
        ("Flattened", "Maps lie channels first in memory"),
        ("Auxiliaries", "the main logits alone are trained and judged: in training logits of its Auxiliary."),
        ("AsDict", "in training logits of its dict."),
        ("AsObject", "in training logits of its Output."),
        ("AsList", "in training item 0 of its list."),
        ("PartlyFrozen", "may stay as they start: unused.weight, unused.bias."),
    ],
)
def test_what_is_out_of_the_usual_is_said(name: str, note: str) -> None:
    notes = rehearse(_spec(name), RECIPE, CPU)
    assert any(note in text for text in notes) if note else not notes


REFUSED = {
    "ObjectState": "must build a network whose state can be stored and taken up again, got own_styles:ObjectState: "
    "_extra_state must be made of tensors, numbers, texts, None, lists, tuples and dicts, as files without pickles "
    "are, got a value of type builtins.object",
    "Frozen": "in which the logits depend on no trainable parameter",
    "Double": "which raised RuntimeError: ",
    "TrainingFails": "can be trained on images of 16 x 16 px, got own_styles:TrainingFails at depth 1 and width 1, "
    "which raised KeyError: 'not yet' (own_styles.py, line ",
    "NoLogits": "which gives a value of type dict for 4 images and 2 classes in training",
    "HoldsOn": "which raised RuntimeError: Trying to backward through the graph a second time",
    "SevenClasses": "which gives (4, 7) for 4 images and 2 classes",
    "Exits": "which raised SystemExit: bye (own_styles.py, line ",
    "RaisesBadError": "which raised BadError (own_styles.py, line ",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_is_refused_with_the_reason(name: str) -> None:
    spec = CodeSpec(name=name, target=f"own_styles:{name}", resolution=16, classes=2)
    with pytest.raises(ValueError) as error:
        rehearse(spec, RECIPE, CPU)
    assert str(error.value).startswith("`baseline` must build a network ")
    assert REFUSED[name] in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("scripted", "which gives a scripted one: leave torch.jit.script or torch.jit.trace out"),
        ("partly_scripted", "which gives a scripted one in blocks.0: leave"),
        pytest.param(
            "compiled", "which gives a compiled one: leave torch.compile out", marks=pytest.mark.slow
        ),
        ("compiled_in_place", "which gives a compiled one in blocks.0: leave torch.compile out"),
    ],
)
def test_layers_that_nobody_can_look_into_are_refused(name: str, reason: str) -> None:
    with pytest.raises(
        ValueError, match=f"must give a plain torch.nn.Module, got own_styles:{name}, {reason}"
    ):
        _spec(name)
