"""All that has to be shown on a GPU, in one call of under eight minutes, into one folder.

    python experiments/benchmarks/gpu.py --out gpu --timm-benchmark FILE
    python experiments/benchmarks/gpu.py --out try --device cpu --quick

In this order, each part in a process of its own and with a time limit:

- the tests that need a GPU, and training throughput (gpu_training.py);
- the default `grid --phi 1`, with how busy the GPU is read by NVML meanwhile;
- `measure` of EfficientNet-B0 to B7 at batches of 1 and 64, float32 and bfloat16, eager and as CUDA graphs;
- the cost law of the card, and inference throughput (inference.py);
- `measure` compiled, where a network compiles within a minute.

Time that a part leaves over is for those after it. A part that fails or runs out of time doesn't stop the
others; what measurements have by then is kept, and a second call on the same folder goes on with what isn't
finished. Nothing is fetched. FILE is the benchmark.py of timm's repository, see timm_peer.py.

Written: a log of each part, the reports, `machine.json` (card, driver, versions), `busy.csv`, `results.json`
and `summary.md`, a table of what was to be reached and what was. `--quick` is a trial of the script itself:
every part, at a tiny size, in two to five minutes of two CPU cores.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

from scalesearch.files import write_bytes
from scalesearch.hardware.device import device_kind

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GRACE_S = 15.0
"""For a part to write down what it has, once its time is up."""
SAMPLE_S = 0.25
STATE = "parts.json"


@dataclass(frozen=True)
class Part:
    """A command, the seconds it may take, and the run's folder, if it has one, to go on with or report."""

    name: str
    command: tuple[str, ...]
    limit_s: float
    folder: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a part ended: ``done``, ``failed`` or ``out of time``, and after how many seconds."""

    part: str
    how: str
    seconds: float
    last_line: str = ""


@dataclass(frozen=True)
class Goal:
    """A figure read from the folder, None where it is not there, and what is to be reached."""

    what: str
    wanted: str
    figure: Callable[[Path], float | None]
    reached: Callable[[float], bool]
    shown: str = "{:,.0f}"


@dataclass
class Busy:
    """How busy the GPU is, by NVML: seconds since the beginning, and percent."""

    uuid: str
    samples: list[tuple[float, float]] = field(default_factory=list)

    def watch(self, ended: threading.Event) -> None:
        """Fills ``samples`` until then; without NVML, or without leave to ask it, there are none."""
        with suppress(Exception):  # no package, no library, no driver, no permission: each has its own error
            import pynvml

            pynvml.nvmlInit()
            handle = pynvml.nvmlDeviceGetHandleByUUID(self.uuid)
            begun = perf_counter()
            while not ended.wait(SAMPLE_S):
                rates = pynvml.nvmlDeviceGetUtilizationRates(handle)
                self.samples.append((perf_counter() - begun, float(rates.gpu)))


def parts(options: argparse.Namespace) -> tuple[Part, ...]:
    """All of them, in order."""
    out, device, quick = options.out, options.device, options.quick
    on = f"--device={device}"
    timm = (f"--timm-benchmark={options.timm_benchmark}",) if options.timm_benchmark else ()
    tests = sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if "pytest.mark.gpu" in path.read_text("utf-8")
    )
    scalesearch = ("-m", "scalesearch")
    sampled = ("--processes=1", "--min-time=0.01s" if quick else "--min-time=0.1s")
    family = ("resnet-18:1,0.125,0.15",) if quick else ("b0..b7",)
    setups = ("--batch-size=1,2" if quick else "--batch-size=1,64", "--dtype=fp32,bf16")
    # A CUDA graph is there on CUDA alone.
    runtimes = "--runtime=eager,graph" if device_kind(device) == "cuda" else "--runtime=eager"
    proxy = (
        "--images=64",
        "--max-networks=2",
        "--seeds=1",
        "--baseline-width=0.125",
        "--baseline-resolution=16",
    )
    law = ("--random=3", "--baseline-width=0.25", "--baseline-resolution=32") if quick else ("--random=24",)
    threads = ("--threads=1",) if quick else ()
    return (
        Part(
            "tests",
            (
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "-m",
                "gpu",
                f"--junitxml={out / 'tests.xml'}",
                *tests,
            ),
            75,
        ),
        Part(
            "training",
            (
                *(str(HERE / "gpu_training.py"), on, f"--json={out / 'training.json'}", *timm),
                *(("--quick", "--rounds=1", "--group=2") if quick else ("--rounds=2",)),
            ),
            100,
        ),
        Part(
            "grid",
            (
                *scalesearch,
                "grid",
                "--phi=1",
                on,
                f"--out={out / 'grid'}",
                *(proxy if quick else ()),
                *threads,
            ),
            200,
            folder="grid",
        ),
        Part(
            "measure",
            (
                *scalesearch,
                "measure",
                *family,
                *setups,
                runtimes,
                on,
                *sampled,
                f"--out={out / 'measure'}",
                *threads,
            ),
            120,
            folder="measure",
        ),
        Part(
            "law",
            (
                *(*scalesearch, "law", "--batch-size=1" if quick else "--batch-size=64", on, *sampled),
                *(f"--out={out / 'law'}", *law, *threads),
            ),
            90,
            folder="law",
        ),
        Part(
            "inference",
            (
                *(str(HERE / "inference.py"), on, f"--json={out / 'inference.json'}", *timm),
                *(
                    ("--batch-size=2", "--pixels=32", "--rounds=1", "--threads=1")
                    if quick
                    else ("--rounds=2",)
                ),
            ),
            40,
        ),
        Part(
            "compile",
            (
                *(
                    *scalesearch,
                    "measure",
                    *family,
                    *(("--batch-size=1",) if quick else setups),
                    on,
                    *sampled,
                ),
                *(
                    "--runtime=compile",
                    "--no-memory",
                    f"--process-limit={140 if quick else 60}s",
                    f"--out={out / 'compile'}",
                    *threads,
                ),
            ),
            150,
            folder="compile",
        ),
    )


def run(part: Part, out: Path, limit_s: float, uuid: str) -> Outcome:
    """Runs a part, for as long as it may; the GPU is watched meanwhile where it is the grid."""
    begun, ended = perf_counter(), threading.Event()
    busy = Busy(uuid)
    watch = threading.Thread(target=busy.watch, args=(ended,))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    with (out / f"{part.name}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, *part.command],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        if part.name == "grid":
            watch.start()
        how = "out of time"
        try:
            code = process.wait(timeout=limit_s)
            how = "done" if code == 0 else "failed"
        except subprocess.TimeoutExpired:
            _end(process)
        finally:
            ended.set()
    seconds = perf_counter() - begun
    if part.name == "grid":
        watch.join()
        rows = "".join(f"{at:.2f},{percent:g}\n" for at, percent in busy.samples)
        write_bytes(out / "busy.csv", f"seconds,gpu_percent\n{rows}".encode())
    if how == "out of time" and part.folder:
        with suppress(subprocess.SubprocessError):
            subprocess.run(
                [sys.executable, "-m", "scalesearch", "report", str(out / part.folder)],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                timeout=2 * GRACE_S,
                check=False,
            )
    return Outcome(part.name, how, round(seconds, 1), _last_line(out / f"{part.name}.log"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C first, at which what is measured is kept; then whatever is left of it and its workers."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE_S)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def machine(device: str) -> dict[str, Any]:
    """The machine, its versions and the GPU's identity, asked in a process of its own, which then is gone."""
    code = (
        "import json, sys\n"
        "from scalesearch.hardware.device import resolve_device\n"
        "from scalesearch.hardware.machine import machine, versions\n"
        "place = resolve_device(sys.argv[1])\n"
        "facts = {'machine': machine(str(place)), 'versions': versions(), 'uuid': ''}\n"
        "if place.type == 'cuda':\n"
        "    import torch\n"
        "    facts['uuid'] = f'GPU-{torch.cuda.get_device_properties(place).uuid}'\n"
        "print(json.dumps(facts))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    asked = subprocess.run(
        [sys.executable, "-c", code, device], env=environment, capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise SystemExit((asked.stderr.strip().splitlines() or ["torch could not be asked"])[-1])
    facts: dict[str, Any] = json.loads(asked.stdout)
    return facts


def comparison(out: Path, file: str, key: str) -> Mapping[str, Any] | None:
    """The comparison of that key in a benchmark's file."""
    try:
        rows = json.loads((out / file).read_text("utf-8"))["comparisons"]
    except (OSError, ValueError, KeyError):
        return None
    found: Mapping[str, Any] | None = next((row for row in rows if row["key"] == key), None)
    return found


def speed(file: str, key: str) -> Callable[[Path], float | None]:
    """The median of scalesearch."""

    def figure(out: Path) -> float | None:
        row = comparison(out, file, key)
        return None if row is None else float(next(iter(row["medians"].values())))

    return figure


def ratio(file: str, key: str, other: str) -> Callable[[Path], float | None]:
    """Of scalesearch over the side whose name begins so."""

    def figure(out: Path) -> float | None:
        row = comparison(out, file, key)
        sides = {} if row is None else row["ratios"]
        return next((float(value) for side, value in sides.items() if side.startswith(other)), None)

    return figure


def first_steps(out: Path) -> float | None:
    """Seconds that a run took beyond its steady speed."""
    with suppress(OSError, ValueError, KeyError):
        seconds = json.loads((out / "training.json").read_text("utf-8"))["beyond_steady_s"]
        return median(seconds) if seconds else None
    return None


def rows(path: Path) -> list[dict[str, str]]:
    """Of a CSV file; none where it isn't there."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError:
        return []


def grid_seconds(out: Path) -> float | None:
    """How long the grid took; none unless it trained all that it had to."""
    trained = [row for row in rows(out / "grid" / "runs.csv") if row.get("status") == "completed"]
    if not trained:
        return None
    return next((o.seconds for o in outcomes(out) if o.part == "grid" and o.how == "done"), None)


def grid_images(out: Path) -> float | None:
    """Images trained by all runs of the grid."""
    images = [float(row["images_seen"] or 0) for row in rows(out / "grid" / "runs.csv")]
    return sum(images) if images else None


def busy_percent(out: Path) -> float | None:
    """Mean of the GPU's busy time after the first minute; after half of a grid that took less than two."""
    samples = [(float(row["seconds"]), float(row["gpu_percent"])) for row in rows(out / "busy.csv")]
    if not samples:
        return None
    settled = min(60.0, samples[-1][0] / 2)
    return mean(percent for at, percent in samples if at >= settled)


def law_error(out: Path) -> float | None:
    """Median error of the cost law on networks that it never saw, in percent; of several laws the largest."""
    errors = [float(row["median_error"]) for row in rows(out / "law" / "laws.csv") if row["median_error"]]
    return 100 * max(errors) if errors else None


def measured(folder: str) -> Callable[[Path], float | None]:
    """Rows with a figure."""

    def figure(out: Path) -> float | None:
        table = rows(out / folder / "measurements.csv")
        return float(sum(row["outcome"] == "measured" for row in table)) if table else None

    return figure


def failed_tests(out: Path) -> float | None:
    """Tests that failed; none where no test ran."""
    from xml.etree import ElementTree

    try:
        suites = list(ElementTree.parse(out / "tests.xml").getroot().iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        return None
    counts = {
        name: sum(int(suite.get(name, 0)) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    }
    ran = counts["tests"] - counts["skipped"]
    return float(counts["failures"] + counts["errors"]) if ran else None


def at_least(bound: float) -> Callable[[float], bool]:
    return lambda figure: figure >= bound


def at_most(bound: float) -> Callable[[float], bool]:
    return lambda figure: figure <= bound


GOALS = (
    Goal("tests on the GPU that fail", "0", failed_tests, at_most(0)),
    Goal(
        "proxy baseline, batch 32, one run, images/s",
        ">= 8,000",
        speed("training.json", "one run"),
        at_least(8000),
    ),
    Goal(
        "  over the plain eager loop",
        ">= 9",
        ratio("training.json", "one run", "plain"),
        at_least(9),
        "{:.2f}",
    ),
    Goal(
        "  in a group, images/s",
        ">= 25,000",
        speed("training.json", "group"),
        at_least(25_000),
    ),
    Goal(
        "  in a group at batch 128, images/s",
        ">= 55,000",
        speed("training.json", "group, large batch"),
        at_least(55_000),
    ),
    Goal(
        "EfficientNet-B0 at 224, batch 128, images/s",
        ">= 4,400",
        speed("training.json", "B0"),
        at_least(4400),
    ),
    Goal(
        "  over timm's training benchmark",
        ">= 0.95",
        ratio("training.json", "B0", "timm"),
        at_least(0.95),
        "{:.2f}",
    ),
    Goal(
        "first steps of a network, seconds beyond its steady speed",
        "<= 2.5",
        first_steps,
        at_most(2.5),
        "{:.2f}",
    ),
    Goal("default grid, seconds", "<= 180", grid_seconds, at_most(180)),
    Goal("  images trained", ">= 24 x 64,000", grid_images, at_least(24 * 64_000)),
    Goal("  GPU busy, % after the first minute", ">= 80", busy_percent, at_least(80)),
    Goal("rows of b0..b7, eager and as a graph", "64", measured("measure"), at_least(64)),
    Goal("rows of b0..b7, compiled in a minute", "any", measured("compile"), at_least(1)),
    Goal("law of the card, held-out median error, %", "<= 10", law_error, at_most(10), "{:.1f}"),
    Goal(
        "inference over timm's benchmark, float32",
        "0.95 to 1.05",
        ratio("inference.json", "float32", "timm"),
        lambda figure: 0.95 <= figure <= 1.05,
        "{:.3f}",
    ),
    Goal(
        "inference over timm's benchmark, bfloat16",
        "0.95 to 1.05",
        ratio("inference.json", "bfloat16", "timm"),
        lambda figure: 0.95 <= figure <= 1.05,
        "{:.3f}",
    ),
)


def summary(out: Path, facts: Mapping[str, Any], quick: bool) -> tuple[str, list[dict[str, Any]]]:
    """The page, and its table as plain data."""
    table = []
    for goal in GOALS:
        figure = goal.figure(out)
        table.append(
            {
                "what": goal.what.strip(),
                "wanted": goal.wanted,
                "got": None if figure is None or math.isnan(figure) else figure,
                "shown": "-" if figure is None else goal.shown.format(figure),
                "verdict": "not measured"
                if figure is None
                else "reached"
                if goal.reached(figure)
                else "not reached",
            }
        )
    known = facts["machine"]
    card = known.get("gpu", f"no GPU: {known.get('cpu', 'unknown')}")
    lines = [
        f"# {card}",
        "",
        *(["A trial of the script at a tiny size: its figures say nothing.", ""] if quick else []),
        f"Driver {known.get('driver', '-')}, CUDA {known.get('cuda', '-')}, torch {known.get('torch')}, "
        f"{known.get('system')}; {known.get('cores')} CPU cores.",
        "",
        "| what | wanted | got | |",
        "| :-- | --: | --: | :-- |",
        *(f"| {row['what']} | {row['wanted']} | {row['shown']} | {row['verdict']} |" for row in table),
        "",
        "| part | how it ended | seconds | its last line |",
        "| :-- | :-- | --: | :-- |",
        *(
            f"| {o.part} | {o.how} | {o.seconds:.0f} | {o.last_line.replace('|', '/')} |"
            for o in outcomes(out)
        ),
    ]
    return "\n".join(lines) + "\n", table


def outcomes(out: Path) -> list[Outcome]:
    """How the parts ended, as the folder keeps it."""
    try:
        return [Outcome(**row) for row in json.loads((out / STATE).read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def arguments(names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to write; one of before is gone on with"
    )
    parser.add_argument("--device", default="cuda", help="where (default cuda)")
    parser.add_argument("--minutes", type=float, default=7.8, help="for all of it (default 7.8)")
    parser.add_argument("--parts", default=",".join(names), help=f"which of {', '.join(names)} (default all)")
    parser.add_argument("--again", action="store_true", help="run the parts again that are done")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the script itself")
    parser.add_argument("--timm-benchmark", type=Path, help="timm's benchmark.py, from its repository")
    options = parser.parse_args()
    if not options.minutes > 0:
        parser.error(f"`--minutes` must be > 0, got {options.minutes:g}")
    options.parts = options.parts.split(",")
    if unknown := [name for name in options.parts if name not in names]:
        parser.error(f"`--parts` must be some of {', '.join(names)}, got {', '.join(unknown)}")
    if options.timm_benchmark is not None and not options.timm_benchmark.is_file():
        parser.error(f"`--timm-benchmark` must be a file, got {options.timm_benchmark}")
    options.out = options.out.resolve()
    options.timm_benchmark = options.timm_benchmark and options.timm_benchmark.resolve()
    return options


NAMES = ("tests", "training", "grid", "measure", "law", "inference", "compile")


def main() -> None:
    options = arguments(NAMES)
    ends = perf_counter() + 60 * options.minutes
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    facts = machine(options.device)
    write_bytes(out / "machine.json", (json.dumps(facts, indent=1) + "\n").encode())
    ended = {outcome.part: outcome for outcome in outcomes(out)}
    for part in parts(options):
        if part.name not in options.parts:
            continue
        if not options.again and part.name in ended and ended[part.name].how == "done":
            print(f"{part.name}: done before", flush=True)
            continue
        before = ended.get(part.name)
        if before is not None and before.how == "done" and part.folder:
            shutil.rmtree(out / part.folder, ignore_errors=True)  # it would be found finished
        limit_s = min(part.limit_s, ends - perf_counter() - GRACE_S)
        if limit_s <= 0:
            ended.setdefault(part.name, Outcome(part.name, "no time left", 0.0))
        else:
            print(f"{part.name}: at most {limit_s:.0f} s ...", end=" ", flush=True)
            ended[part.name] = run(part, out, limit_s, facts["uuid"])
            if before is not None and before.how == "out of time" and part.folder:
                # It went on where that had stopped.
                both = before.seconds + ended[part.name].seconds
                ended[part.name] = replace(ended[part.name], seconds=round(both, 1))
            print(f"{ended[part.name].how} after {ended[part.name].seconds:.0f} s", flush=True)
        state = [asdict(ended[name]) for name in NAMES if name in ended]
        write_bytes(out / STATE, (json.dumps(state, indent=1) + "\n").encode())
    page, table = summary(out, facts, options.quick)
    write_bytes(out / "summary.md", page.encode())
    results = {
        "machine": facts["machine"],
        "versions": facts["versions"],
        "quick": options.quick,
        "goals": table,
    }
    write_bytes(out / "results.json", (json.dumps(results, indent=1) + "\n").encode())
    print(f"\n{page}")


if __name__ == "__main__":
    main()
