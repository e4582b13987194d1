from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.records import CurvePoint
from scalesearch.scaling import Multipliers
from scalesearch.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    read_checkpoint,
    run_identity,
    write_checkpoint,
)
from scalesearch.training.images import Examples, ImageSource
from scalesearch.training.loop import ProxyResult, train
from scalesearch.training.recipe import RECIPES, ProxyRecipe

CPU = torch.device("cpu")
BASE = scale(EFFICIENTNET_B0, Multipliers(width=0.125), Rounding(channel_divisor=1), resolution=16)
# Three stages are enough for residuals, strides, 5x5 kernels on small maps and dropped paths.
ARCH = replace(BASE, stages=BASE.stages[:3], classes=2)
SHORT = replace(RECIPES["quick"], images=40, batch_size=4, looks=2, warmup_epochs=0.5)
CASES = {
    "adamw, one-cycle": replace(SHORT, optimizer="adamw", schedule="one-cycle"),
    "sgd, trapezoid, average": replace(SHORT, optimizer="sgd", schedule="trapezoid", ema_decay=0.9),
    "rmsprop, exponential, all that is random": replace(
        SHORT,
        optimizer="rmsprop",
        schedule="exponential",
        ema_decay=0.9,
        dropout=0.3,
        drop_path=0.3,
        augmentation="autoaugment",
    ),
}
every_case = pytest.mark.parametrize("recipe", list(CASES.values()), ids=list(CASES))


class _KilledError(Exception):
    """Stands for a kill: nothing after it runs."""


def _colours(count: int = 24) -> ImageSource:
    """Red and blue noise; 40 training images are more than one epoch of it."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 20, 20), generator=generator, dtype=torch.uint8)
    images[::2, 0] //= 2
    items = [(image, i % 2) for i, image in enumerate(images)]
    return ImageSource(classes=("red", "blue"), train=Examples(items), held_out=Examples(items[:10]))


COLOURS = _colours()


def _train(
    recipe: ProxyRecipe,
    checkpoint: Path | None = None,
    until: int | None = None,
    *,
    dies_after: int | None = None,
    arch: ArchSpec = ARCH,
    source: ImageSource = COLOURS,
    on_restart: Callable[[str], None] = pytest.fail,
) -> ProxyResult:
    """A run that ends, as a kill would end it, right after the look at ``dies_after`` images."""

    steps = 0

    def on_step(done: int, _of: int) -> None:
        nonlocal steps
        steps = done

    def on_look(curve: Sequence[CurvePoint], _seconds: float) -> None:
        # Not when the run is taken up, but after the look itself.
        if curve and curve[-1].images == dies_after and steps * recipe.batch_size == dies_after:
            raise _KilledError

    return train(
        arch,
        recipe,
        source,
        dataset="colours",
        device=CPU,
        checkpoint=checkpoint,
        until=until,
        on_look=on_look,
        on_step=on_step,
        on_restart=on_restart,
    )


def _stored(path: Path, recipe: ProxyRecipe) -> Checkpoint:
    return read_checkpoint(path, run_identity(ARCH, recipe, COLOURS, dataset="colours"))


def _assert_same_state(one: Checkpoint, other: Checkpoint) -> None:
    """Weights, batch norm, optimizer, average, pending losses and generators, all to the bit."""
    assert one.step == other.step
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert torch.equal(tensor, other.tensors[name]), name


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[ProxyRecipe], tuple[ProxyResult, Checkpoint]]:
    """The outcome of a recipe's uninterrupted run, and its state at the end. Each is trained once."""
    known: dict[str, tuple[ProxyResult, Checkpoint]] = {}

    def get(recipe: ProxyRecipe) -> tuple[ProxyResult, Checkpoint]:
        key = json.dumps(recipe.to_dict())
        if key not in known:
            path = tmp_path_factory.mktemp("whole") / "run.safetensors"
            known[key] = _train(recipe, path), _stored(path, recipe)
        return known[key]

    return get


@every_case
def test_a_checkpoint_does_not_change_the_run(recipe, whole) -> None:
    assert _train(recipe).curve == whole(recipe)[0].curve


