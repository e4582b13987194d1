"""Texts of anybody's, as lines."""

from __future__ import annotations

from scalesearch.text import one_line


class Mute(Exception):
    def __str__(self) -> str:
        raise KeyError(1)


def test_what_an_error_says_is_one_line_and_never_an_error() -> None:
    assert one_line(ValueError("a\n  b")) == "a b"
    assert one_line(ValueError()) == "ValueError"
    assert one_line(Mute()) == "Mute"
    assert len(one_line("x" * 999)) == 300
