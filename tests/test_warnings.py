"""What tests let pass of torch's own deprecations is nothing that scalesearch does itself."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

import scalesearch

# Tells whether a trace is running; not deprecated.
ALLOWED = {"is_tracing"}


def test_no_deprecated_part_of_torch_is_called_here() -> None:
    sources = {path: path.read_text("utf-8") for path in Path(scalesearch.__file__).parent.rglob("*.py")}
    used = {
        (path.name, name)
        for path, text in sources.items()
        for name in re.findall(r"(?<!`)torch\.jit\.(\w+)|(LeafSpec)", text)
    }
    assert len(sources) > 100
    assert {name for _, names in used for name in names if name} <= ALLOWED


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("`torch.jit.script` is deprecated. Please switch to `torch.compile`.", UserWarning),
        ("the torch.jit.script of mine is deprecated", DeprecationWarning),
        ("LeafSpec is deprecated", FutureWarning),
    ],
)
def test_any_other_warning_is_an_error(text: str, category: type[Warning]) -> None:
    with pytest.raises(category):
        warnings.warn(text, category, stacklevel=1)
