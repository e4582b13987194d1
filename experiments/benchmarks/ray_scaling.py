"""How a search's wall time falls with the nodes of a Ray cluster, and what a run costs the driver.

Jobs that sleep stand for training, so that nodes on one machine do not take one another's cores: what is
measured is what hands them out. One node and four (of one CPU each) get the same jobs; then 10,000 jobs that
do nothing say what each costs the driver, in seconds of its processor and in all.

    python experiments/benchmarks/ray_scaling.py [--runs 10000]

Takes about ten minutes on two cores. Expected: four nodes at least 3.2 times as fast as one; at most 5 ms of
the driver's processor a run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

# Before Ray is loaded: everything stays on the loopback interface, and nobody is told.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}

import ray
from ray.cluster_utils import Cluster

from scalesearch.workers.engines import Work, engine
from scalesearch.workers.executor import Executor
from scalesearch.workers.jobs import ProbeSpec

COMMON: dict[str, Any] = {"node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20}


def probe(number: int, seconds: float) -> dict[str, Any]:
    return ProbeSpec(key=f"run-{number}", seconds=seconds).to_dict()


def wall(executor: Executor, runs: int, seconds: float) -> float:
    """Seconds that so many jobs take, once each place is there."""
    begun = time.perf_counter()
    futures = [executor.submit(probe(number, seconds), lambda _done, _steps: None) for number in range(runs)]
    for future in futures:
        future.result()
    return time.perf_counter() - begun


def cost(executor: Executor, runs: int, jobs: int) -> tuple[float, float]:
    """Seconds of this process's processor, and of the clock, for each of so many jobs, some in flight."""
    flying: list[Any] = []
    processor, begun = time.process_time(), time.perf_counter()
    for number in range(runs):
        flying.append(executor.submit(probe(number, 0.0), lambda _done, _steps: None))
        if len(flying) >= jobs:
            flying.pop(0).result()
    for future in flying:
        future.result()
    return (time.process_time() - processor) / runs, (time.perf_counter() - begun) / runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--sleep", type=float, default=4.0)
    parser.add_argument("--jobs", type=int, default=40)
    asked = parser.parse_args()
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **COMMON}
    )
    found, address = engine(f"ray://{cluster.address}")
    seconds: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as logs:
        work = Work(device="cpu", jobs=4, log_dir=Path(logs), on_note=print)
        for nodes in (1, 4):
            while len(cluster.worker_nodes) < nodes:
                cluster.add_node(num_cpus=1, **COMMON)
            executor = found.executor(address, work)
            wall(executor, 2 * nodes, 1.0)  # places start
            seconds[nodes] = wall(executor, asked.jobs, asked.sleep)
            print(
                f"nodes {nodes}: {asked.jobs} runs of {asked.sleep:g} s in {seconds[nodes]:.1f} s", flush=True
            )
            if nodes == 4:
                of_processor, of_clock = cost(executor, asked.runs, 8)
            executor.shutdown()
    print(f"four nodes are {seconds[1] / seconds[4]:.2f} times as fast as one, load {os.getloadavg()}")
    print(
        f"{asked.runs:,} runs: {1e3 * of_processor:.2f} ms of the driver's processor a run, "
        f"{1e3 * of_clock:.1f} ms of the clock"
    )
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
