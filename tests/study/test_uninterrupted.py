from __future__ import annotations

import signal
import threading

import pytest

from scalesearch.study.driver import uninterrupted


def test_a_stop_waits_until_the_block_is_through() -> None:
    done = []

    def commit() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("committed")
        done.append("never")

    with pytest.raises(KeyboardInterrupt):
        commit()
    assert done == ["committed"]


def test_sigterm_reaches_the_handler_that_was_there() -> None:
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGTERM)
            assert heard == []
        assert heard == [signal.SIGTERM]
        with uninterrupted():
            pass
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_error_within_is_not_hidden_by_a_stop() -> None:
    def fail() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("`width` must be > 0, got -1")

    with pytest.raises(KeyboardInterrupt) as stopped:
        fail()
    assert isinstance(stopped.value.__context__, ValueError)


def test_other_threads_have_no_signals_to_wait_for() -> None:
    passed = []

    def work() -> None:
        with uninterrupted():
            passed.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert passed == [True]
