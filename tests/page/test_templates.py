"""What templates write: everything escaped, laid out as their source is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jinja2
import pytest

from scalesearch.page import templates
from scalesearch.page.markdown import Markdown, code
from scalesearch.page.parts import PageTable
from scalesearch.page.templates import PACKAGE, safe, tidy

EVIL = "a|b <img src=x onerror=alert(1)> **c** [d](javascript:e) `f` _g_\n# h"
ESCAPED = r"a\|b &lt;img src=x onerror=alert(1)&gt; \*\*c\*\* \[d\](javascript:e) \`f\` \_g\_ # h"


def written(source: str, **values: object) -> str:
    return tidy(templates._environment().from_string(source).render(values))


@pytest.mark.parametrize(
    "source",
    [
        "{{ evil }}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(evil) }}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ evil }}{% endcall %}",
        "{% set x %}{{ evil }}{% endset %}{{ x }}",
        "{% set x = evil %}{{ x }}",
        "{{ [evil] | listed }}",
        "{{ [evil] | several }}",
        "{{ [evil] | first }}",
        "{{ evil | trim }}",
        "{{ evil.format(1) }}",
        "{{ evil if true else 1 }}",
    ],
)
def test_no_way_to_write_a_text_leaves_it_unescaped(source: str) -> None:
    assert written(source, evil=EVIL) == ESCAPED


def test_a_cell_is_escaped_and_code_is_code() -> None:
    page = written('{{ rows | table("name", evil) }}', rows=[(EVIL, code("x|y"))], evil="a|b")
    assert page.splitlines() == [r"| name | a\|b |", "| :-- | --: |", rf"| {ESCAPED} | `x\|y` |"]


@pytest.mark.parametrize(
    "source",
    [
        "{{ evil | safe }}",
        "{{ evil | join }}",
        "{{ m ~ evil }}",
        "{{ m + evil }}",
        "{{ m % evil }}",
        "{% autoescape false %}{{ evil }}{% endautoescape %}",
    ],
)
def test_what_would_get_round_that_is_no_template(source: str) -> None:
    with pytest.raises(jinja2.TemplateSyntaxError):
        written(source, evil=EVIL, m=Markdown("*x*"))


def test_every_template_is_one() -> None:
    names = [str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.md.j2")]
    assert "page/parts.md.j2" in names
    for name in names:
        templates._environment().get_template(name)


def test_a_text_made_of_markdown_is_a_text_again() -> None:
    markdown = code("x")
    assert written("{{ m }}", m=markdown) == "`x`"
    assert written("{{ m }}", m=f"{markdown} {EVIL}") == rf"\`x\` {ESCAPED}"
    assert written("{{ m }}", m=markdown + "*") == r"\`x\`\*"


@pytest.mark.parametrize("value", [1.5, None, True, ["a"]])
def test_what_has_no_one_way_to_be_written_takes_a_filter(value: object) -> None:
    with pytest.raises(TypeError, match="a filter says how"):
        safe(value)


def test_what_a_template_names_must_be_there() -> None:
    with pytest.raises(jinja2.UndefinedError, match="'missing' is undefined"):
        written("{{ missing }}")
    with pytest.raises(jinja2.UndefinedError, match="'missing' is undefined"):
        written("{% if missing %}x{% endif %}")


def test_lines_that_go_on_tags_and_blank_lines() -> None:
    source = """
{% if many %}
A sentence
  that goes on
  {%- if more %} and on{% endif %}
  {%- if comma %}, too{% endif %}.
{% endif %}



- item
{% for n in (1, 2) %}
- {{ n }}
{% endfor %}

last
"""
    assert (
        written(source, many=True, more=False, comma=True)
        == "A sentence that goes on, too.\n\n- item\n- 1\n- 2\n\nlast"
    )
    assert written(source, many=False, more=False, comma=True) == "- item\n- 1\n- 2\n\nlast"


def test_code_keeps_its_lines_and_tables_their_empty_cells() -> None:
    text = "```sh\na  b\n\n\n\nc \n```"
    assert written("{{ text }}\n\n\n{{ rows | table('a', 'b') }}", text=Markdown(text), rows=[("", "x")]) == (
        f"{text}\n\n| a | b |\n| :-- | --: |\n|  | x |"
    )


def test_pages_of_an_installed_package_are_there() -> None:
    data = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    assert '"scalesearch.page" = ["*.j2"]' in data
    assert '"scalesearch.commands" = ["*/*.j2"]' in data


def test_a_table_says_how_many_rows_are_left_out() -> None:
    table = PageTable.of(["a"], [["1"], ["2"], ["3"]], most=1)
    assert written("{{ t | shown }}", t=table).endswith("\n\nAnd 2 more rows left out here.")
    text = written("{{ t | shown('x.csv', 'network') }}", t=replace(table, more=1))
    assert text.endswith("\n\nAnd 1 more network in `x.csv`.")
