from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.study.settings import TrainingSettings, differences
from scalesearch.training.recipe import (
    MEANINGS,
    RECIPES,
    ProxyRecipe,
    read_recipe,
    recipe_toml,
    recipe_values,
)

STEADY = RECIPES["steady"]


def _read(folder: Path, text: str, name: str = "mine.toml", encoding: str = "utf-8") -> ProxyRecipe:
    path = folder / name
    path.write_text(text, encoding=encoding)
    return read_recipe(path)


def test_every_value_but_the_seed_has_its_sentence() -> None:
    assert set(MEANINGS) == {field.name for field in fields(ProxyRecipe)} - {"seed"}


def test_what_a_file_leaves_out_is_its_bases(tmp_path: Path) -> None:
    recipe = _read(tmp_path, 'base = "steady"\nlearning_rate = 1\nlooks = 8\n', encoding="utf-8-sig")
    assert recipe == replace(STEADY, name="mine", learning_rate=1.0, looks=8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("epochs = 3", {"images": None, "epochs": 3.0}),
        ("ema_decay = 0.99", {"ema_decay": 0.99, "ema_share": 0.0}),
        ("ema_decay = 0", {"ema_decay": 0.0, "ema_share": 0.0}),
        ('dropout = "network"', {"dropout": None}),
        ("drop_path = 0.2", {"drop_path": 0.2}),
        ("batch_size = 64\naccumulation = 4", {"batch_size": 64, "accumulation": 4}),
    ],
)
def test_a_value_is_meant_instead_of_the_bases_other(
    text: str, expected: dict[str, object], tmp_path: Path
) -> None:
    assert _read(tmp_path, f'base = "steady"\n{text}\n') == replace(STEADY, name="mine", **expected)


def test_a_smaller_batch_of_the_papers_recipe_needs_fewer_passes(tmp_path: Path) -> None:
    recipe = _read(tmp_path, 'base = "paper"\nbatch_size = 256\nepochs = 2\n')
    assert (recipe.batch_size, recipe.accumulation, recipe.epochs) == (256, 2, 2.0)


@pytest.mark.parametrize(
    ("file", "called"),
    [("My Recipe.toml", "my-recipe"), ("été.toml", "t"), ("...toml", "recipe"), ("B-2_x.toml", "b-2_x")],
)
def test_a_recipe_without_a_name_is_called_like_its_file(file: str, called: str, tmp_path: Path) -> None:
    assert _read(tmp_path, 'base = "quick"', file).name == called


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_what_describe_prints_of_a_built_in_recipe_is_that_recipe(name: str, tmp_path: Path) -> None:
    assert _read(tmp_path, recipe_toml(RECIPES[name])) == RECIPES[name]


