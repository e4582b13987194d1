"""What a command says: near names, words for the shell, folders of runs, and texts that nobody obeys."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import scalesearch.cli
from scalesearch.cli.main import COMMANDS, FAULT, cli
from scalesearch.cli.terminal import echo, terminal
from scalesearch.text import UNSEEN, command, near, quoted, visible
from tests.study.conftest import Lab

Run = Callable[..., Result]


def _said(result: Result) -> str:
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["gird"], "did you mean grid"),
        (["GRID"], "did you mean grid"),
        (["mesure", "b0"], "did you mean measure"),
        (["grid", "--match", "mcas"], "did you mean macs"),
        (["search", "--sampler=tep"], "did you mean tpe"),
        (["search", "--objectives=top1,mcas"], "did you mean macs"),
        (["grid", "--recipe=stedy"], "did you mean steady"),
        (["grid", "--baseline=mobilenet-v3"], "did you mean mobilenet-v2"),
        (["grid", "--dataset=photgraphs"], "did you mean photographs"),
        (["describe", "resnet18"], "did you mean resnet-18"),
        (["measure", "resnet-81"], "did you mean resnet-18"),
        (["compare", "b0", "b1", "--runtime=eagr"], "did you mean eager"),
        (["sweep", "--roles=depth,widht"], "did you mean width"),
        (["export", "b0", "--to=onx"], "did you mean onnx"),
        (["explain", "--variant=blgo"], "did you mean blog"),
        (["audit", "--baseline=resnet-5"], "did you mean resnet-50"),
    ],
)
def test_a_slip_is_told_what_is_near(tmp_path: Path, run: Run, words: list[str], meant: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(tmp_path)
        assert meant in _said(run(*words))


def test_nothing_is_near_what_means_nothing() -> None:
    assert near("xyzzy", ("grid", "scale")) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("over\rwritten", r"over\rwritten"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("\ufeffbom\u200bzero\x9bcsi", r"\ufeffbom\u200bzero\x9bcsi"),
        ("not UTF-8: \udcff", r"not UTF-8: \udcff"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("two\nlines\tand é, 名前, 🦊, می‌خواهم", "two\nlines\tand é, 名前, 🦊, می‌خواهم"),
    ],
)
def test_what_is_not_seen_is_shown(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert visible(text) == shown
    echo(text)
    echo(text, err=True)
    terminal().print(text)
    said = capsys.readouterr()
    # rich makes blanks of tabs.
    lines = [shown, *(line.rstrip() for line in shown.expandtabs(8).splitlines())]
    assert said.err == f"{shown}\n"
    assert all(line in said.out for line in lines)
    assert UNSEEN.search(said.out) is None


@pytest.mark.parametrize(
    "name",
    [
        "plain",
        "two words",
        "it's",
        'a"b',
        "$HOME`id`",
        "-dash",
        "a\\b",
        "line\nend",
        "\x1b[31m",
        "\udcff",
        "é",
    ],
)
@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")
def test_a_path_in_a_hint_is_what_the_shell_makes_of_it(name: str) -> None:
    word = quoted(name)
    assert UNSEEN.search(word) is None
    printed = subprocess.run(
        ["/bin/bash", "-c", f"printf %s {word}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    ).stdout
    expected = f"./{name}" if name.startswith("-") else name
    assert os.fsdecode(printed) == expected
    assert shlex.split(command(["a b", "--out=x y"])) == ["a b", "--out=x y"]


def test_all_that_commands_say_goes_through_one_module() -> None:
    package = Path(scalesearch.cli.__file__).parents[1]
    others = [
        path
        for room in ("cli", "runs")
        for path in (package / room).glob("*.py")
        if path.name != "terminal.py"
    ]
    others.remove(package / "runs" / "progress.py")  # bars, whose lines are the notebook's too
    assert len(others) > 30
    spoken = re.compile(r"click\.(secho|echo)\(|\bprint\((?!_)|\bConsole\(|sys\.std(out|err)\.write")
    assert [
        path.name for path in others for line in path.read_text().splitlines() if said_aside(spoken, line)
    ] == []


def said_aside(spoken: re.Pattern[str], line: str) -> bool:
    return bool(spoken.search(line)) and ".print(" not in line


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            r'raise RuntimeError("\x1b[31mred \u202e \udcff")',
            r"raised RuntimeError: \x1b[31mred \u202e \udcff",
        ),
        (
            "class Mute(Exception):\n    def __str__(self):\n        raise KeyError(1)\nraise Mute",
            "raised Mute",
        ),
    ],
)
def test_what_a_users_code_raises_is_one_line(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    module = f"hostile_{hash(source) % 10**8}"
    Path(f"{module}.py").write_text(source + "\n")
    assert message in _said(run("describe", f"{module}:f"))


def test_an_unforeseen_error_is_one_line_too() -> None:
    @click.command
    def wrong() -> None:
        raise LookupError("\x1b[31m`x`\nand more")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(cli, "get_command", lambda _context, _name: wrong)
        result = CliRunner().invoke(cli, ["grid"])
        assert result.exit_code == 1
        assert result.stderr.startswith(rf"Error: {FAULT}: LookupError: \x1b[31m`x` and more (")
        assert len(result.stderr.splitlines()) == 1


def test_stopped_says_how_to_go_on_in_words_of_the_shell(
    tmp_path: Path,
    run: Run,
    lab: Lab,
    tiny: tuple[str, ...],
    image_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(_job: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    lab.on_result = stop
    result = run("grid", *tiny, f"--dataset=folder:{image_folder.name}", "--out=it's mine", "--held-out=4")
    assert result.exit_code == 130, result.output
    assert result.stderr.splitlines()[-1].endswith("""Go on with: scalesearch resume 'it'"'"'s mine'""")

    # From another folder the images are not where they were.
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    lab.on_result = lambda _job: None
    line = _said(run("resume", "../it's mine"))
    assert line.startswith(
        "Error: --dataset folder:images must be a folder with one folder of images per class"
    )
    assert f"the run was begun in {tmp_path}, where images is found: first cd {tmp_path}, then" in line
    assert not any(str(tmp_path) in text.read_text() for text in (tmp_path / "it's mine").glob("*.toml"))
    monkeypatch.chdir(tmp_path)
    assert run("resume", "it's mine").exit_code == 0


@pytest.mark.usefixtures("lab")
def test_a_byte_order_mark_is_no_part_of_a_file_of_settings(
    tmp_path: Path, run: Run, tiny: tuple[str, ...]
) -> None:
    config = tmp_path / "bom.toml"
    config.write_bytes(b"\xef\xbb\xbf[grid]\nseeds = 1\nmax_networks = 1\n")
    folder = tmp_path / "run"
    result = run("grid", f"--config={config}", *tiny[1:], f"--out={folder}")
    assert result.exit_code == 0, result.output
    kept = folder / "run.toml"
    kept.write_bytes(b"\xef\xbb\xbf" + kept.read_bytes())
    assert run("report", folder).exit_code == 0
    network = tmp_path / "net.toml"
    network.write_bytes(b"\xef\xbb\xbf" + run("describe", "resnet-18", "--format=toml").stdout.encode())
    assert run("describe", network).exit_code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run = 5\n[grid]\n", "run must be a table, got 5"),
        ("[grid]\nstorage = 5\n", "storage must be a text, got 5"),
        ("[grid]\nphi = " + "[" * 5000 + "\n", "brackets are nested too deeply"),
        ("[grid]\nepochs = 1e308\n", "--epochs must be at most 1,000,000, got 1e+308"),
        ("[grid]\nphi = 1" + "0" * 5000 + "\n", "is not TOML"),
        ("[grid]\nseeds = 100000000000000000000000\n", "seeds must be a whole number"),
        ("[grid]\nphi = [[1]]\n", "phi must be a number, a list or a text"),
        ("grid = 5\n", "must have a table [grid]"),
    ],
)
def test_settings_that_cannot_be_are_one_line(tmp_path: Path, run: Run, text: str, message: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text)
    assert message in _said(run("grid", f"--config={config}", "--dry-run"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["grid", "--baseline=b4"],
            "got 'b4', which is efficientnet-b0 scaled: start from that, or from a file of it (scalesearch "
            "describe b4 --format toml > b4.toml)",
        ),
        (["scale", "--baseline=EfficientNet-Lite3"], ", which is efficientnet-lite0 scaled: start from that"),
        (
            ["grid", "--executor=ray://"],
            "--executor must have an address after ray://, such as ray://head:10001, or be ray alone",
        ),
        (
            ["grid", "--executor=ray://head"],
            "--executor must be ray, or HOST:PORT of a Ray cluster such as ray://head:10001, got 'ray://head' "
            "without a port",
        ),
        (
            ["doctor", "--executor=head:"],
            "--executor must be ray, or HOST:PORT of a Ray cluster such as ray://head:10001, got 'ray://head:'",
        ),
        (
            ["grid", "--executor=head:65536"],
            "--executor must have a port from 1 to 65,535 in its address, got 65536",
        ),
        (["grid", "--time-budget=10"], "--time-budget must have a unit, 10s, 10m or 10h, got '10'"),
        (
            ["measure", "b0", "--min-time=.5"],
            "--min-time must have a unit, .5s, .5m or .5h, got '.5'",
        ),
        (["grid", "--executor=processes://"], "--executor must be processes alone, got 'processes://'"),
        (
            ["grid", "--executor=cpu://"],
            "--executor must be one of processes, ray, with ://ADDRESS after it where it has one, got 'cpu://'",
        ),
        (["grid", "--storage="], "--storage must be a text that is not empty, got ''"),
        (["grid", "--data-dir", ""], "--data-dir must be a text that is not empty, got ''"),
        (["export", "b0", "--candidate="], "--candidate must be a text that is not empty, got ''"),
        (["describe", "b0", "--stages="], "--stages must be a text that is not empty, got ''"),
        (["measure", "b0", ""], "NETWORK must name a network, such as b0, got ''"),
        (["compare", "b0", " "], "B must name a network, such as b0, got ' '"),
        (["export", ""], "SOURCE must be a run's folder, a file of weights or a network's name, got ''"),
        (
            ["measure", "family.csv"],
            "a family or candidates file, or a run's folder, got 'family.csv', which is not there",
        ),
        (["export", "w.safetensors"], "got 'w.safetensors', which is not there"),
        (
            ["doctor", "--dataset=cifar10"],
            "--dataset must come with --executor: no node is asked for it without",
        ),
        (["doctor", f"--out={__file__}"], f"--out must be a folder, got '{__file__}', which is a file"),
        (["alternate", "--phi=0"], "--phi must be another number than 0 for a search, got 0: "),
        (["describe", "/"], "got '/', which is a folder; scalesearch open / shows a run's page"),
        (["explain", "/"], "got '/', which is a folder; scalesearch open / shows a run's page"),
        (["transfer", "", "x"], "DIR must be a path, got ''"),
        (["explain", "--list", "b4"], "--list must stand alone: it lists the variants, got a network too"),
        (
            ["measure", "b0@batch=1,batch=2"],
            "NETWORK must have each once after @, got batch twice in 'batch=1,batch=2'",
        ),
        (
            ["grid", "--match=none", "--match-by=width"],
            "--match-by must come with --match, such as --match macs: without it nothing is matched",
        ),
        (
            ["search", "--match-by=width"],
            "--match-by must come with --match, such as --match macs: without it nothing is matched",
        ),
        (["help"], ", got 'help'; did you mean --help?"),
        (
            ["grid", f"--dataset={Path(__file__).parent}"],
            f"got '{Path(__file__).parent}', which is a folder: give it as folder:{Path(__file__).parent}, or as "
            f"windows:{Path(__file__).parent} for pictures to cut up",
        ),
        (["grid", f"--dataset={__file__}"], f"', which is a file: give it as tensors:{__file__}"),
        (["grid", "--time-budget=ten"], "--time-budget must be a time above 0 such as 90s, 10m or 1.5h"),
    ],
)
def test_what_newcomers_type_is_told_what_would_do(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in _said(run(*words))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["resume", "report", "fidelity"])
def test_a_run_that_can_only_be_read_is_told(
    command: str, finished_run: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)
    assert _said(run(command, finished_run)) == (
        f"Error: DIR must be a folder that can be written to, got {finished_run}, which can only be read"
    )


def test_a_current_folder_that_is_gone_is_told(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert _said(run("grid", "--images=32", "--dry-run")) == (
        "Error: the current folder is gone: cd to one that is there"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["grid", "--phi=0.." + "9" * 400], "--phi"),
        (["grid", "--phi=" + "9" * 5000], "--phi"),
        (["grid", "--phi=1e308"], "--phi must be at most 100"),
        (["grid", "--epochs=nan"], "--epochs"),
        (["grid", "--jobs=100000"], "--jobs must be at most 1,024"),
        (["grid", "--stall-timeout=1e308"], "--stall-timeout"),
        (["measure", "b0", "--processes=" + "9" * 23], "--processes must be at most 10,000"),
        (["measure", "b0", "--threads=" + "9" * 23], "--threads must be at most 1,024"),
        (["describe", "b0", "--width=1e308"], "--width must be at most 1,000,000,000,000"),
        (["explain", "b0", "--depth=1e308"], "--depth must be at most"),
        (["scale", "--alpha=1e308", "--phi=1"], "--alpha must be at most 100"),
        (["fidelity", "x", "--lengths=2,1e308"], "--lengths"),
    ],
)
def test_numbers_have_bounds(tmp_path: Path, run: Run, words: list[str], message: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(tmp_path)
        assert message in _said(run(*words))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", ["--help", "describe resnet-18"])
def test_standard_output_that_cannot_be_written(words: str) -> None:
    def shell(redirection: str) -> subprocess.CompletedProcess[str]:
        line = f"{shlex.quote(sys.executable)} -m scalesearch {words} {redirection}"
        return subprocess.run(["/bin/sh", "-c", line], check=False, capture_output=True, text=True)

    full = shell(">/dev/full")
    assert full.returncode == 1
    assert full.stderr == "Error: standard output cannot be written: No space left on device\n"
    for redirection, code in (
        (">&-", 0),
        ("2>&-", 0),
        ("2>/dev/full", 0),
        (">&- 2>&- <&-", 0),
        ("| head -c 1", 0),
    ):
        ended = shell(redirection)
        assert (ended.returncode, ended.stderr) == (code, ""), redirection


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_workers_work_where_streams_are_closed(tmp_path: Path, redirection: str) -> None:
    folder = tmp_path / "family"
    words = f"scale --baseline=resnet-18 --phi=0 --format=csv --device=cpu --out={shlex.quote(str(folder))}"
    line = f"{shlex.quote(sys.executable)} -m scalesearch {words} {redirection}"
    ended = subprocess.run(["/bin/sh", "-c", line], check=False, capture_output=True, text=True)
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
    assert (folder / "family.csv").read_text().count("\n") == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_must_be(name: str, run: Run) -> None:
    """Whatever an option is given that its type refuses, the error is of one form."""
    command_ = cli.get_command(click.Context(cli), name)
    assert command_ is not None
    for param in command_.params:
        if isinstance(param, click.Option) and param.is_flag:
            continue  # takes no value
        assert _refusal(param, "x\\y,").startswith("must "), param.opts
        number = isinstance(param.type, click.types.IntParamType | click.types.FloatParamType)
        assert number or type(param.type).__module__.startswith("scalesearch") or _takes_all(param), (
            param.opts
        )
        if number and isinstance(param, click.Option):
            option = max(param.opts, key=len)
            assert _said(run(name, f"{option}=x")).startswith(f"Error: {option} must be a "), option


def _refusal(param: click.Parameter, text: str) -> str:
    """What the option's type says of a text; that it must be nothing else where it takes it."""
    try:
        param.type.convert(text, param, None)
    except click.BadParameter as error:
        return error.message
    return "must be anything"


