"""Wall seconds and peak memory of whole commands, each in a fresh process.

    python experiments/benchmarks/commands.py

`scalesearch --help` and `python -c pass`, the least that any Python program takes, are run in turn; then
`scalesearch scale` over phi 0..7 with fvcore's counts and without latency, into a temporary folder. The
commands are the installed ones: install the package first.

Peak memory is of all processes of a command together, its workers included: the sum of their proportional
shares (a page that two of them share counts once), looked at ten times a second. Where there is no /proc, and
for commands that end sooner than that, it is the command's own greatest resident set, as the system has it.

Expected, in about two minutes on two CPU cores that nothing else uses: help within 0.3 s, the family within
30 s and 2 GiB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from scalesearch.hardware.machine import machine

# ru_maxrss is in KiB on Linux, in bytes on macOS.
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
BETWEEN_LOOKS_S = 0.1
FAMILY = ("scale", "--alpha", "1.2", "--beta", "1.1", "--gamma", "1.15", "--phi", "0..7")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of a command took."""

    wall_s: float
    peak_bytes: int


def _share_bytes(process: Path, session: int) -> int:
    """The proportional share of one process of /proc; 0 for one of another session, or that has ended."""
    try:
        # The name, in brackets, may hold blanks; the session is the fourth field after it.
        if int((process / "stat").read_text().rpartition(")")[2].split()[3]) != session:
            return 0
        lines = (process / "smaps_rollup").read_text().splitlines()
    except (OSError, IndexError, ValueError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def run(command: Sequence[str]) -> Run:
    with tempfile.TemporaryFile() as errors:
        start = perf_counter()
        # A session of its own tells its processes from all others.
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)
        ended = threading.Event()
        peaks = [0]

        def look() -> None:
            while not ended.wait(BETWEEN_LOOKS_S):
                members = Path("/proc").glob("[0-9]*")
                peaks.append(sum(_share_bytes(member, process.pid) for member in members))

        looking = threading.Thread(target=look)
        looking.start()
        # Not getrusage: that gives the greatest of all children so far, not this one's.
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = perf_counter() - start
        ended.set()
        looking.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{errors.read().decode(errors='replace')}")
    return Run(wall_s=wall_s, peak_bytes=max(*peaks, usage.ru_maxrss * MAXRSS_BYTES))


def show(label: str, runs: Sequence[Run]) -> None:
    walls, peaks = [r.wall_s for r in runs], [r.peak_bytes / 2**20 for r in runs]
    print(
        f"{label:<20} {len(runs):>4} {median(walls):>9.3f} {min(walls):>9.3f} {max(walls):>9.3f} "
        f"{median(peaks):>9,.0f} {max(peaks):>9,.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--helps", type=int, default=15, help="runs of help and its yardstick (default 15)")
    parser.add_argument("--families", type=int, default=3, help="runs of `scale` (default 3)")
    options = parser.parse_args()
    for name in ("helps", "families"):
        if getattr(options, name) < 1:
            parser.error(f"`--{name}` must be >= 1, got {getattr(options, name)}")
    scalesearch = str(Path(sys.executable).with_name("scalesearch"))
    if not Path(scalesearch).exists():
        raise SystemExit(f"install the package first: there is no {scalesearch}")

    print(", ".join(f"{label}: {value}" for label, value in machine().items()))
    print("load average before: {:.2f} {:.2f} {:.2f}".format(*os.getloadavg()))
    print(f"{'':<20} {'':>4} {'wall s':>9} {'':>9} {'':>9} {'peak MiB':>9}")
    print(f"{'':<20} {'runs':>4} {'median':>9} {'least':>9} {'most':>9} {'median':>9} {'most':>9}")
    pair = ([sys.executable, "-c", "pass"], [scalesearch, "--help"])
    for command in pair:  # not counted: fills the system's cache of files
        run(command)
    yardsticks, helps = zip(*(map(run, pair) for _ in range(options.helps)), strict=True)
    show("python -c pass", yardsticks)
    show("scalesearch --help", helps)
    ratios = [b.wall_s / a.wall_s for a, b in zip(yardsticks, helps, strict=True)]
    print(f"help takes {median(ratios):.1f} times as long as python alone")
    families = []
    for _ in range(options.families):
        with tempfile.TemporaryDirectory() as folder:
            families.append(run([scalesearch, *FAMILY, "--out", folder]))
    show("scalesearch scale", families)


if __name__ == "__main__":
    main()
