"""Executors by name: built-in ones, those of other packages, and what is refused before anything is begun."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

from scalesearch.errors import ScalesearchError
from scalesearch.runs.defaults import training_defaults
from scalesearch.study.settings import Computing, TrainingSettings
from scalesearch.study.storage import masked_arguments
from scalesearch.workers import engines
from scalesearch.workers.engines import Hello, Processes, Resources, Work
from scalesearch.workers.node import code

Run = Callable[..., Result]


class _Farm:
    """Somebody else's engine: three nodes, one with GPUs; its runs are made up."""

    def resources(self, address: str) -> Resources:
        if address == "gone:1":
            raise ScalesearchError(f"`executor` must be an address that answers, got {address}")
        return Resources(cpus=(4, 8, 2), gpus=(0, 2, 0) if address == "gpus" else ())

    def hellos(self, address: str, data: Mapping[str, Any] | None) -> Mapping[str, Hello]:
        _Done.asked.append(data)
        here = code()
        return {
            "barn": Hello(code=here),
            "field": {
                "old": Hello(code={**here, "torch": "1.0"}),
                "bare": Hello(),
                "empty": Hello(code=here, lacks="/data/images"),
                "mute": Hello(problem="no answer"),
            }.get(address, Hello(code=here)),
        }

    def executor(self, address: str, work: Work) -> _Done:
        _Done.works.append((address, work))
        return _Done()


class _Done:
    works: list[tuple[str, Work]] = []  # noqa: RUF012  # of all of them
    asked: list[Mapping[str, Any] | None] = []  # noqa: RUF012

    def submit(self, job: Mapping[str, Any], _step: object, _look: object = None) -> Future[dict[str, Any]]:
        future: Future[dict[str, Any]] = Future()
        point = {"images": 32, "train_loss": 2.0, "loss": 2.0, "top1": 0.5}
        future.set_result(
            {"top1": 0.5, "loss": 2.0, "held_out_images": 18, "train_seconds": 1.0, "images_seen": 32}
            | {"complete": True, "curve": [point], "fvcore_total": None, "uncounted": {}}
            | {"computed": [[job["device"], job["threads"]]]}
        )
        return future

    def shutdown(self, *, kill: bool = False) -> None:
        pass


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that adds an engine."""
    entries = [
        EntryPoint("farm", f"{__name__}:_Farm", engines.GROUP),
        EntryPoint("broken", "no_such_package:Engine", engines.GROUP),
        EntryPoint("nameless", f"{__name__}:NoSuchClass", engines.GROUP),
        EntryPoint("needy", f"{__name__}:_Needy", engines.GROUP),
    ]
    monkeypatch.setattr(engines, "entry_points", lambda **_group: entries)
    engines.engine.cache_clear()
    _Done.works.clear()
    yield
    engines.engine.cache_clear()


class _Needy(_Farm):
    """An engine that isn't made without arguments."""

    def __init__(self, farmer: str) -> None:
        self.farmer = farmer


def test_the_package_declares_its_own_engines() -> None:
    tables = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert tables["project"]["entry-points"][engines.GROUP] == dict(engines.BUILT_IN)


def test_processes_are_this_machines(tmp_path: Path) -> None:
    assert engines.is_here(None)
    assert engines.is_here("processes")
    assert not engines.is_here("ray")
    found, address = engines.engine("processes")
    assert isinstance(found, Processes)
    assert address == ""
    assert found.resources("").cpus[0] >= 1
    with pytest.raises(ScalesearchError, match="must be processes alone"):
        found.executor("host:1", Work(device="cpu", jobs=1, log_dir=tmp_path))


@pytest.mark.usefixtures("farm")
def test_names_addresses_and_what_is_wrong_with_them() -> None:
    assert engines.engine("farm://gpus")[1] == "gpus"
    for name, message in {
        "fram": r"must be one of farm, broken, nameless, needy, processes, ray, .* got 'fram'; did you mean farm",
        "broken": "must be one that is installed, got 'broken': it can't be loaded: No module named",
        "nameless": "got 'nameless': it can't be loaded: module .* has no attribute 'NoSuchClass'",
        "needy": "got 'needy': it can't be loaded: .*missing 1 required positional argument",
    }.items():
        with pytest.raises(ScalesearchError, match=message) as error:
            engines.engine(name)
        assert error.value.field == "executor"


