"""A study read back as a finished record, also one that an earlier version wrote."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from functools import cache
from itertools import groupby
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import arch_from_dict
from scalesearch.plain import typed
from scalesearch.records import CandidateRecord, RunRecord, SeedRun
from scalesearch.records.runs import require_in_plan, require_in_range
from scalesearch.scaling import Multipliers
from scalesearch.study.plan import Planned, memory
from scalesearch.study.settings import TrainingSettings
from scalesearch.workers.jobs import latency_record

RUN = "run/"
"""How the attributes begin that hold a trial's training runs; the seed follows."""
CHECK = "check/"
"""How the study's attributes begin that hold a training run which checks the answer: purpose, role, variant,
network and seed follow."""
STOPPED = "stopped"
"""The study's attribute that says why no further design is trained."""
START = "start/"
"""How the study's attributes begin that hold a training run of the baseline that all networks start from; the
seed follows."""
SAME_AS = "same_as"
"""The attribute of a trial whose network is an earlier trial's: that one's number. It is not trained."""
STATUS = {TrialState.COMPLETE: "completed", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


# Version 0.1.0 kept empty outcomes beside what was planned.
EMPTY = ("top1", "loss", "held_out_images", "train_seconds", "images_seen", "curve")


def candidate_record(data: Mapping[str, Any], outcome: Mapping[str, Any] | None = None) -> CandidateRecord:
    """A candidate from plain data, and what came of it as records."""
    fields = {"status": "waiting"} | dict(data)
    for name in EMPTY:
        fields.pop(name, None)
    fields |= {"runs": (), "latency": None} | dict(outcome or {})
    return typed(CandidateRecord, fields, require_in_plan)


def runs_of(attributes: Mapping[str, Any], first_seed: int) -> dict[int, Mapping[str, Any]]:
    """A trial's training runs by seed, as far as they got; version 0.1.0 had one, of the first seed."""
    runs = {_seed(name, RUN): value for name, value in attributes.items() if name.startswith(RUN)}
    if not runs and "result" in attributes:
        runs[first_seed] = attributes["result"]
    return dict(sorted(runs.items()))


def _seed(name: str, prefix: str) -> int:
    text = name.removeprefix(prefix)
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise ValueError(f"{prefix} must be followed by a seed, got {name!r}")
    return int(text)


def planned_of(attributes: Mapping[str, Any]) -> Planned:
    """What a trial with these attributes is to train."""
    return Planned(record=candidate_record(attributes["candidate"]), arch=arch_from_dict(attributes["arch"]))


def attributes_of(planned: Planned) -> dict[str, Any]:
    """What a trial keeps of the network it stands for."""
    outcomes = ("runs", "latency", "fvcore_total", "uncounted", "status", "reason", "means")
    candidate = {name: value for name, value in asdict(planned.record).items() if name not in outcomes}
    return {"key": planned.record.key, "candidate": candidate, "arch": planned.arch.to_dict()}


def chosen_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What a study's attributes say was chosen to be trained, by key, in the order of choice."""
    pieces = (attributes[name] for name in sorted(attributes) if name.startswith("chosen/"))
    return {item["key"]: item for piece in pieces for item in piece}


def counting_trials(trials: Sequence[FrozenTrial]) -> dict[str, FrozenTrial]:
    """The trial that counts for each network, by key, in the order in which the networks came up.

    That is the latest one that was trained for itself. A trial that was not described yet has no network.
    """
    counting: dict[str, FrozenTrial] = {}
    for trial in trials:
        if "key" in trial.user_attrs and SAME_AS not in trial.user_attrs:
            counting[trial.user_attrs["key"]] = trial
    return counting


def read_record(
    run: Mapping[str, Any], attributes: Mapping[str, Any], trials: Sequence[FrozenTrial]
) -> RunRecord:
    """Everything a study holds.

    Args:
        run: the run's own facts.
        attributes: all of the study's user attributes.
        trials: all trials; of several for one network the latest that was trained counts.

    Raises:
        KeyError, TypeError, AttributeError, IndexError, ValueError: if something is missing or not as any
            version wrote it.
    """
    merged: dict[str, list[Any]] = {}
    for trial in trials:
        if SAME_AS in trial.user_attrs and "key" in trial.user_attrs:
            merged.setdefault(trial.user_attrs["key"], []).extend(trial.user_attrs["candidate"]["merged"])
    candidates = [
        outcome(trial, attributes, run, merged.get(key, ())) for key, trial in counting_trials(trials).items()
    ]
    for name in sorted(attributes):
        if name.startswith("skipped/"):
            candidates += [candidate_record({"phi": run["phi"]} | item) for item in attributes[name]]
    seconds = [value for name, value in attributes.items() if name.startswith("session/")]
    order = {key: index for index, key in enumerate(run["order"])}
    facts = {
        "kind": "grid",
        **{name: value for name, value in run.items() if name != "order"},
        "reliability": attributes.get("reliability", ()),
        "start": None if (begun := run.get("start")) is None else _start(begun, attributes),
        "stopped": attributes.get(STOPPED, ""),
        "checks": _checks(attributes),
    }
    # What a sampler suggested has no order but its own.
    ranked = sorted(candidates, key=lambda c: order.get(c.key, len(order)))
    record = typed(
        RunRecord,
        {**facts, "wall_s": sum(seconds), "sessions": len(seconds), "candidates": tuple(ranked)},
        require_in_range,
    )
    return with_shapes(record)


def with_shapes(run: RunRecord) -> RunRecord:
    """The run with how its networks' growth was shared out as built, which earlier versions did not keep.

    It is worked out from each network's cost, pixels and multiplier of depth and the settings' baseline. A
    user's own code would have to be run for that, which reading does not: its networks stay as they are.
    """
    if all(c.depth_doublings is not None or not c.counted for c in run.candidates):
        return run
    names = {field.name for field in fields(TrainingSettings)}
    try:
        settings = TrainingSettings.from_dict({k: v for k, v in run.settings.items() if k in names})
        base = settings.proxy_baseline(run.classes)
    except ValueError:  # settings that no version would have taken say nothing
        return run
    if base.code:
        return run
    pixels = math.prod(base.input_size)

    @cache
    def deepened(depth: float) -> float:
        deeper = scale(base, Multipliers(depth=depth), settings.proxy_rounding)
        return math.log2(count(deeper).macs / count(base).macs)

    def shaped(c: CandidateRecord) -> CandidateRecord:
        if c.depth_doublings is not None or not c.counted:
            return c
        depth = deepened(c.depth)
        resolution = math.log2(c.resolution * (c.resolution_width or c.resolution) / pixels)
        return replace(
            c,
            depth_doublings=depth,
            width_doublings=math.log2(c.macs_ratio) - depth - resolution,
            resolution_doublings=resolution,
        )

    return replace(run, candidates=tuple(map(shaped, run.candidates)))


def _checks(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The training runs that check the answer, those that failed left out, in the order of their names."""
    return [
        {
            **{key: value for key, value in result["check"].items() if key != "seed"},
            "run": seed_run(int(result["check"]["seed"]), result),
        }
        for name, result in sorted(attributes.items())
        if name.startswith(CHECK) and "top1" in result
    ]


def _start(data: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What the networks were grown from, with the baseline's runs in the order of seeds."""
    results = {_seed(name, START): value for name, value in attributes.items() if name.startswith(START)}
    return {**data, "runs": [seed_run(seed, results[seed]) for seed in sorted(results)]}


def outcome(
    trial: FrozenTrial, attributes: Mapping[str, Any], run: Mapping[str, Any], merged: Sequence[Any] = ()
) -> CandidateRecord:
    """A trial's candidate with whatever is known of its outcome, and the triples of others that share it."""
    data: dict[str, Any] = {"phi": run["phi"]} | _memory(trial, run["settings"])
    data |= trial.user_attrs["candidate"]
    data["merged"] = [*data["merged"], *merged]
    data["status"] = STATUS.get(trial.state, "waiting")
    if trial.state == TrialState.FAIL:
        data["reason"] = trial.user_attrs.get("reason", "unknown")
    elif trial.state == TrialState.PRUNED:
        data["reason"] = f"behind at {trial.last_step:,} images"
    runs = runs_of(trial.user_attrs, int(run["settings"]["seed"]))
    counted = next((r for r in runs.values() if r.get("fvcore_total") is not None), {})
    trained: dict[str, Any] = {
        "runs": tuple(seed_run(seed, result) for seed, result in runs.items()),
        "fvcore_total": counted.get("fvcore_total"),
        "uncounted": counted.get("uncounted"),
    }
    latency = attributes.get(f"latency/{data['key']}")
    if latency is not None and "samples_s" in latency:
        trained["latency"] = latency_record(latency)
    elif latency is not None:
        trained["reason"] = f"latency: {latency['reason']}"
    return candidate_record(data, trained)


def _memory(trial: FrozenTrial, settings: Mapping[str, Any]) -> dict[str, int | None]:
    """What a trial's network takes by closed form, for studies that kept the network but not yet this.

    Of a user's own code there is no closed form: it would have to be run, which reading does not.
    """
    arch = trial.user_attrs.get("arch")
    if arch is None or "target" in arch or "inference_bytes" in trial.user_attrs["candidate"]:
        return {}
    inference, training = memory(arch_from_dict(arch), settings)
    return {"inference_bytes": inference, "training_bytes": training}


def seed_run(seed: int, result: Mapping[str, Any]) -> SeedRun:
    """A training run from what a worker gave back."""
    names = ("top1", "loss", "held_out_images", "images_seen", "train_seconds", "curve")
    computed = result.get("computed", ())

    def stations(values: Iterable[object]) -> str:
        return " then ".join(str(value) for value, _ in groupby(values))

    places = {
        "device": stations(device for device, _ in computed),
        "threads": stations(threads for _, threads in computed),
    }
    run = {"seed": seed, **places, **{name: result[name] for name in names}}
    return typed(SeedRun, run, require_in_range)
