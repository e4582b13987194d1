"""STEP 1 as an experiment: which networks are trained, with how many seeds, and what checks the answer.

Networks are trained in whole designs: every chosen one with one seed, then every one with the next. After
each design the surface says whether it is enough. Then, where that is asked for, corners and centre are
trained by other recipes, and the best split, its runner-up and the paper's with seeds that the surface never
saw.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesearch.page.evidence import nothing_learnt
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.records.runs import IN_SHARES
from scalesearch.statistics.answer import Answer, DesignError, fit, read
from scalesearch.statistics.runs import predictions, trained_runs
from scalesearch.study.driver import Beside, Observer, Segment, Trainer, complete, train_enqueued
from scalesearch.study.grid_plan import GridSettings, every_network
from scalesearch.study.plan import Planned
from scalesearch.study.reading import CHECK, STOPPED

if TYPE_CHECKING:
    from scalesearch.study.settings import TrainingSettings
    from scalesearch.study.study import SearchStudy, TrialHandle

FLAT = 1.0
"""Points within which all splits have to lie for a search to stop because any will do."""
FEWEST_DESIGNS = 2
"""Before so many no search stops for what they say: one seed alone doesn't say how much seeds differ."""
CONFIRMING_SEED = 1_000_000
"""The first of the seeds that confirm an answer, counted from the search's own first."""
RATES = (0.5, 2.0)
"""What the learning rate is multiplied by where the recipe is checked."""
RECIPE_SEEDS = 2
MOST_CONFIRMED = 3
"""The best split, the runner-up and the paper's."""
CORNERS = {
    "depth alone": (1.0, 0.0, 0.0),
    "width alone": (0.0, 1.0, 0.0),
    "resolution alone": (0.0, 0.0, 1.0),
    "centre": (1 / 3, 1 / 3, 1 / 3),
}


def train_designs(
    study: SearchStudy, settings: TrainingSettings, trainer: Trainer, observer: Observer
) -> None:
    """Trains whole designs until the answer is good enough, then what checks it.

    A search by rungs of successive halving trains these instead, and checks nothing.
    """
    assert isinstance(settings, GridSettings)
    if len(study.rungs()) > 1:
        train_enqueued(study, settings, trainer, observer)
        return
    done, trials = study.finished(), list(study.take_waiting())
    total = settings.seeds * (done + len(trials))
    observer.phase("Training", total, settings.seeds * done + study.runs_ahead())
    if trials:
        _train(study, settings, trainer, trials)
    if settings.check_recipe:
        _check_recipe(study, settings, trainer)
    if settings.confirm:
        _confirm(study, settings, trainer)


DESIGNS_ON_ACCELERATORS = 4
"""Designs trained before one is looked at: an accelerator is only busy with many runs side by side."""


def _train(
    study: SearchStudy,
    settings: GridSettings,
    trainer: Trainer,
    trials: Sequence[TrialHandle],
) -> None:
    """Trains the trials with one seed more at a time, and completes them when that is enough."""
    started, before = time.perf_counter(), study.seconds
    alive: list[TrialHandle] = list(trials)
    seeds = 0
    stopped = ""
    while seeds < settings.seeds and not stopped:
        # What comes out of many runs side by side on an accelerator is looked at less often.
        more = 1 if settings.device == "cpu" else DESIGNS_ON_ACCELERATORS
        began = time.perf_counter()
        seeds = min(settings.seeds, seeds + more)
        reached: list[TrialHandle] = []
        segment = Segment(until=None, seeds=settings.seed_list[:seeds])
        # With its last seed a network is done at once: a run that is stopped then keeps it as such.
        settle = partial(complete, study) if seeds == settings.seeds else partial(_collect, reached)
        trainer.train(iter(alive), segment, settle)
        alive = sorted(reached, key=lambda trial: trial.number)
        now = time.perf_counter()
        spent, last = before + now - started, now - began
        stopped = _why_stop(study.record, settings, seeds, spent=spent, last=last)
    study.set_attribute(STOPPED, stopped or f"all {settings.seeds} designs were trained (--seeds)")
    for trial in alive:
        complete(study, trial, 0.0)


def _collect(reached: list[TrialHandle], trial: TrialHandle, _top1: float) -> None:
    reached.append(trial)


def _why_stop(
    record: Callable[[], RunRecord], settings: GridSettings, seeds: int, *, spent: float, last: float
) -> str:
    """Why no further design is trained; empty where one is.

    Args:
        record: of the run so far.
        settings: of the run.
        seeds: designs trained so far.
        spent: seconds of the run so far.
        last: seconds that the last look's designs took.
    """
    if settings.time_budget and seeds < settings.seeds and spent + last > settings.time_budget:
        return (
            f"the next design would not have ended within the {settings.time_budget:.0f} s of --time-budget"
        )
    if settings.regret is None or seeds < FEWEST_DESIGNS:
        return ""
    run = record()
    try:
        answer = read(fit(trained_runs(run)))
    except DesignError:
        return ""
    if nothing_learnt(run):
        return ""  # all splits are alike in knowing nothing
    if answer.regret <= settings.regret:
        return (
            f"the best split can be at most {answer.regret:.2g} points behind any other, within the "
            f"{settings.regret:g} of --regret"
        )
    if answer.flat_within <= FLAT:
        return f"all splits lie within {answer.flat_within:.2g} points: any will do"
    return ""


