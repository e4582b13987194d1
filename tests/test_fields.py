"""A field of settings: what a class says of it, and what its base classes say; what values have to be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import pytest

from scalesearch.fields import Topic, default_of, require_settings, setting, setting_as, settings_of
from scalesearch.plain import Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Settings that others are made of."""

    times: int = setting(2, limit=Limit(1, 9), topic=Topic.TRAINING, help="How often.", unset="twice")
    order: Literal["up", "down"] = setting("up", topic=Topic.SPACE, help="Where it starts.")
    kept: str = "anything"

    def __post_init__(self) -> None:
        require_settings(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived(Base):
    """Settings that change some of them."""

    times: int = setting(3, unset="")
    order: Literal["up", "down"] = "down"
    sizes: tuple[float, ...] = setting((1.0,), option="--size", limit=Limit(0, 4, above=True))
    parts: tuple[str, ...] | None = setting(None, choices=("head", "stem"), help="Which parts.")


def test_a_class_says_what_is_different_only() -> None:
    told = settings_of(Derived)
    assert list(told) == ["times", "order", "sizes", "parts"]
    assert (told["times"].help, told["times"].limit, told["times"].unset) == ("How often.", Limit(1, 9), "")
    assert settings_of(Base)["times"].unset == "twice"
    assert (told["order"].choices, default_of(Derived, "order")) == (("up", "down"), "down")


def test_a_field_is_taken_over_from_a_class_that_is_no_base() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Other:
        times: int = setting_as(Derived, "times", default=5, help="How often here.")

    assert Other().times == 5
    assert settings_of(Other)["times"].limit == Limit(1, 9)
    assert settings_of(Other)["times"].help == "How often here."


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"times": 0}, "`times` must be >= 1, got 0"),
        ({"times": 10}, "`times` must be at most 9, got 10"),
        ({"order": "left"}, "`order` must be one of up, down, got 'left'"),
        ({"sizes": (1.0, 0.0)}, "`size` must be a finite number > 0, got 0.0"),
        ({"sizes": (1.0, float("nan"))}, "`size` must be a finite number > 0, got nan"),
        ({"parts": ("head", "head")}, "`parts` must be one or more of head, stem, each once, got head, head"),
        ({"parts": ()}, "`parts` must be one or more of head, stem, each once, got none"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_the_name_of_its_option(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Derived(**values)  # type: ignore[arg-type]


def test_values_within_their_limits_none_and_defaults_pass() -> None:
    Derived(times=9, order="up", sizes=(4.0, 0.5), parts=("stem",), kept="")
    Derived(parts=None)


def test_a_word_that_no_setting_has_is_an_error() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Wrong:
        times: int = setting(2, helps="How often.")

    with pytest.raises(TypeError, match="helps"):
        settings_of(Wrong)
