"""The manual's settings, and its reference of commands, which is made of their own help texts."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

import scalesearch
from scalesearch.cli import cli

project = "scalesearch"
version = release = scalesearch.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"scalesearch {version}"
html_show_copyright = False
exclude_patterns = ["_build"]
autodoc_typehints = "description"
suppress_warnings = ["misc.highlighting_failure"]
HERE = Path(__file__).parent


def help_text(*command: str) -> str:
    """The whole help of a command, or of all."""
    environment = {"COLUMNS": "100"}
    for option in ("--help-all", "--help"):
        result = CliRunner().invoke(cli, [*command, option], env=environment, prog_name="scalesearch")
        if result.exit_code == 0:
            return result.stdout
    raise RuntimeError(f"scalesearch {' '.join(command)} has no help: {result.output}")


def write_commands(_app: object) -> None:
    """A page for each command; pages of commands that are gone are removed."""
    folder = HERE / "commands"
    folder.mkdir(exist_ok=True)
    names = cli.list_commands(cli.make_context("scalesearch", ["grid"], resilient_parsing=True))
    for page in folder.glob("*.md"):
        if page.stem not in names:
            page.unlink()
    for name in names:
        text = help_text(name)
        if re.search("^`{4}", text, re.MULTILINE):
            raise RuntimeError(f"the help of {name} would end its own block")
        page = f"# scalesearch {name}\n\n````text\n{text.rstrip()}\n````\n"
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text("utf-8") != page:
            path.write_text(page, encoding="utf-8")


def link_files(_app: object, _name: str, source: list[str]) -> None:
    """Links to Markdown outside the manual (reports, experiments) hand the file over: it has no page here."""
    link = r"\[([^][]+)\]\((\.\./[^)#]+\.md)(?:#[^)]*)?\)"
    source[0] = re.sub(link, lambda m: f"{{download}}`{' '.join(m[1].split())} <{m[2]}>`", source[0])


def setup(app: object) -> None:
    """Has Sphinx write the commands' pages before it looks for pages."""
    app.connect("source-read", link_files)  # type: ignore[attr-defined]
    app.connect("builder-inited", write_commands)  # type: ignore[attr-defined]
