"""Commands without training: see tests/study/conftest.py."""

from tests.study.conftest import lab

__all__ = ["lab"]