@every_case
@pytest.mark.parametrize("stops", [[4, 12], [21, 30, 36]])
def test_a_run_in_segments_is_the_uninterrupted_run_to_the_bit(recipe, stops, whole, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "run.safetensors"
    paused = [_train(recipe, path, until=stop) for stop in stops]
    assert [result.curve[-1].images for result in paused] == [stop // 4 * 4 for stop in stops]
    assert not any(result.complete for result in paused)
    result, (expected, state) = _train(recipe, path), whole(recipe)
    assert result.complete
    assert result.train_seconds > paused[-1].train_seconds
    assert [p for p in result.curve if p.images in (20, 40)] == list(expected.curve)
    assert [p.images for p in result.curve] == sorted({*(stop // 4 * 4 for stop in stops), 20, 40})
    assert all(p in result.curve for r in paused for p in r.curve)
    _assert_same_state(_stored(path, recipe), state)
    assert [file.name for file in path.parent.iterdir()] == ["run.safetensors"]


@every_case
def test_a_run_killed_after_its_first_look_goes_on_from_there(recipe, whole, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    with pytest.raises(_KilledError):
        _train(recipe, path, dies_after=20)
    assert _stored(path, recipe).step == 5
    steps: list[int] = []
    result = train(
        ARCH,
        recipe,
        COLOURS,
        dataset="colours",
        device=CPU,
        checkpoint=path,
        on_step=lambda done, of: steps.append((done, of)),
    )
    assert steps == [(done, 10) for done in range(6, 11)]
    assert result.curve == whole(recipe)[0].curve
    _assert_same_state(_stored(path, recipe), whole(recipe)[1])


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    recipe=st.sampled_from(list(CASES.values())),
    segments=st.lists(st.tuples(st.integers(4, 60), st.booleans()), max_size=4),
)
def test_no_list_of_pauses_and_kills_leaves_a_trace(recipe, segments, whole, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("pauses") / "run.safetensors"
    for until, killed in segments:
        try:
            _train(recipe, path, until, dies_after=20 if killed else None)
        except _KilledError:
            assert _stored(path, recipe).step == 5
    result, (expected, state) = _train(recipe, path), whole(recipe)
    assert [p for p in result.curve if p.images in (20, 40)] == list(expected.curve)
    _assert_same_state(_stored(path, recipe), state)


def test_what_is_trained_already_is_told_again_and_left_alone(tmp_path: Path) -> None:
    recipe, path = CASES["sgd, trapezoid, average"], tmp_path / "run.safetensors"
    first = _train(recipe, path, until=24)
    before = path.read_bytes()
    assert _train(recipe, path, until=24) == first
    assert _train(recipe, path, until=8) == first
    assert path.read_bytes() == before


def test_a_pause_past_the_end_is_the_end(whole) -> None:
    recipe = CASES["adamw, one-cycle"]
    result = _train(recipe, until=10**9)
    assert (result.complete, result.curve) == (True, whole(recipe)[0].curve)


def test_a_pause_within_the_first_batch_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        _train(SHORT, until=3)
    assert str(caught.value) == "`until` must be at least one batch of 4, got 3"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_render_workers_and_pauses_change_nothing(tmp_path: Path) -> None:
    """What is drawn for an image follows from the seed and its place, in whatever process it is rendered."""
    options = {"dataset": "colours", "device": CPU}
    recipe = replace(SHORT, augmentation="autoaugment")
    expected = train(ARCH, recipe, COLOURS, **options)
    for until in (16, None):
        result = train(
            ARCH,
            recipe,
            COLOURS,
            render_workers=1,
            checkpoint=tmp_path / "run.safetensors",
            until=until,
            **options,
        )
    points = {point.images: point for point in result.curve}
    assert sorted(points) == [16, 20, 40]
    assert expected.curve == tuple(points[point.images] for point in expected.curve)


SOME = [pytest.param(kept, marks=pytest.mark.slow) for kept in (0, 5, 300)]


@pytest.mark.parametrize("kept", [*SOME, 0.5, -1], ids=lambda kept: f"kept {kept}")
def test_a_truncated_checkpoint_costs_time_only(kept, whole, tmp_path: Path) -> None:
    recipe, path, reasons = CASES["adamw, one-cycle"], tmp_path / "run.safetensors", []
    _train(recipe, path, until=12)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept) if isinstance(kept, float) else kept])
    result = _train(recipe, path, on_restart=reasons.append)
    assert result.curve == whole(recipe)[0].curve
    (reason,) = reasons
    assert reason.startswith(f"`checkpoint` must be a whole safetensors file, got {path}: ")
    assert "\n" not in reason
    _assert_same_state(_stored(path, recipe), whole(recipe)[1])


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": replace(CASES["adamw, one-cycle"], seed=1)},
        {"arch": replace(ARCH, resolution=17)},
        {"source": _colours(26)},
    ],
    ids=["another recipe", "another network", "other data"],
)
def test_another_runs_checkpoint_is_not_gone_on_from(change, whole, tmp_path: Path) -> None:
    recipe, path, reasons = CASES["adamw, one-cycle"], tmp_path / "run.safetensors", []
    _train(**({"recipe": recipe, "checkpoint": path, "until": 12} | change))
    assert _train(recipe, path, on_restart=reasons.append).curve == whole(recipe)[0].curve
    assert reasons == [
        f"`checkpoint` must be of the same network, recipe, data and versions, got another run's: {path}"
    ]


def test_a_checkpoint_whose_tensors_do_not_fit_is_not_half_used(whole, tmp_path: Path) -> None:
    recipe, path, reasons = CASES["sgd, trapezoid, average"], tmp_path / "run.safetensors", []
    _train(recipe, path, until=12)
    stored = _stored(path, recipe)
    # The weights fit and the average does not: when that shows, the weights have been loaded.
    fewer = {name: tensor for name, tensor in stored.tensors.items() if name != "average/stem.0.0.weight"}
    write_checkpoint(path, replace(stored, tensors=fewer))
    assert _train(recipe, path, on_restart=reasons.append).curve == whole(recipe)[0].curve
    assert reasons == ["`checkpoint` must hold the tensors of this network, got others"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_case
def test_a_run_on_a_gpu_goes_on_too(recipe, tmp_path: Path) -> None:
    def run(checkpoint: Path, until: int | None = None) -> ProxyResult:
        device = torch.device("cuda")
        return train(
            ARCH,
            recipe,
            COLOURS,
            dataset="colours",
            device=device,
            checkpoint=checkpoint,
            until=until,
            on_restart=pytest.fail,
        )

    whole = run(tmp_path / "whole.safetensors")
    run(tmp_path / "parts.safetensors", until=12)
    last = run(tmp_path / "parts.safetensors").curve[-1]
    # A GPU may add in another order from run to run; a lost optimizer, average or generator shows far above that.
    assert last.train_loss == pytest.approx(whole.curve[-1].train_loss, rel=1e-3)
    assert last.loss == pytest.approx(whole.curve[-1].loss, rel=1e-3)


SMALL = Checkpoint(
    identity="ours",
    step=3,
    curve=(CurvePoint(images=12, train_loss=1 / 3, loss=0.1, top1=0.7),),
    train_seconds=1.25,
    computed=(("cpu", 1), ("cuda", 2)),
    tensors={
        "model/weight": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "model/count": torch.tensor(7),
        "losses/pending": torch.empty(0),
        "generators/cpu": torch.arange(5, dtype=torch.uint8),
    },
)


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    write_checkpoint(path, SMALL)
    back = read_checkpoint(path, "ours")
    assert replace(back, tensors={}) == replace(SMALL, tensors={})
    _assert_same_state(back, SMALL)
    assert back.part("model").keys() == {"weight", "count"}
    with pytest.raises(FileNotFoundError):
        read_checkpoint(tmp_path / "none.safetensors", "ours")


@pytest.mark.parametrize("place", [0.3, 0.6, 0.999])
def test_a_single_changed_bit_is_noticed(place: float, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    write_checkpoint(path, SMALL)
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        read_checkpoint(path, "ours")


def test_changed_numbers_of_whole_tensors_are_noticed_by_their_checksum(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    write_checkpoint(path, SMALL)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path, "ours")
    assert str(caught.value) == f"`checkpoint` must be undamaged, got {path} with a wrong checksum"


def test_a_file_of_weights_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path, "ours")
    assert str(caught.value) == f"`checkpoint` must be one of scalesearch's own, got {path}"


class _Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.mkdir, (self.path,)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    torch.save({"model": _Trap(tmp_path / "sprung")}, path)
    with pytest.raises(CheckpointError, match="^`checkpoint` must be a whole safetensors file, got "):
        read_checkpoint(path, "ours")
    assert not (tmp_path / "sprung").exists()


def test_a_full_disk_leaves_the_checkpoint_from_before(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "run.safetensors"
    write_checkpoint(path, SMALL)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as caught:
        write_checkpoint(path, replace(SMALL, step=4))
    assert str(caught.value) == f"[Errno 28] No space left on device: '{path}'"
    assert [file.name for file in tmp_path.iterdir()] == ["run.safetensors"]
    assert read_checkpoint(path, "ours").step == 3


def test_the_folder_of_a_run_that_was_removed_is_not_brought_back(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_checkpoint(tmp_path / "run" / "checkpoints" / "a.safetensors", SMALL)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "run").mkdir()
    write_checkpoint(tmp_path / "run" / "checkpoints" / "a.safetensors", SMALL)


@pytest.mark.slow
def test_a_run_goes_on_with_other_threads_and_keeps_what_computed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.safetensors"
    first = _train(SHORT, path, until=8)
    # As many are only said to be: two threads that wait for one another take minutes on a busy machine.
    monkeypatch.setattr(torch, "get_num_threads", lambda: 17)
    last = _train(SHORT, path)
    again = _train(SHORT, path)
    assert len(first.computed) == 1
    assert last.curve[: len(first.curve)] == first.curve
    assert last.complete
    assert last.computed == again.computed == (*first.computed, ("cpu", 17))