def checks_left(study: SearchStudy, settings: GridSettings) -> tuple[int, int]:
    """How many runs that check the recipe, and that confirm the answer, are still to be trained.

    Before all networks are trained, or it is known which confirm, they are as many as there can be.
    """
    known = study.attributes
    recipe = 0
    if settings.check_recipe:
        several = len(RATES) + 1
        planned = [run.name for run in _recipe_runs(study, settings)]
        recipe = len(CORNERS) * several * min(RECIPE_SEEDS, settings.seeds)
        if planned and not (study.waiting() or study.unfinished):
            recipe = sum(name not in known for name in planned)
    confirm = 0
    if settings.confirm:
        trained = sum(name.startswith(f"{CHECK}confirm/") for name in known)
        confirm = settings.confirm * (len(known.get("confirm", ())) or MOST_CONFIRMED) - trained
    return recipe, max(0, confirm)


def _check_recipe(study: SearchStudy, settings: GridSettings, trainer: Trainer) -> None:
    """Trains the corners and the centre at other rates and at another batch size."""
    if runs := _recipe_runs(study, settings):
        trainer.train_beside(runs, "Checking the recipe")


def _recipe_runs(study: SearchStudy, settings: GridSettings) -> list[Beside]:
    """The runs that check the recipe, as far as networks are trained, each of which stands for one role."""
    done = study.completed()
    if not done:
        return []
    splits = np.array([planned.record.split or (np.inf,) * 3 for planned in done])
    recipe = settings.proxy_recipe
    variants = {
        f"rate x {factor:g}": replace(recipe, learning_rate=recipe.learning_rate * factor) for factor in RATES
    }
    variants[f"batch {2 * recipe.batch_size}"] = recipe.at_batch(2 * recipe.batch_size)
    runs, taken = [], set[str]()
    for role, corner in CORNERS.items():
        planned = done[int(np.argmin(((splits - np.array(corner)) ** 2).sum(axis=1)))]
        if planned.record.key in taken:
            continue
        taken.add(planned.record.key)
        for variant, changed in variants.items():
            for seed in settings.seed_list[:RECIPE_SEEDS]:
                runs.append(_beside("recipe", role, variant, planned, changed.to_dict(), seed))
    return runs


def _confirm(study: SearchStudy, settings: GridSettings, trainer: Trainer) -> None:
    """Trains the best split, the runner-up and the paper's with seeds that the surface never saw."""
    record = study.record()
    try:
        answer = read(fit(trained_runs(record)))
    except DesignError:
        return  # the page says why there is no answer
    if nothing_learnt(record):
        return  # nor is a surface over chance one
    chosen = dict(study.attributes.get("confirm", {})) or _to_confirm(record, answer, settings)
    study.set_attribute("confirm", chosen)
    there = {planned.record.key: planned for planned in study.completed()}
    if not set(chosen.values()) <= set(there):
        there = every_network(settings, record.classes) | there
    first = settings.seed + CONFIRMING_SEED
    recipe = settings.proxy_recipe.to_dict()
    trainer.train_beside(
        [
            _beside(
                "confirm", role, "as searched", there[key], recipe, first + index, fresh=study.set_apart > 0
            )
            for index in range(settings.confirm)
            for role, key in chosen.items()
        ],
        "Confirming the answer",
    )


def _to_confirm(record: RunRecord, answer: Answer, settings: GridSettings) -> dict[str, str]:
    """The keys of the networks that confirm an answer, by their roles, each network once."""
    anchor = settings.anchor_coefficients
    known = [c for c in record.candidates if _can_be_answer(c, settings) and c.split is not None]
    fitted = predictions(answer.surface, known)
    order = sorted((c for c in known if c.key in fitted), key=lambda c: -fitted[c.key][0])
    roles: dict[str, str] = {"best": order[0].key} if order else {}
    trained = [c for c in order[1:] if c.status == "completed"]
    if trained:
        roles["runner-up"] = trained[0].key
    if anchor is not None:
        triple = (anchor.alpha, anchor.beta, anchor.gamma)
        paper = next((c.key for c in known if triple in c.merged), None)
        if paper is not None and paper not in roles.values():
            roles["paper"] = paper
    return roles


def _can_be_answer(candidate: CandidateRecord, settings: GridSettings) -> bool:
    """Whether a network is trained, or could be trained again from the settings alone."""
    if candidate.status == "completed":
        return True
    # What was timed, or would have to be grown, is another network in another session.
    again = not settings.measures_cost and settings.start is None
    if settings.match == "macs" and settings.match_by == "auto" and candidate.budget is not None:
        # Earlier versions met the budget along one dimension after another, as only code is matched today.
        by_dimension = bool(settings.full_baseline.code)
        again = again and (by_dimension or candidate.budget.matched_by == IN_SHARES)
    return again and candidate.thinned_out


def _beside(
    purpose: str,
    role: str,
    variant: str,
    planned: Planned,
    recipe: dict[str, Any],
    seed: int,
    *,
    fresh: bool = False,
) -> Beside:
    key = planned.record.key
    facts = {"purpose": purpose, "network": key, "role": role, "variant": variant, "seed": seed}
    return Beside(
        name=f"{CHECK}{purpose}/{role}/{variant}/{key}/seed{seed}",
        planned=planned,
        recipe=recipe,
        seed=seed,
        facts=facts | ({"fresh": True} if fresh else {}),
        fresh=fresh,
    )
