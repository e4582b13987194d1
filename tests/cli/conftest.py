"""Commands without training: see tests/search/conftest.py."""

from tests.search.conftest import lab

__all__ = ["lab"]
