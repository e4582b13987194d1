"""A field of settings, said once: its default and bounds, and what the option says that sets it.

``cli/options.py`` makes the options of these, and :func:`require_settings` checks values by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

from scalesearch.plain import Limit, field_types

Value = TypeVar("Value")


class Topic(StrEnum):
    """The groups of --help-all, in their order; a setting says to which it belongs."""

    SPACE = "Search space: which splits are tried"
    BUDGET = "Budget: what a network may cost, and the search"
    NETWORK = "Network: the baseline, and how it is rounded"
    DATA = "Data"
    TRAINING = "Training"
    MEASURING = "Measuring"
    OUTPUT = "Settings and output"


class _Same:
    """Stands for the field's own default."""


SAME: Final = _Same()
_WORDS = "setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What values of a field have to be, and what its option says.

    Attributes:
        help: what it does, for the option's line; empty where no option sets it.
        topic: the group where --help-all shows it; None for an option of a command that has few.
        common: whether the short page shows it too.
        more: what only the whole page says, after ``help``.
        limit: between what a number has to be, or each of a list.
        choices: the texts that it has to be one of.
        option: the option, where it is not called by the field's name; ``--x/--no-x`` has a way to say no.
        form: how a text says a value where the field's type doesn't tell: a key of ``FORMS`` in
            ``cli/options.py``.
        metavar: what help calls the value.
        given: what the option is where nobody gives it, if that is not yet a value of the field.
        unset: what help says of a default that is decided later; ``given`` is None then.
        variable: the variable of the environment that may hold it instead.
    """

    help: str = ""
    topic: Topic | None = None
    common: bool = False
    more: str = ""
    limit: Limit | None = None
    choices: tuple[str, ...] = ()
    option: str = ""
    form: str = ""
    metavar: str = ""
    given: Any = SAME
    unset: str = ""
    variable: str = ""


def setting(default: Value, **words: Any) -> Value:
    """A field of settings that is checked by its words, and that an option sets where they hold a help.

    Args:
        default: of the field.
        words: attributes of :class:`Setting`. A class that has a field anew says what is different only;
            the rest is as its base class says it.
    """
    return field(default=default, metadata={_WORDS: words})


def setting_as(cls: type, name: str, **words: Any) -> Any:
    """A field as another class has it that is no base class; ``words`` change it, ``default`` among them."""
    default = words.pop("default", _default(_fields(cls)[name]))
    return setting(default, **_words(cls, name) | words)


@cache
def settings_of(cls: type) -> Mapping[str, Setting]:
    """The settings of a class by their fields, in the fields' order."""
    by_name = {name: words for name in _fields(cls) if (words := _words(cls, name))}
    hints = field_types(cls)
    return MappingProxyType(
        {name: Setting(**{"choices": _literals(hints[name])} | words) for name, words in by_name.items()}
    )


def default_of(cls: type, name: str) -> Any:
    """The default of a field."""
    return _default(_fields(cls)[name])


def called(cls: type, name: str) -> str:
    """What errors call a field: as its option is called, with underscores."""
    option = settings_of(cls)[name].option
    return option.partition("/")[0].removeprefix("--").replace("-", "_") or name


def require_settings(owner: object) -> None:
    """Raises ValueError unless each setting is within its limit and one of its choices; of a list each is.

    None is right wherever the field's type has it.
    """
    cls: type = type(owner)
    for name, rule in settings_of(cls).items():
        value = getattr(owner, name)
        if value is None or value == default_of(cls, name):  # which may stand for one that is worked out
            continue
        listed = value if isinstance(value, tuple) else (value,)
        if rule.limit is not None:
            for number in listed:
                rule.limit.require(called(cls, name), number)
        if not rule.choices or (isinstance(value, str) and value in rule.choices):
            continue
        allowed = ", ".join(rule.choices)
        if isinstance(value, str):
            raise ValueError(f"`{called(cls, name)}` must be one of {allowed}, got {value!r}")
        if not listed or len(set(listed)) < len(listed) or not set(listed) <= set(rule.choices):
            raise ValueError(
                f"`{called(cls, name)}` must be one or more of {allowed}, each once, "
                f"got {', '.join(listed) or 'none'}"
            )


def _fields(cls: type) -> dict[str, Field[Any]]:
    return {each.name: each for each in fields(cls)}


def _default(of: Field[Any]) -> Any:
    return None if of.default is MISSING else of.default


def _words(cls: type, name: str) -> dict[str, Any]:
    """What a class says of a field, over what its base classes say."""
    words: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        described = vars(base).get("__dataclass_fields__", {})
        if name in described:
            words |= described[name].metadata.get(_WORDS, {})
    return words


def _literals(hint: Any) -> tuple[str, ...]:
    """The texts of a ``Literal``."""
    return get_args(hint) if get_origin(hint) is Literal else ()
