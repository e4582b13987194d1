"""How a command's help is laid out: options in groups, the common ones on --help, all on --help-all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from scalesearch.cli.terminal import echo
from scalesearch.fields import Topic

FEW = 18
"""A command with so many options shows them all on --help, in one list."""

HELP_NAMES = ["-h", "--help"]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Option(click.Option):
    """An option that knows its group, and whether --help shows it where a command has many.

    A default that says something is shown.

    Args:
        group: where --help-all shows it.
        common: whether the short page shows it too.
        more: what only the whole page says, after ``help``.
    """

    def __init__(
        self, *args: Any, group: Topic | None = None, common: bool = False, more: str = "", **settings: Any
    ) -> None:
        default = settings.get("default")
        settings.setdefault("show_default", default not in (None, "") and not isinstance(default, tuple))
        super().__init__(*args, **settings)
        self.group = group
        self.common = common
        self.more = more

    def consume_value(
        self, ctx: click.Context, opts: Mapping[str, Any]
    ) -> tuple[Any, click.core.ParameterSource]:
        """The value and where it is from; a text that is typed has to be one.

        Raises:
            click.BadParameter: if it is empty, as of a variable that a script forgot.
        """
        value, source = super().consume_value(ctx, opts)
        if (
            source is click.core.ParameterSource.COMMANDLINE
            and isinstance(self.type, click.types.StringParamType)
            and "" in (value if isinstance(value, list | tuple) else (value,))
        ):
            raise click.BadParameter("must be a text that is not empty, got ''", ctx, self)
        return value, source

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The option as typed, and what it does; on a short page without ``more``."""
        brief = self.help
        if self.more and brief and not _is_short(ctx):
            head, mark, default = brief.partition("  [default")
            self.help = f"{head} {self.more}{mark}{default}"
        try:
            return super().get_help_record(ctx)
        finally:
            self.help = brief


def option(*names: str, **settings: Any) -> Decorator:
    """An option of a command: as click's, with ``group`` (a ``Topic``) and ``common``."""
    return click.option(*names, cls=Option, **settings)


class Command(click.Command):
    """A command whose --help is short where it has many options, and whose --help-all is whole."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        # Its own as well as the group's: click keeps what it makes of whichever is asked first.
        settings.setdefault("context_settings", {"help_option_names": HELP_NAMES})
        super().__init__(*args, **settings)
        self.count = sum(isinstance(param, click.Option) for param in self.params)
        self._help_all = click.Option(
            ["--help-all"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            hidden=self.count <= FEW,
            callback=_show_all,
            help=f"Show all {self.count} options.",
        )

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's parameters, with those that show help."""
        return [*super().get_params(ctx), self._help_all]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The whole text, or of a short page its first two paragraphs and the examples."""
        whole = self.help
        if _is_short(ctx) and whole:
            first, *others = whole.split("\n\n")
            self.help = "\n\n".join([first, *others[:1], *(text for text in others[1:] if "\b" in text)])
        try:
            super().format_help_text(ctx, formatter)
        finally:
            self.help = whole

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options: one list of few, the common ones of many, or all of them in their groups."""
        params = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        helps = params[-2:]
        if self.count <= FEW:
            _section(ctx, formatter, "Options", params)
            return
        options = [param for param in params if isinstance(param, Option)]
        common = [param for param in options if param.common]
        _section(ctx, formatter, "Common options", [*common, *helps])
        if _is_short(ctx):
            with formatter.indentation():
                formatter.write_paragraph()
                formatter.write_text(
                    f"{self.count - len(common)} options more: scalesearch {ctx.info_name} --help-all shows "
                    f"all {self.count} in groups."
                )
            return
        for name in Topic:
            _section(
                ctx, formatter, name, [param for param in options if param.group is name and not param.common]
            )


_WHOLE = f"{__name__}.whole"


def _is_short(ctx: click.Context) -> bool:
    """Whether the page to show leaves something out."""
    return isinstance(ctx.command, Command) and ctx.command.count > FEW and _WHOLE not in ctx.meta


def _show_all(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        ctx.meta[_WHOLE] = True
        echo(ctx.get_help())
        ctx.exit()


def _section(
    ctx: click.Context, formatter: click.HelpFormatter, title: str, params: Iterable[click.Parameter]
) -> None:
    records = [record for param in params if (record := param.get_help_record(ctx)) is not None]
    if records:
        with formatter.section(title):
            formatter.write_dl(records)