@given(
    optimizer=st.sampled_from(["adamw", "sgd", "rmsprop"]),
    learning_rate=st.floats(1e-9, 1e9),
    length=st.sampled_from([{}, {"images": 10**12}, {"epochs": 0.25}]),
    passes=st.integers(1, 9),
    average=st.sampled_from([{"ema_decay": 0.5}, {"ema_share": 0.5}, {}]),
    dropout=st.none() | st.floats(0, 1, exclude_max=True),
    zero=st.booleans(),
)
def test_any_recipe_survives_its_file(
    tmp_path_factory: pytest.TempPathFactory, optimizer, learning_rate, length, passes, average, dropout, zero
) -> None:
    recipe = replace(
        RECIPES["quick"],
        name="any.1_2-3",
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=4 * passes,
        accumulation=passes,
        dropout=dropout,
        zero_init_residual=zero,
        **length,
        **average,
    )
    text = recipe_toml(recipe)
    assert _read(tmp_path_factory.getbasetemp(), text) == recipe
    assert tomllib.loads(text).items() >= recipe_values(recipe).items()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("learning_rat = 1", "unknown key 'learning_rat'; did you mean learning_rate?"),
        ("seed = 1", "unknown key 'seed' (--seed says it)"),
        ("[recipe]\nlooks = 1", "unknown key 'recipe'; there may be base, name, optimizer"),
        ('base = "stedy"', "base must be one of steady, quick, paper, got 'stedy'; did you mean steady?"),
        ("base = []", "base must be one of steady, quick, paper, got []"),
        ("looks = 4", "optimizer is missing: give it, or base = steady, quick, paper for all that is not"),
        ('base = "steady"\nlearning_rate = "fast"', "learning_rate must be a number, got 'fast'"),
        ('base = "steady"\nlearning_rate = true', "learning_rate must be a number, got True"),
        ('base = "steady"\nlearning_rate = inf', "learning_rate must be a finite number > 0, got inf"),
        ('base = "steady"\nlearning_rate = 0', "learning_rate must be a finite number > 0, got 0.0"),
        ('base = "steady"\nlooks = 2.5', "looks must be a whole number, got 2.5"),
        ('base = "steady"\nlooks = 0', "looks must be >= 1, got 0"),
        ('base = "steady"\nlooks = 99999999999999999999', "looks must be at most 9,223,372,036,854,775,807"),
        ('base = "steady"\nmomentum = 1.0', "momentum must be < 1, got 1.0"),
        ('base = "steady"\ncrop_scale = 2.0', "crop_scale must be at most 1, got 2.0"),
        ('base = "steady"\noptimizer = "lion"', "optimizer must be one of adamw, sgd, rmsprop, got 'lion'"),
        ('base = "steady"\nzero_init_residual = 1', "zero_init_residual must be true or false, got 1"),
        ('base = "steady"\nname = 2', "name must be a text, got 2"),
        ('base = "steady"\nname = "../../x"', "name must be of small letters, digits"),
        ('base = "steady"\nimages = 9\nepochs = 1', "one of images and epochs must be given, got images=9"),
        ('base = "steady"\nimages = 9', "images must be at least one batch of 32, got 9"),
        ('base = "steady"\nimages = -5', "images must be at least one batch of 32, got -5"),
        ('base = "steady"\nimages = 2000000000000', "images must be at most 1,000,000,000,000"),
        ('base = "steady"\nema_decay = 0.9\nema_share = 0.1', "one of ema_decay and ema_share must be 0"),
        ('base = "steady"\nbatch_size = 1', "batch_size must be >= 2, got 1"),
        ('base = "steady"\nbatch_size = 10000000000', "batch_size must be at most 1,000,000"),
        ('base = "steady"\naccumulation = 5', "accumulation must part a batch of 32 into equal passes"),
        ('base = "steady"\naccumulation = 0', "accumulation must be >= 1, got 0"),
        ('base = "steady"\nlooks = [1]', "looks must be a whole number, got [1]"),
    ],
)
def test_a_file_that_describes_none_is_refused_by_its_key(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as caught:
        _read(tmp_path, text)
    start = f"`recipe` must describe a recipe, got {tmp_path / 'mine.toml'}: "
    assert str(caught.value).startswith(start + reason)


def test_a_file_called_like_a_built_in_recipe_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got 'steady': say another in the file, which is called like one"):
        _read(tmp_path, 'base = "steady"\nlooks = 8', "steady.toml")
    assert _read(tmp_path, 'base = "steady"', "steady.toml") == STEADY


def test_what_describe_printed_and_then_was_changed_is_called_like_its_file(tmp_path: Path) -> None:
    changed = recipe_toml(STEADY).replace(f"looks = {STEADY.looks}", "looks = 9")
    assert _read(tmp_path, changed, "mine.toml") == replace(STEADY, name="mine", looks=9)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a = " + b"[" * 5000, "its brackets are nested too deeply"),
        (b"\xff\xfe", "codec can't decode"),
        (b"x", "Expected '='"),
    ],
)
def test_a_file_that_is_no_toml_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_recipe(path)
    assert str(caught.value).startswith(f"`recipe` must be a TOML file, got {path}: ")
    assert reason in str(caught.value)


def test_a_folder_and_nothing_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    for name in ("folder.toml", "nothing.toml"):
        with pytest.raises(ValueError, match="there is no such file"):
            read_recipe(tmp_path / name)


def test_settings_keep_a_users_recipe_whole(tmp_path: Path) -> None:
    recipe = _read(tmp_path, 'base = "steady"\nlearning_rate = 0.05\nbatch_size = 16\n')
    settings = TrainingSettings(recipe="mine", recipe_values=replace(recipe, seed=7), batch_size=16, seed=3)
    assert settings.to_dict()["recipe_values"] == recipe_values(recipe)
    assert TrainingSettings.from_dict(settings.to_dict()) == settings
    # The length that nobody said is the device's, the seed the run's.
    assert settings.proxy_recipe == replace(recipe, images=4000, seed=3)
    assert replace(settings, device="cuda:0").proxy_recipe.images == 64_000
    assert replace(settings, epochs=2).proxy_recipe == replace(recipe, epochs=2, seed=3)


def test_settings_refuse_values_of_another_name() -> None:
    values = replace(STEADY, name="mine")
    for name, given_values in (("yours", values), ("steady", STEADY), ("mine", None)):
        with pytest.raises(ValueError, match="`recipe` must be"):
            TrainingSettings(recipe=name, recipe_values=given_values)
    with pytest.raises(ValueError, match="`recipe_values`: `looks` must be a whole number, got 'x'"):
        TrainingSettings.from_dict(
            {"recipe": "mine", "recipe_values": recipe_values(values) | {"looks": "x"}}
        )


def test_two_versions_of_a_recipe_differ_by_what_was_changed() -> None:
    before, after = (
        TrainingSettings(recipe="mine", recipe_values=replace(STEADY, name="mine", looks=looks)).to_dict()
        for looks in (4, 8)
    )
    assert differences(before, after) == ["recipe.looks: 4 there, 8 asked"]
    built_in = TrainingSettings().to_dict()
    assert differences(built_in, after) == [
        "recipe: 'steady' there, 'mine' asked",
        "recipe.looks: 4 there, 8 asked",
    ]
    assert differences(TrainingSettings(recipe="quick").to_dict(), built_in) == [
        "recipe: 'quick' there, 'steady' asked"
    ]


def test_a_step_of_several_passes_holds_one_of_them_in_memory() -> None:
    paper = TrainingSettings(recipe="paper", batch_size=4096)
    assert (paper.pass_size, TrainingSettings().pass_size) == (128, 32)
