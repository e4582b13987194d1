"""What tests let pass of torch's own deprecations is nothing that scalesearch does itself."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

import pytest

import scalesearch

# Tell whether a trace is running, or a module is scripted; not deprecated.
ALLOWED = {"torch.jit.is_tracing", "torch.jit.ScriptModule"}


def test_no_deprecated_part_of_torch_is_called_here() -> None:
    texts = [path.read_text("utf-8") for path in Path(scalesearch.__file__).parent.rglob("*.py")]
    assert len(texts) > 100
    trees = [ast.parse(text) for text in texts if "jit" in text or "LeafSpec" in text]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)]
    used = [ast.unparse(node) for node in nodes]
    assert {name for name in used if name.startswith("torch.jit.") and name.count(".") == 2} <= ALLOWED
    assert not any("LeafSpec" in name for name in used)


@pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning])
def test_what_torch_deprecates_of_itself_is_an_error_only_where_it_is_called_here(
    category: type[Warning],
) -> None:
    def told_of(module: str) -> None:
        warnings.warn_explicit("old_part is deprecated", category, "file.py", 1, module=module)

    told_of("torch._inductor.utils")
    told_of("torchvision.transforms.functional")
    for module in ("scalesearch.hardware.timing", "torchish.parts", "tests.torch.parts"):
        with pytest.raises(category):
            told_of(module)


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