@pytest.mark.usefixtures("farm")
def test_what_no_node_has_is_refused() -> None:
    engines.require_resources("farm://gpus", "cuda", 1, None)
    engines.require_resources("farm", "cpu", 8, None)
    for executor, device, threads, message in (
        (
            "farm",
            "cuda",
            1,
            "`device` must be one that a node of farm has, got 'cuda': its 3 nodes have no GPU",
        ),
        ("farm", "cpu", 9, "`threads` must be at most 8, the most CPUs that a node of farm has, got 9"),
        ("farm://gpus", "cuda:0,2", 1, "hands out GPUs itself, got 'cuda:0,2'"),
        ("farm://gone:1", "cpu", 1, "must be an address that answers"),
        (
            "farm://old",
            "cpu",
            1,
            "`executor` must have nodes with the code of this machine, got torch 1.0 there and",
        ),
        ("farm://bare", "cpu", 1, "got scalesearch not installed there and .* here, on node field"),
        (
            "farm://empty",
            "cpu",
            1,
            "`dataset` must be on every node, got no /data/images on node field; put it",
        ),
        ("farm://mute", "cpu", 1, "got no word from node field: no answer"),
    ):
        with pytest.raises(ScalesearchError, match=message):
            engines.require_resources(executor, device, threads, None)


@pytest.mark.usefixtures("farm")
def test_defaults_are_those_of_the_nodes() -> None:
    unsaid = dict.fromkeys(("images", "epochs", "jobs", "threads", "batch_size", "baseline_resolution"))
    options = {"recipe": "steady", "recipe_values": None, "baseline_width": 0.25, "device": "auto", **unsaid}
    on_cpus = training_defaults(options | {"executor": "farm"})
    assert (on_cpus["device"], on_cpus["jobs"], on_cpus["threads"]) == ("cpu", 14, 1)
    on_two_threads = training_defaults(options | {"executor": "farm", "threads": 4})
    assert (on_two_threads["jobs"], on_two_threads["threads"]) == (3, 4)
    on_gpus = training_defaults(options | {"executor": "farm://gpus"})
    assert (on_gpus["device"], on_gpus["jobs"]) == ("cuda", 32)


@pytest.mark.usefixtures("farm")
def test_a_run_is_trained_by_it_and_may_go_on_with_another(
    tmp_path: Path, run: Run, tiny: tuple[str, ...]
) -> None:
    folder = tmp_path / "run"
    result = run("grid", f"--out={folder}", "--executor=farm://a:7", "--jobs=5", "--no-latency", *tiny)
    assert result.exit_code == 0, result.output
    ((address, work),) = _Done.works
    assert (address, work.jobs, work.device, work.log_dir) == ("a:7", 5, "cpu", folder / "logs")
    assert 'executor = "farm://a:7"' in (folder / "run.toml").read_text("utf-8")
    table = pd.read_csv(folder / "candidates.csv")
    # It changes no result, so that it is no other run.
    again = run("grid", f"--out={folder}", "--executor=farm", "--jobs=5", "--no-latency", *tiny)
    assert again.exit_code == 0, again.output
    resumed = run("resume", folder, "--executor=farm://b")
    assert resumed.exit_code == 0, resumed.output
    assert [address for address, _ in _Done.works] == ["a:7", "", "b"]
    pd.testing.assert_frame_equal(pd.read_csv(folder / "candidates.csv"), table)


@pytest.mark.usefixtures("farm")
@pytest.mark.parametrize(
    "name",
    [
        *("fram", "broken", "nameless", "needy", "farm://gone:1"),
        *(
            "ray://user:secret@head:6379",
            "user:secret@head:6379",
            "farm://gone:1?token=secret",
            "secret@head",
        ),
    ],
)
def test_wrong_ones_are_one_line_and_nothing_is_begun(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], name: str
) -> None:
    result = run("grid", f"--out={tmp_path / 'run'}", f"--executor={name}", *tiny)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: --executor must be")
    assert "secret" not in result.output
    assert "***" not in result.output
    assert not (tmp_path / "run").exists()


def test_what_a_run_goes_on_with() -> None:
    settings = TrainingSettings(executor="ray", jobs=3)
    assert Computing().of(settings) == settings
    assert Computing(executor="processes").of(settings).executor == "processes"
    assert "executor" not in TrainingSettings().to_dict()


def test_an_address_is_no_secret() -> None:
    words = [
        "grid",
        "--executor",
        "ray://10.0.0.1:10001",
        "--executor=head:6379",
        "--storage=mysql://a:b@c/d",
    ]
    assert masked_arguments(words)[:4] == words[:4]
    assert ":b@" not in masked_arguments(words)[4]
