"""The command group: its help page, its sub-commands loaded when asked for, and errors in one line."""

from __future__ import annotations

import functools
import importlib
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from scalesearch import __version__
from scalesearch.cli.terminal import OutputError, echo, shut_stdout
from scalesearch.errors import StoppedError
from scalesearch.runs.telling import Teller, telling
from scalesearch.text import near, one_line, visible

EXIT_INTERRUPTED = 130
LONGEST = 4000
"""Letters of an error's line."""
FAULT = "a fault of scalesearch itself, please report it"
TRACE = "SCALESEARCH_TRACE"
"""The environment's variable with which an unforeseen error is a whole traceback."""

# The sections of the help page; of each sub-command the module that defines it under the same name, and its
# line on that page, which is shown without loading any of them.
SECTIONS = {
    "Search how to share the compute": {
        "grid": ("scalesearch.cli.grid", "STEP 1: search alpha, beta, gamma by short training runs."),
        "search": ("scalesearch.cli.search", "STEP 1 without a grid: a sampler suggests the splits."),
        "sweep": ("scalesearch.cli.sweep", "One dimension alone against all together, at equal cost."),
        "alternate": (
            "scalesearch.cli.alternate",
            "Coefficients, then phi under a budget, until both settle.",
        ),
    },
    "Scale a network, and hand it over": {
        "scale": ("scalesearch.cli.scale", "STEP 2: fix the coefficients, raise phi, get a family."),
        "describe": ("scalesearch.cli.describe", "A network as a table, or as a file to make your own from."),
        "export": ("scalesearch.cli.export", "Write a network: ONNX, torch.export, safetensors, Python."),
    },
    "Measure time and memory": {
        "measure": ("scalesearch.cli.measure", "Latency, throughput and memory, with their spread."),
        "compare": (
            "scalesearch.cli.compare",
            "Two networks timed in turn: which is faster, and is it shown?",
        ),
        "law": ("scalesearch.cli.law", "What time costs on this machine, as a law to plan with."),
        "doctor": ("scalesearch.cli.doctor", "What this machine is, what works on it, what is missing."),
    },
    "Understand the numbers and the answer": {
        "explain": ("scalesearch.cli.explain", "Why the numbers disagree: rounding, conventions, variants."),
        "audit": ("scalesearch.cli.audit", "The paper's Tables 3 and 7, rebuilt and counted."),
        "fidelity": ("scalesearch.cli.fidelity", "How far a run's short trainings can be trusted."),
        "transfer": ("scalesearch.cli.transfer", "Do one network's coefficients serve another?"),
    },
    "Carry on with a run": {
        "resume": ("scalesearch.cli.resume", "Carry on a stopped run."),
        "report": ("scalesearch.cli.report", "Make a run's tables and figures again."),
        "open": ("scalesearch.cli.open", "Show a run's page in the browser."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Fail(click.ClickException):
    """An error to show in one line, with its exit code."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance too


@functools.cache
def _listener() -> Teller:
    from scalesearch.cli.progress import CommandTeller  # loads rich

    return CommandTeller(as_options)


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), line) for name, (_, line) in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            meant = near(args[0], COMMANDS) or near(args[0], ("--help", "--version"))
            raise Fail(f"COMMAND must be one of {', '.join(COMMANDS)}, got {args[0]!r}{meant}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Domain errors are ValueErrors that name an argument: here they become the option's own name."""
        try:
            with telling(_listener):
                return super().invoke(ctx)
        except ValueError as error:
            raise Fail(as_options(str(error)), getattr(error, "exit_code", 2)) from error
        except StoppedError as stopped:
            echo(str(stopped), err=True)
            raise click.exceptions.Exit(stopped.exit_code) from None
        except (BrokenPipeError, OutputError):
            raise
        except OSError as error:  # a full disk above all
            if isinstance(error, FileNotFoundError) and not error.filename:  # as Python asks where it is
                raise Fail("the current folder is gone: cd to one that is there") from error
            place = f"{error.filename}: " if error.filename else ""
            raise Fail(f"{place}{error.strerror or error}; what was done before is kept", 1) from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click's, but an error is one line on standard error."""
        run: Callable[[], Any] = functools.partial(
            super().main, args, prog_name, complete_var, standalone_mode=False, **extra
        )
        if not standalone_mode:
            return run()
        try:
            code = run()
            # Here rather than at the end of Python, where an error has no place to go.
            sys.stdout.flush()
            sys.exit(code if isinstance(code, int) else 0)
        except click.exceptions.NoArgsIsHelpError as error:
            echo(error.ctx.get_help() if error.ctx else "", err=True)
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _flushed_or_shut()
            message = _without_urls(_usage(error), sys.argv[1:] if args is None else list(args))
            echo(f"Error: {_shortened(message)}", err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            echo("Stopped.", err=True)
            sys.exit(EXIT_INTERRUPTED)
        except BrokenPipeError:
            # The reader of standard output has gone (`| head`): nothing more to say, and no trace back.
            shut_stdout()
            sys.exit(1)
        except OutputError as error:
            shut_stdout()
            echo(f"Error: standard output cannot be written: {error.strerror or error}", err=True)
            sys.exit(1)
        except Exception as error:
            if os.environ.get(TRACE):
                raise
            _flushed_or_shut()
            message = _without_urls(_told(error), sys.argv[1:] if args is None else list(args))
            echo(f"Error: {FAULT}: {_shortened(message)}; {TRACE}=1 shows where it was", err=True)
            sys.exit(1)


def _usage(error: click.ClickException) -> str:
    """What click refuses, in the form of every other error: the option, what it must be, what it got."""
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        names = [name for param in error.ctx.command.get_params(error.ctx) for name in _names(param)]
        of = _command_of(error.ctx)
        return f"{error.option_name} is no option of {of}{near(error.option_name, names)} ({of} --help)"
    if isinstance(error, click.BadOptionUsage):
        # click knows two ways: an option without the value it takes, a flag with one.
        without = "requires" in error.message
        return (
            f"{error.option_name} must {'have a value, got none' if without else 'stand alone, got a value'}"
        )
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"{_shown_name(error.param)} must be given{_example(error.param, error.ctx)}"
    if isinstance(error, click.BadParameter) and error.param is not None:
        colon = "" if error.message.startswith("must ") else ":"
        return f"{_shown_name(error.param)}{colon} {error.message}"
    if extra := re.fullmatch(r"Got unexpected extra arguments? \((.*)\)\.?", error.format_message()):
        of = _command_of(getattr(error, "ctx", None))
        return f"{of} takes no further argument, got {extra[1]}; options begin with two dashes"
    return error.format_message()


WANTED = {
    "DIR": "a run's folder",
    "SOURCE": "a run's folder, a file of weights, or with --untrained a network's name",
    "A": "a network, or a folder of measurements",
    "B": "what to compare A with",
}
"""What each argument of the command line stands for, by its name there."""


def _example(param: click.Parameter, ctx: click.Context | None) -> str:
    """What goes in an argument's place, with the first example of the command's help."""
    if ctx is None or param.human_readable_name not in WANTED:
        return ""
    example = re.search(rf"^ *({re.escape(_command_of(ctx))} .*)$", ctx.command.help or "", re.MULTILINE)
    return f": {WANTED[param.human_readable_name]}" + (f", as in {example[1]}" if example else "")


def _command_of(ctx: click.Context | None) -> str:
    return "scalesearch" if ctx is None or ctx.parent is None else f"scalesearch {ctx.info_name}"


def _names(param: click.Parameter) -> list[str]:
    return [*param.opts, *param.secondary_opts] if isinstance(param, click.Option) else []


def _shown_name(param: click.Parameter) -> str:
    """``--seeds`` of an option, ``DIR`` of an argument."""
    # "DIR DIR [DIR...]" is several of one name.
    return max(_names(param), key=len) if _names(param) else param.human_readable_name.split()[0]


def _flushed_or_shut() -> None:
    """What was said before an error comes out before it, where it can."""
    try:
        sys.stdout.flush()
    except OSError:  # which would be said at the end of Python, in its own words
        shut_stdout()


def _shortened(text: str) -> str:
    """A text on one line, which shows its end even where it is very long."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"


def _told(error: BaseException) -> str:
    """An error that nobody foresaw: its kind, its text, and the last line of ours that it came through."""
    ours = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "scalesearch" in frame.filename
    ]
    return f"{type(error).__name__}: {one_line(error)} ({ours[-1] if ours else 'nowhere'})"


def _without_urls(message: str, arguments: Sequence[str]) -> str:
    """The message without what may be secret in the URL of a storage, also where one is out of place."""
    if "://" not in message and "--storage" not in message:
        return message
    from scalesearch.study.storage import without_urls  # takes a second to load

    return without_urls(message, arguments)


ARGUMENTS = {"dir": "DIR", "network": "NETWORK", "source": "SOURCE", "a": "A", "b": "B"}
"""What the command line takes without an option, by the argument's name."""


def as_options(message: str) -> str:
    """Arguments in back-quotes as the options that set them: `max_networks` -> --max-networks."""

    def option(match: re.Match[str]) -> str:
        return ARGUMENTS.get(match[1]) or "--" + match[1].replace("_", "-")

    return re.sub(r"`([a-z][a-z0-9_-]*)`", option, message)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="scalesearch")
def cli() -> None:
    """With k times the compute: how much goes to depth, how much to width, how much to resolution?

    scalesearch answers that for a ConvNet of yours by the method of EfficientNet (arXiv 1905.11946).

    \b
    STEP 1  scalesearch grid    finds coefficients alpha, beta, gamma by short training
                                runs of networks of equal cost.
    STEP 2  scalesearch scale   fixes them and raises phi: a family of networks, each about
                                twice the cost of the one before.

    \b
    phi                  how much compute: about 2^phi times the baseline network's
    alpha, beta, gamma   what one step of phi multiplies depth, width and resolution by
    split, shares        how much of the growth goes to each of the three, in percent
    top-1                the part of held-out images whose class a network names

    Each command writes a folder under reports/ with tables (CSV), figures (SVG and PNG) and a page to
    read (HTML and Markdown; `scalesearch open` shows it). A stopped search goes on with `scalesearch resume`.

    \b
    Example:
      scalesearch grid --phi 1 --dry-run
      scalesearch grid --phi 1
      scalesearch grid --phi 1 --seeds 6 --time-budget 30m
      scalesearch scale --alpha 1.2 --beta 1.1 --gamma 1.15 --phi 0..7

    \b
    Tab completes commands, options and networks once a shell has run
      eval "$(_SCALESEARCH_COMPLETE=bash_source scalesearch)"     (zsh_source for zsh)
    """
