from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.commands.measure.run import SampleStore, Stored, job_name, safe_name
from scalesearch.commands.measure.subjects import parse_subjects
from scalesearch.records.timings import MachineRecord, Setup

(SUBJECT,) = parse_subjects(["b0"])


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    store = SampleStore(tmp_path)
    stored = Stored(result={"samples_s": [0.1, 0.2], "conditions": {"before": {}}}, session="abc", wall_s=3.5)
    assert store.read("here", SUBJECT, Setup(), "1") is None
    store.keep("here", SUBJECT, Setup(), "1", stored)
    assert store.read("here", SUBJECT, Setup(), "1") == stored
    # Another machine, setup or process is another file.
    assert store.read("there", SUBJECT, Setup(), "1") is None
    assert store.read("here", SUBJECT, Setup(threads=2), "1") is None
    assert store.read("here", SUBJECT, Setup(), "2") is None
    store.forget("here", SUBJECT, Setup(), "1")
    assert store.read("here", SUBJECT, Setup(), "1") is None


def test_networks_and_machines_are_read_again(tmp_path: Path) -> None:
    store = SampleStore(tmp_path)
    assert (store.subjects(), store.machines()) == ((), ())
    subjects = parse_subjects(["b0..b2", "b0@dtype=bf16"])
    store.keep_subjects(subjects)
    machine = MachineRecord(key="12ab", facts={"cpu": "x", "cores": 2, "gpu": {"clock": [1, 2]}})
    store.keep_machine(machine)
    # A machine is kept as it was when it began.
    store.keep_machine(MachineRecord(key="12ab", facts={"cpu": "y"}))
    assert store.subjects() == subjects
    assert store.machines() == (machine,)


@pytest.mark.parametrize("content", ["", "{", "[1]", "null"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    store = SampleStore(tmp_path)
    store.keep("here", SUBJECT, Setup(), "1", Stored(result={}))
    (path,) = (tmp_path / "samples").rglob("*.json")
    path.write_text(content)
    with pytest.raises(ValueError) as error:
        store.read("here", SUBJECT, Setup(), "1")
    assert str(error.value).startswith(f"{path} cannot be read: ")
    assert str(error.value).endswith("; remove it to measure again")


@given(st.text())
def test_a_name_is_safe_in_any_folder(text: str) -> None:
    name = safe_name(text)
    assert name
    assert len(name) <= 60
    assert Path(name).name == name
    assert not name.startswith((".", "-"))
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_names_of_files_tell_networks_and_setups_apart() -> None:
    one, other = parse_subjects(["b0", "b1"])
    names = {
        job_name(subject, setup)
        for subject in (one, other)
        for setup in (Setup(), Setup(threads=2), Setup(batch_size=2))
    }
    assert len(names) == 6
    assert all(name.startswith("efficientnet-b") for name in names)
