"""What the commands take that time networks: setups, one of each or lists of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
from click.core import ParameterSource

from scalesearch.cli.help import Topic, option
from scalesearch.cli.options import DURATION, Decorator, group
from scalesearch.cli.terminal import Whole, echo
from scalesearch.export.formats import PIP_ONNX
from scalesearch.records.timings import MODES, RUNTIMES, SHORT_DTYPES, dtype_of, whole_number
from scalesearch.text import near


class ListOf(click.ParamType[tuple[Any, ...]]):
    """Values with commas between them, each once; ``several`` off takes one value alone."""

    name = "list"

    def __init__(
        self, read: Callable[[str], Any], wanted: str, *, several: bool = True, names: Sequence[str] = ()
    ) -> None:
        self.read = read
        self.wanted = wanted
        self.several = several
        self.names = names

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The values as a tuple, or the one value."""
        if isinstance(value, tuple) or (isinstance(value, int) and not self.several):
            return value
        if isinstance(value, list):  # a run.toml's
            value = ",".join(str(item) for item in value)
        try:
            values = tuple(self.read(part.strip()) for part in str(value).split(","))
        except (ValueError, KeyError):
            values = ()
        if not values or len(set(values)) < len(values) or (len(values) > 1 and not self.several):
            each = ", each once, with commas between them" if self.several else ""
            wrong = [part.strip() for part in str(value).split(",") if part.strip() not in self.names]
            meant = near(wrong[0], self.names) if wrong else ""
            self.fail(f"must be {self.wanted}{each}, got {str(value)!r}{meant}", param, ctx)
        return values if self.several else values[0]


def _among(names: Sequence[str]) -> Callable[[str], str]:
    return {name: name for name in names}.__getitem__


NUMBERS = ListOf(whole_number, "whole numbers >= 1")


def setup_options(*, several: bool, inference_only: bool = False) -> Decorator:
    """How networks are timed; with ``several`` every option but the layout takes a list.

    With ``inference_only`` there is no mode to choose.
    """
    one = "one or more of" if several else "one of"
    listed, counted = ("LIST", "LIST") if several else ("NAME", "N")

    def values(read: Callable[[str], Any], wanted: str, names: Sequence[str] = ()) -> ListOf:
        return ListOf(read, wanted, several=several, names=names)

    numbers = NUMBERS if several else values(whole_number, "a whole number >= 1")
    many = ", or a list such as 1,8" if several else ""
    mode = option(
        "--mode",
        group=Topic.MEASURING,
        common=True,
        metavar=listed,
        type=values(_among(MODES), f"{one} {', '.join(MODES)}", MODES),
        default="inference",
        help="inference: a forward pass. training: a whole step with AdamW.",
    )
    return group(
        option(
            "--batch-size",
            group=Topic.MEASURING,
            common=True,
            type=numbers,
            metavar=counted,
            default="1",
            help=f"Images in one pass{many}.",
        ),
        option(
            "--threads",
            group=Topic.MEASURING,
            common=True,
            type=numbers,
            metavar=counted,
            help=f"CPU threads{', or a list such as 1,2' if several else ''}.  [default: all usable cores]",
        ),
        option(
            "--dtype",
            group=Topic.MEASURING,
            common=True,
            metavar=listed,
            type=values(dtype_of, f"{one} {', '.join(SHORT_DTYPES)}", tuple(SHORT_DTYPES)),
            default="fp32",
            help="fp32, bf16 or fp16: of weights and images; when training, of autocast.",
        ),
        *([] if inference_only else [mode]),
        option(
            "--runtime",
            group=Topic.MEASURING,
            common=True,
            metavar=listed,
            type=values(_among(RUNTIMES), f"{one} {', '.join(RUNTIMES)}", RUNTIMES),
            default="eager",
            help="eager, graph (the same kernels as a CUDA graph: launched at once, on CUDA alone), compile "
            f"(torch.compile) or onnxruntime ({PIP_ONNX}).",
        ),
        option(
            "--channels-last/--no-channels-last",
            group=Topic.MEASURING,
            default=True,
            help="Memory layout of weights and images; ONNX Runtime chooses its own, and on mps it is off.",
        ),
    )


sampling_options = group(
    option(
        "--processes",
        group=Topic.MEASURING,
        type=Whole(min=1),
        default=3,
        help="Fresh processes that measure each network in each setup.",
    ),
    option(
        "--min-time",
        group=Topic.MEASURING,
        type=DURATION,
        default="0.5s",
        help="Time for the samples of one process; at least five are taken, three of a pass over 1 s.",
    ),
)


def device_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--device."""
    return option(
        "--device",
        group=Topic.MEASURING,
        common=True,
        default="auto",
        metavar="DEVICE",
        help="Where to measure: auto, cpu, cuda or xpu (the first), cuda:N, xpu:N or mps.",
    )(command)


def resolve_setups(options: dict[str, Any], *, several: bool) -> dict[str, Any]:
    """The options with the device and the threads that this machine makes of their defaults."""
    from scalesearch.hardware.device import auto_device
    from scalesearch.hardware.machine import usable_cores

    cores = usable_cores()
    device = auto_device() if options["device"] == "auto" else options["device"]
    source = click.get_current_context().get_parameter_source("channels_last")
    if device == "mps" and source is ParameterSource.DEFAULT:
        options = options | {"channels_last": False}
    threads: Any = options["threads"] or ((cores,) if several else cores)
    if (most := max(threads) if several else threads) > cores:
        echo(f"Note: {most:,} threads share {cores} cores here: they wait for one another", err=True)
    return options | {"device": device, "threads": threads}
