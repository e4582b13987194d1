"""One trial: what a worker is handed and what it gives back, both plain JSON data.

Any trial can be replayed from its spec alone. torch is imported only where a trial really runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.spec import Arch, arch_from_dict
from scalesearch.records import CurvePoint

if TYPE_CHECKING:
    from scalesearch.measure.flops import FlopCount
    from scalesearch.proxy.dataset import DataSpec
    from scalesearch.proxy.source import ImageSource

__all__ = ["Trial", "TrialResult", "TrialSpec", "run_trial"]

MOST_READERS = 8
"""Processes that read images ahead for one run, where they don't lie on its device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSpec:
    """A training run of one network, or a part of it. ``recipe`` and ``data`` are those values as plain data.

    Attributes:
        until: pause after that many training images of the run; None trains to the recipe's end.
        checkpoint: path of the file that the run goes on from and leaves behind; empty for none.
        weights: path of the file that keeps the weights of a run that came to its end; empty for none.
        start: path of the weights that the network is grown from; empty for a start from scratch.
        count: whether fvcore counts the network too, which is worth doing once for each network.
    """

    key: str
    arch: Arch
    recipe: Mapping[str, Any]
    data: Mapping[str, Any]
    device: str
    threads: int
    until: int | None = None
    checkpoint: str = ""
    weights: str = ""
    start: str = ""
    count: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return {
            "kind": "train",
            "key": self.key,
            "arch": self.arch.to_dict(),
            "recipe": dict(self.recipe),
            "data": dict(self.data),
            "device": self.device,
            "threads": self.threads,
            "until": self.until,
            "checkpoint": self.checkpoint,
            "weights": self.weights,
            "start": self.start,
            "count": self.count,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrialSpec:
        """The spec that :meth:`to_dict` gave."""
        fields = {name: value for name, value in data.items() if name != "kind"}
        return cls(**(fields | {"arch": arch_from_dict(fields["arch"])}))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What a training run gave so far: accuracy as a fraction, times in seconds, fvcore's own count.

    ``curve``, ``train_seconds`` and ``images_seen`` are of the whole run from its start, however many trials
    it took; ``complete`` says whether the recipe's whole length was trained. ``computed`` has the device
    kinds and numbers of CPU threads that computed it, one after another. ``fvcore_total`` is None and
    ``uncounted`` empty where nothing was counted.
    """

    top1: float
    loss: float
    held_out_images: int
    train_seconds: float
    images_seen: int
    complete: bool
    curve: tuple[CurvePoint, ...]
    fvcore_total: int | None
    uncounted: Mapping[str, int]
    computed: tuple[tuple[str, int], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrialResult:
        """The result that :meth:`to_dict` gave."""
        curve = tuple(CurvePoint(**point) for point in data["curve"])
        computed = tuple((device, threads) for device, threads in data.get("computed", ()))
        return cls(**dict(data) | {"curve": curve, "computed": computed})


class Trial:
    """A trial under way in this process, a few steps at a time.

    Attributes:
        training: its training run.
    """

    def __init__(
        self,
        spec: TrialSpec,
        *,
        on_step: Callable[[int, int], None] = lambda _done, _steps: None,
        on_restart: Callable[[str], None] = lambda _reason: None,
        on_look: Callable[[Sequence[CurvePoint], float], None] = lambda _curve, _seconds: None,
        on_eager: Callable[[str], None] = lambda _reason: None,
        loaded: Callable[[DataSpec], ImageSource] | None = None,
    ) -> None:
        """Begins the trial of ``spec``, or takes it up from its checkpoint; see :func:`run_trial`.

        ``loaded`` gives the images, where the process has them already.
        """
        from scalesearch.export.state import read_state
        from scalesearch.measure.device import resolve_device
        from scalesearch.measure.machine import usable_cores
        from scalesearch.proxy.data import load
        from scalesearch.proxy.dataset import DataSpec
        from scalesearch.proxy.recipe import ProxyRecipe
        from scalesearch.proxy.train import Training, graphs_of

        if spec.weights:
            # Now and not later: a run's folder that is removed while it trains is not brought back.
            Path(spec.weights).parent.parent.mkdir(parents=True, exist_ok=True)
        device = resolve_device(spec.device)
        self._spec, self._data = spec, DataSpec(**spec.data)
        self._flops = _counted(spec) if spec.count else None
        self._source = (loaded or load)(self._data)
        self._start = read_state(Path(spec.start)) if spec.start else None
        self.training = Training(
            spec.arch,
            ProxyRecipe(**spec.recipe),
            self._source,
            dataset=self._data.name,
            device=device,
            # A GPU would wait for one thread to read its images; on a CPU they would only compete.
            render_workers=0 if device.type == "cpu" else min(usable_cores(), MOST_READERS),
            checkpoint=Path(spec.checkpoint) if spec.checkpoint else None,
            until=spec.until,
            start=self._start,
            on_look=on_look,
            on_step=on_step,
            on_restart=on_restart,
            on_eager=on_eager,
            new_graph=graphs_of(device),
        )

    def result(self) -> TrialResult:
        """What it gave, its weights kept where the spec wants them.

        Raises:
            OSError: if the weights cannot be written.
        """
        from scalesearch.export.state import write_state
        from scalesearch.proxy.data import input_facts

        spec, result, start = self._spec, self.training.result(), self._start
        last = result.curve[-1]
        # Before the result is told: a run that is known to be whole has its weights.
        if spec.weights and result.complete:
            facts = {
                "top1": last.top1,
                "held_out_images": result.held_out_images,
                "images_seen": last.images,
                "dataset": self._data.name,
                "data": self._source.digest,
                "classes": list(self._source.classes),
                "recipe": dict(spec.recipe),
                "input": input_facts(spec.arch.input_size, spec.arch.in_channels),
                **({} if start is None else {"start": start.digest}),
            }
            Path(spec.weights).parent.mkdir(exist_ok=True)
            write_state(Path(spec.weights), spec.arch, result.weights, facts, result.plain)
        flops = self._flops
        return TrialResult(
            top1=last.top1,
            loss=last.loss,
            held_out_images=result.held_out_images,
            train_seconds=result.train_seconds,
            images_seen=last.images,
            complete=result.complete,
            curve=result.curve,
            fvcore_total=None if flops is None else flops.total,
            uncounted={} if flops is None else flops.uncounted,
            computed=result.computed,
        )


def run_trial(
    spec: TrialSpec,
    on_step: Callable[[int, int], None],
    on_restart: Callable[[str], None] = lambda _reason: None,
    on_look: Callable[[Sequence[CurvePoint], float], None] = lambda _curve, _seconds: None,
    on_eager: Callable[[str], None] = lambda _reason: None,
) -> TrialResult:
    """Trains the network of ``spec`` in this process and counts it with fvcore.

    Args:
        spec: the trial.
        on_step: told of steps done, of the whole run, and of how many it will be when the trial ends.
        on_restart: told why the checkpoint could not be used; the run then starts from its beginning.
        on_look: told of all looks so far, and of the seconds trained until the last, as ``train`` tells them.
        on_eager: told why its steps could not be captured as a graph, where the device has graphs.

    Raises:
        NonFiniteLossError: if training diverges.
        DataError: if the data cannot be used.
        OSError: if the checkpoint or the weights cannot be written.
        ValueError: if the device is not there, ``until`` is less than a batch, or the network can't be grown
            from its start.
    """
    from scalesearch.measure.device import resolve_device
    from scalesearch.proxy.train import own_generators

    with own_generators(resolve_device(spec.device)):
        trial = Trial(spec, on_step=on_step, on_restart=on_restart, on_look=on_look, on_eager=on_eager)
        trial.training.to_the_end()
        return trial.result()


def _counted(spec: TrialSpec) -> FlopCount | None:
    """What fvcore counts; None of a user's own code that it cannot trace, the reason in the worker's log."""
    from scalesearch.measure.flops import fvcore_count

    try:
        return fvcore_count(spec.arch)
    except Exception as error:
        if not isinstance(spec.arch, CodeSpec):
            raise
        print(f"not counted by fvcore: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return None
