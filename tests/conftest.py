"""Settings of runs so small that a whole search takes seconds."""

from __future__ import annotations

import gc
import os
import sqlite3
import sys

# A tenth of the time that imports take is looking for garbage among what stays.
gc.set_threshold(50_000, 20, 50)

# Tiny networks gain nothing from threads, and threads that wait for one another on a busy machine lose much.
os.environ["OMP_NUM_THREADS"] = "1"

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from pathlib import Path

import alembic.util.pyfiles
import numpy as np
import pytest
import sqlalchemy
from _pytest.mark import ParameterSet
from click.testing import CliRunner, Result
from hypothesis import settings
from matplotlib.figure import Figure
from PIL import Image

from scalesearch.cli import cli
from scalesearch.networks.matching import ShareMatcher
from scalesearch.page import style
from scalesearch.page.style import render, settle

# How long an example takes says more about the machine than about the code.
settings.register_profile("thorough", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)

# Optuna asks for its schema's versions, a Python file each, whenever it opens a database: once is enough.
alembic.util.pyfiles.load_module_py = cache(alembic.util.pyfiles.load_module_py)

# So it is for the networks of a grid, which nearly every command of the tests plans alike.
ShareMatcher.nearest = cache(ShareMatcher.nearest)  # type: ignore[method-assign]

# What a test wrote need not outlast a power cut: waiting for the disk is most of a tiny run's time. Processes that
# tests start and kill wait for it as ever.
os.fsync = lambda _handle: None


@sqlalchemy.event.listens_for(sqlalchemy.pool.Pool, "connect")
def _without_waiting(connection: object, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


class Rendering:
    """Whether figures are laid out and rendered: that is most of a tiny run's time.

    Tests of figures lay them out; files of them are made for the tests of HTML pages and those marked ``figures``.
    """

    wanted = True
    laid_out = True

    @classmethod
    def render(cls, figure: Figure) -> dict[str, bytes]:
        """In place of the report's own: the files of a figure, empty where nobody looks at them."""
        return render(figure) if cls.wanted else {"svg": b"", "png": b""}

    @classmethod
    def settle(cls, figure: Figure) -> None:
        """In place of the report's own, which draws the figure once to lay it out."""
        if cls.laid_out:
            settle(figure)


style.render, style.settle = Rendering.render, Rendering.settle


# They come first, so that nobody is left with one of them at the end.
LONGEST = (
    "study/test_resume.py",
    "cli/test_grid_command.py",
    "cli/test_recipe_option.py",
    "networks/test_baselines.py",
    "workers/test_devices.py",
    "export/test_pretrained.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: a quarter of the time tests wait for processes and disks."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """A hundred examples of each property are tried where the slow part runs too, and a fifth of them without it.

    Where Python was told to keep no compiled modules, as containers often do, it keeps them here all the same: tests
    start a hundred processes, each of which would compile the package anew.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    settings.load_profile("quick" if config.option.markexpr == "not slow" else "thorough")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Write what tests/golden expects anew, to be reviewed as a diff.",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files whose tests take longest first; the others stay in their order."""
    here = Path(__file__).parent
    # Tests write a user's module again within the second and the bytes that tell a compiled one from a new one.
    sys.dont_write_bytecode = True
    gc.freeze()  # what has been imported stays: nobody need look through it for garbage again
    order = {here / name: index for index, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Every test begins with subnormal numbers: compiled code, once loaded, flushes them to zero for good."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
    Rendering.wanted = item.path.parent.name == "html" or item.get_closest_marker("figures") is not None
    Rendering.laid_out = Rendering.wanted or item.path.parent.name == "page"


def slow_but(quick: Collection[str], names: Iterable[str]) -> list[ParameterSet]:
    """Names to run a test with, of which only the ``quick`` ones are in the quick suite."""
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]


TINY = (
    "--max-networks=3",
    "--images=32",
    "--batch-size=8",
    "--held-out=18",
    "--seeds=1",
    "--baseline-width=0.125",
    "--baseline-channel-divisor=1",
    "--baseline-resolution=16",
    "--no-latency",
    "--device=cpu",
    # Two threads that wait for each other beside other work take many times as long as one.
    "--threads=1",
)


@pytest.fixture(autouse=True, scope="session")
def _cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is remembered of images is remembered for the session alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def tiny() -> tuple[str, ...]:
    """Options of a grid that trains three tiny networks."""
    return TINY


@pytest.fixture
def run() -> Callable[..., Result]:
    """Runs a scalesearch command line in this process."""

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    return call


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole tiny run with latency, made once. Not to be changed: copy it first."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    options = [option for option in TINY if option != "--no-latency"]
    result = CliRunner().invoke(cli, ["grid", f"--out={folder}", *options])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """Two classes of ten images each: reddish and bluish noise."""
    root = tmp_path / "images"
    generator = np.random.default_rng(0)
    for channel, name in ((0, "red"), (2, "blue")):
        (root / name).mkdir(parents=True)
        for index in range(10):
            pixels = generator.integers(0, 120, (24, 30, 3), dtype=np.uint8)
            pixels[:, :, channel] += 120
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root
