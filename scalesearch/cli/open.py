"""``scalesearch open``: a run's page in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scalesearch.cli.help import Command, option
from scalesearch.cli.terminal import Place, echo
from scalesearch.errors import FolderError
from scalesearch.files import inside

if TYPE_CHECKING:
    from scalesearch.page.html.page import Interactive


NO_RECORD = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
"""What reading the record of a folder may raise that holds none, or one that is spoilt."""


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=Place())
@option("--print", "print_only", is_flag=True, help="Print the path of the page and open nothing.")
def open(folder: Path, print_only: bool) -> None:
    """Open the page of the run in DIR, report.html, in the browser, and print its path.

    A folder of an earlier version, which has the page as Markdown alone, gets its report.html first. Where
    there is no browser the path is all there is.

    \b
    Example:
      scalesearch open reports/grid-efficientnet-b0-phi1
    """
    import webbrowser

    page = _page(folder)
    echo(str(page))
    if print_only:
        return
    try:
        opened = webbrowser.open(page.resolve().as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        echo("No browser here: open the file above in one.", err=True)


def _page(folder: Path) -> Path:
    """The page of a folder, made where only its Markdown is there.

    Raises:
        FolderError: if the folder has no page.
    """
    from scalesearch.page.html.page import PAGE, html_page
    from scalesearch.runs.folder import require_folder
    from scalesearch.runs.kinds import pages

    require_folder(folder)
    page = inside(folder, PAGE)
    if page.is_file():
        return page
    names = pages()
    for name in names:
        if inside(folder, name).is_file():
            break
    else:
        raise FolderError(
            f"`dir` must be a folder with a page, got {folder}, which has neither {PAGE} nor {names[0]}"
            + _way_to_a_page(folder)
        )
    from scalesearch.files import write_text

    text = inside(folder, name).read_bytes().decode("utf-8", errors="replace")
    return write_text(page, html_page(text, folder, _interactive(folder)))


def _way_to_a_page(folder: Path) -> str:
    """What makes a page of the run in a folder without one, as the end of a sentence."""
    from scalesearch.runs import again
    from scalesearch.text import quoted

    try:
        again.read(folder)
    except NO_RECORD:
        return ", nor a run to make one of"
    return f"; scalesearch report {quoted(folder)} makes it"


def _interactive(folder: Path) -> Interactive:
    """What a reader can point at on the page, from the run's own record; nothing where that is gone."""
    from scalesearch.page.html.page import Interactive
    from scalesearch.runs.kept import kept_run
    from scalesearch.runs.kinds import interactive_of

    try:
        return interactive_of(kept_run(folder).record)
    except NO_RECORD:
        # Not a search, or only its page is left: the page has all there is to read.
        return Interactive()