def _takes_all(param: click.Parameter) -> bool:
    return isinstance(param.type, click.types.StringParamType | click.types.BoolParamType | click.Tuple)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grid", "--seeds", "0"], "--seeds must be a whole number >= 1, got 0"),
        (["grid", "--seed", "-1"], "--seed must be a whole number from 0 to 4294967295, got -1"),
        (["grid", "--confirm", "1.5"], "--confirm must be a whole number >= 0, got '1.5'"),
        (["grid", "--regret", "-1"], "--regret must be a number from 0 to 100, got -1"),
        (["scale", "--alpha", "wide"], "--alpha must be a number, got 'wide'"),
        (["grid", "--match", "mac"], "--match must be one of none, macs, params, activations, memory, latency, got 'mac'; did you mean macs?"),
        (["grid", "--seeds"], "--seeds must have a value, got none"),
        (["grid", "--dry-run=yes"], "--dry-run must stand alone, got a value"),
        (["grid", "--confrim", "4"], "--confrim is no option of scalesearch grid; did you mean --confirm or "),
        (["grid", "5"], "scalesearch grid takes no further argument, got 5; options begin with two dashes"),
        (["grid", "--config", "."], "--config must be a file, got '.', which is a folder"),
        (["grid", "--config", "no.toml"], "--config must be a file, got 'no.toml', which is not there"),
        (["report"], "DIR must be given: a run's folder, as in scalesearch report reports/grid-efficientnet-b0-phi1"),
        (["export"], "SOURCE must be given: a run's folder, a file of weights, or with --untrained a network's name, "
         "as in scalesearch export reports/mine"),
        (["compare"], "A must be given: a network, or a folder of measurements, as in scalesearch compare b0 b1 --threads 2"),
        (["compare", "b0"], "B must be given: what to compare A with, as in scalesearch compare b0 b1 --threads 2"),
        (["gird"], "COMMAND must be one of "),
        (["gird"], ", got 'gird'; did you mean grid?"),
    ],
)  # fmt: skip
def test_what_click_refuses_reads_as_all_errors_do(arguments: list[str], message: str, run: Run) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
