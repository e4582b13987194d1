"""Hostile command lines and files, made from the command tree: the same ones for the same seed."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import click
import tomli_w

from scalesearch.cli import cli

__all__ = ["Place", "case"]

NUMBERS = (
    *(
        "0",
        "-1",
        "1",
        "2",
        "0.5",
        "-0.0",
        "1e308",
        "-1e308",
        "1e23",
        "1e-308",
        "5e-324",
        "nan",
        "-nan",
        "inf",
    ),
    *("-inf", "9" * 400, "-" + "9" * 400, "9" * 5000, "0x10", "1_000", "1,000", "١٢", "²", "1e", "1e5000"),
    *("4294967296", "18446744073709551616", "-9223372036854775809", "2147483648", "65537", "1000001", "+1"),
    *(" 1 ", "1.0", "0b1", "½", "1/3", "1e-5", "100000", "1e9", "3.0000000000000001"),
)
TEXTS = (
    *("", " ", "\t", "\n", "-", "--", "a b", "'", '"', "`", "``", "$(id)", "$HOME", "%s", "{}", "{0}", "\\"),
    *(
        "\x1b[31mred",
        "\x1b]0;title\x07",
        "\r\rover",
        "a\nb",
        "\u202edlrow",
        "\ufeffbom",
        "\udcff",
        "\x7f",
        "\x00"[:0],
    ),
    *(
        "é",
        "名前",
        "🦊",
        "A" * 5000,
        "../..",
        "/",
        "/dev/null",
        "/dev/full",
        "/proc/self/mem",
        "~",
        "C:\\x",
        ".",
    ),
    *(
        "[bold]x[/]",
        "[/]",
        "<b>&",
        "|",
        "#",
        "None",
        "null",
        "true",
        "[]",
        "*",
        "..",
        ":",
        "::",
        "@",
        "=",
        ",",
    ),
)
LISTS = (
    *(
        "0..7",
        "7..0",
        "0.." + "9" * 400,
        "..",
        "1..",
        "..1",
        "1,1",
        ",",
        "1,,2",
        "1,",
        "nan,1",
        "inf",
        "0.5..1",
    ),
    *(
        "-3..3",
        "0..101",
        "1e308,2",
        "1:1",
        "65:0.125,16:0.5,5:1",
        "5:1e308",
        "9" * 400 + ":1",
        "0:0",
        "1:nan",
    ),
    *("top1,macs", "top1,top1", "macs", "1,8", "0", "1x1", "96x64", "0x0", "1x" + "9" * 400, "100000x100000"),
)
NETWORKS = (
    *("b0", "b0..b7", "b7..b0", "b0..b" + "9" * 400, "efficientnet-b0", "efficientnet-b0:1,1,1", "b0:1,1,1"),
    *("efficientnet-b0:nan,1,1", "efficientnet-b0:1e308,1,1", "efficientnet-b0:1,1e308,1", "blog:1,1,1e308"),
    *("efficientnet-b0:0,0,0", "efficientnet-b0:-1,1,1", "efficientnet-b0:1e-308,1e-308,1e-308", "resnet-18"),
    *(
        "b0@dtype=bf16",
        "b0@batch=" + "9" * 400,
        "b0@threads=0",
        "b0@",
        "b0@x=1",
        "@",
        "efficientnet-b0:",
        "gird",
    ),
    *(
        "no.such.module:f",
        "os:system",
        "builtins:print",
        "builtins:dict",
        "json:loads",
        "sys:exit",
        "os:_exit_",
    ),
    *(
        "this:x",
        "a..b:c",
        ".:x",
        "net.toml",
        "missing.toml",
        "folder",
        "mobilenet-v2",
        "lite0",
        "notes",
        "blog",
    ),
)
BUDGETS = (
    *(
        "macs=800M",
        "latency=12ms",
        "macs=",
        "=5",
        "macs=nan",
        "macs=1e308",
        "macs=-1",
        "macs=" + "9" * 400 + "G",
    ),
    *(
        "memory=2GiB",
        "params=0",
        "latency=12ms@batch=8,threads=2",
        "latency=1e308h",
        "macs=1e999T",
        "x=1",
        "macs=5e-324",
    ),
)
URLS = (
    *(
        "sqlite://",
        "sqlite:///",
        "sqlite:////dev/null",
        "mysql://u:p@h/x",
        "postgresql://",
        "http://x",
        "://",
        "sqlite",
    ),
    *(
        "sqlite:////no/such/folder/x.db",
        "nosuch+driver://x",
        "sqlite:///\udcff",
        "redis://u:secret@h:99999999/0",
    ),
)
POOL = (*NUMBERS, *TEXTS, *LISTS, *NETWORKS, *BUDGETS, *URLS)

TOML_VALUES: tuple[Any, ...] = (
    *(
        0,
        -1,
        5,
        10**18,
        -(2**63),
        2**63 - 1,
        10**23,
        10**400,
        1.5,
        -0.0,
        1e308,
        5e-324,
        float("nan"),
        float("inf"),
    ),
    *(
        True,
        False,
        "",
        "x",
        "5",
        "\x1b[31m",
        "\u202e",
        "a\nb",
        "A" * 3000,
        "../../x",
        "os:system",
        "sqlite://",
        "nan",
    ),
    *(
        [],
        [[]],
        [1, "x"],
        ["a"] * 200,
        [1e308],
        [float("nan")],
        [[1, 2], [3]],
        [{}],
        {},
        {"a": 1},
        {"a": {"b": []}},
    ),
)


class Place:
    """A folder that has finished runs and other files to be spoilt.

    Args:
        root: an empty folder; commands run in it.
        originals: whole folders of runs, by a short name.
    """

    def __init__(self, root: Path, originals: dict[str, Path]) -> None:
        self.root = root
        self.originals = originals

    def fresh(self, name: str) -> Path:
        """A copy of an original, which may be spoilt."""
        place = self.root / name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.originals[name], place)
        return place


def case(place: Place, rng: random.Random) -> list[str]:
    """A hostile command line; what files it reads are spoilt on the way."""
    make: Callable[[Place, random.Random], list[str]] = rng.choices(
        (_words, _config, _spoilt, _network_file, _garbage), weights=(5, 3, 5, 1, 0.3)
    )[0]
    return make(place, rng)


def _commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command


COMMANDS = dict(_commands())


def _value(param: click.Parameter, rng: random.Random) -> str:
    """A value for a parameter: often of its kind, at the edge or past it."""
    name = str(param.name)
    kinds: tuple[str, ...] = POOL
    draw = rng.random()
    if draw < 0.15 and isinstance(param.type, click.Choice):
        return str(rng.choice(list(param.type.choices)))
    if draw < 0.75:
        if isinstance(param.type, click.types.IntParamType | click.types.FloatParamType):
            kinds = NUMBERS
        elif name in ("network", "networks", "baseline", "a", "b", "source"):
            kinds = NETWORKS
        elif name == "budget":
            kinds = (*BUDGETS, "macs", "params")
        elif name == "storage":
            kinds = URLS
        elif param.type.name in ("phi", "rungs", "lengths", "objectives", "list", "HxW"):
            kinds = (*LISTS, *NUMBERS)
        elif param.type.name == "duration":
            kinds = tuple(f"{number}{unit}" for number in NUMBERS for unit in ("", "s", "h"))
        else:
            kinds = TEXTS
    return rng.choice(kinds)


def _option(param: click.Option, rng: random.Random) -> list[str]:
    flag = rng.choice([*param.opts, *param.secondary_opts])
    if param.is_flag:
        return [flag]
    text = _value(param, rng)
    return [f"{flag}={text}"] if rng.random() < 0.8 else [flag, text]


def _options(command: click.Command, rng: random.Random, most: int = 3) -> list[str]:
    known = [param for param in command.params if isinstance(param, click.Option)]
    chosen = rng.sample(known, min(len(known), rng.randint(0, most)))
    return [word for param in chosen for word in _option(param, rng)]


def _arguments(command: click.Command, rng: random.Random) -> list[str]:
    words = []
    for param in command.params:
        if isinstance(param, click.Argument):
            count = rng.choice((0, 1, 2, 2)) if param.nargs == -1 else rng.choice((1, 1, 1, 1, 0))
            words += [_value(param, rng) for _ in range(count)]
    return words


def _no_training(name: str, rng: random.Random) -> list[str]:
    return ["--dry-run"] if name in ("grid",) and rng.random() < 0.5 else []


def _words(_place: Place, rng: random.Random) -> list[str]:
    """Any command with any options."""
    if rng.random() < 0.03:
        return [rng.choice(POOL), *rng.sample(POOL, 2)]
    name = rng.choice(list(COMMANDS))
    command = COMMANDS[name]
    words = [*_arguments(command, rng), *_options(command, rng, 4), *_no_training(name, rng)]
    if rng.random() < 0.1:
        words.append(rng.choice(POOL))
    return [name, *words]


def _config(place: Place, rng: random.Random) -> list[str]:
    """A settings file of a command with hostile values, types and tables."""
    able = [name for name, command in COMMANDS.items() if any(p.name == "config" for p in command.params)]
    name = rng.choice(able)
    settings = [str(p.name) for p in COMMANDS[name].params if p.name not in ("config", "out")]
    table: Any = {key: rng.choice(TOML_VALUES) for key in rng.sample(settings, rng.randint(0, 3))}
    if rng.random() < 0.1:
        table = rng.choice(TOML_VALUES)
    tables = {name: table}
    if rng.random() < 0.3:
        tables[rng.choice(("run", "machine", "versions", "scale", "x", name))] = rng.choice(TOML_VALUES)
    text = tomli_w.dumps(tables)
    if rng.random() < 0.15:
        text = _torn(text, rng)
    file = place.root / "config.toml"
    file.write_bytes(_encoded(text, rng))
    return [
        *(name, f"--config={file}"),
        *(_arguments(COMMANDS[name], rng) if rng.random() < 0.5 else ["b0", "b1"][: _needs(name)]),
        *_no_training(name, rng),
    ]


def _needs(name: str) -> int:
    return {"measure": 1, "compare": 2}.get(name, 0)


def _encoded(text: str, rng: random.Random) -> bytes:
    draw = rng.random()
    if draw < 0.05:
        return b"\xef\xbb\xbf" + text.encode("utf-8", "replace")
    if draw < 0.08:
        return text.encode("utf-16", "replace")
    return text.encode("utf-8", "surrogatepass" if draw < 0.1 else "replace")


def _torn(text: str, rng: random.Random) -> str:
    """A text with something missing, doubled, nested or strange."""
    spoil = rng.randrange(7)
    at = rng.randrange(len(text) + 1)
    if spoil == 0:
        return text[:at]
    if spoil == 1:
        return text[:at] + rng.choice(POOL) + text[at:]
    if spoil == 2:
        return text[:at] + "[" * 5000 + text[at:]
    if spoil == 3:
        lines = text.splitlines(keepends=True)
        rng.shuffle(lines)
        return "".join(lines)
    if spoil == 4:
        return text[:at] + "\x00" * 7 + text[at + 3 :]
    if spoil == 5:
        return text[:at] + '{"a":' * 3000
    return text[:at] + text[at + rng.randrange(40) :]


def _changed(data: Any, rng: random.Random) -> Any:
    """Nested plain data with one or a few of its values changed, missing or of another type."""
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        holders = [item for item in _holders(data) if item]
        if not holders:
            return rng.choice(TOML_VALUES)
        # The few large ones as often as the many small ones.
        holder = rng.choice(holders[: rng.choice((2, 10, len(holders)))])
        key = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
        action = rng.random()
        if action < 0.25:
            del holder[key]
        elif action < 0.35 and isinstance(holder, dict):
            holder[rng.choice(("x", "kind", "name", ""))] = holder[key]
        else:
            holder[key] = rng.choice(TOML_VALUES)
    return data


def _holders(data: Any) -> list[Any]:
    if isinstance(data, dict):
        return [data, *(inner for value in data.values() for inner in _holders(value))]
    if isinstance(data, list):
        return [data, *(inner for value in data for inner in _holders(value))]
    return []


def _spoil_file(path: Path, rng: random.Random) -> None:
    """Spoils one file, by what it is."""
    if rng.random() < 0.12:
        path.write_bytes(
            rng.choice((b"", b"\x00", rng.randbytes(300), path.read_bytes()[: rng.randrange(200)]))
        )
        return
    if rng.random() < 0.03:
        path.unlink()
        path.mkdir()
        return
    if path.suffix == ".db":
        _spoil_study(path, rng)
        return
    if path.suffix not in (".toml", ".json", ".csv"):
        content = bytearray(path.read_bytes())
        for _ in range(rng.randint(1, 20)):
            if content:
                content[rng.randrange(min(len(content), 2000))] = rng.randrange(256)
        path.write_bytes(bytes(content))
        return
    text = path.read_text("utf-8")
    if rng.random() < 0.2:
        path.write_bytes(_encoded(_torn(text, rng), rng))
    elif path.suffix == ".toml":
        path.write_text(tomli_w.dumps(_as_table(_changed(tomllib.loads(text), rng))), "utf-8", "replace")
    elif path.suffix == ".json":
        path.write_text(_spoilt_json(text, rng), "utf-8", "replace")
    else:
        path.write_text(_changed_csv(text, rng), "utf-8", "replace")


def _as_table(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {"grid": data}


def _changed_csv(text: str, rng: random.Random) -> str:
    rows = list(csv.reader(io.StringIO(text)))
    for _ in range(rng.choice((1, 1, 3, 20))):
        number = rng.choice((0, 1, rng.randrange(len(rows))))
        row = rows[min(number, len(rows) - 1)]
        if not row:
            continue
        index = rng.randrange(len(row))
        action = rng.random()
        if action < 0.15:
            del row[index]
        elif action < 0.25:
            row.insert(index, rng.choice(NUMBERS))
        else:
            row[index] = rng.choice(POOL if action < 0.5 else NUMBERS)
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    return target.getvalue()


def _spoilt_json(text: str, rng: random.Random) -> str:
    return _torn(text, rng) if rng.random() < 0.2 else json.dumps(_changed(json.loads(text), rng))


def _spoil_study(path: Path, rng: random.Random) -> None:
    """A study whose rows are missing or hold something else."""
    with closing(sqlite3.connect(path)) as base, base:
        for _ in range(rng.choice((1, 1, 2))):
            table = rng.choice(
                ("trial_user_attributes", "study_user_attributes", "trial_user_attributes", "trials")
                if rng.random() < 0.8
                else (
                    "studies",
                    "trial_params",
                    "trial_values",
                    "study_directions",
                    "version_info",
                    "alembic_version",
                )
            )
            rows = [row[0] for row in base.execute(f"SELECT rowid FROM {table}")]
            if not rows:
                continue
            row = rng.choice(rows)
            if table.endswith("user_attributes") and rng.random() < 0.6:
                (text,) = base.execute(f"SELECT value_json FROM {table} WHERE rowid = ?", (row,)).fetchone()
                spoilt = _spoilt_json(text, rng)
                spoilt = spoilt.encode("utf-8", "replace").decode()
                base.execute(f"UPDATE {table} SET value_json = ? WHERE rowid = ?", (spoilt, row))
            elif rng.random() < 0.5:
                base.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
            elif rng.random() < 0.5:
                base.execute(f"DELETE FROM {table}")
            elif table == "trials":
                base.execute(
                    "UPDATE trials SET state = ?", (rng.choice(("WAITING", "RUNNING", "FAIL", "NONSENSE")),)
                )
            elif rng.random() < 0.2:
                base.execute(f"DROP TABLE {table}")


def _spoilt(place: Place, rng: random.Random) -> list[str]:
    """A run's folder with one of its files spoilt, given to a command that reads it."""
    name = rng.choice(list(place.originals))
    folder = place.fresh(name)
    files = sorted(
        p
        for p in folder.rglob("*")
        if p.is_file() and p.suffix not in (".png", ".svg", ".md", ".log", ".lock")
    )
    main = [p for p in files if p.suffix in (".toml", ".db")]
    for _ in range(rng.choice((1, 1, 1, 2))):
        file = rng.choice(main if main and rng.random() < 0.5 else files)
        if file.is_file():
            # What was spoilt before may not be read any more: it stays as it is.
            with suppress(ValueError, csv.Error, sqlite3.DatabaseError):
                _spoil_file(file, rng)
    extra = rng.choice(("", ":highest", ":phi=1", ":8", "@batch=2", ":highest@threads=1"))
    words: tuple[list[str], ...] = (
        ["report", str(folder)],
        ["report", str(folder), "--format=json"],
        ["resume", str(folder)],
        ["resume", str(folder), "--retry-failed"],
        ["fidelity", str(folder)],
        ["export", f"{folder}{rng.choice(('', extra))}", "--to=safetensors"],
        ["measure", f"{folder}{extra}", "--out=measured"],
        ["compare", f"{folder}{extra}", rng.choice(("b0", str(place.originals[name]), f"{folder}"))],
        ["transfer", str(folder), str(place.originals["grid"])],
        ["law", f"--run={folder}", "--random=0", "--out=laws"],
        ["scale", f"--law={folder}", "--budget=latency=12ms", "--phi=0,1"],
        ["grid", f"--config={folder / 'run.toml'}", "--dry-run"],
        ["grid", f"--out={folder}", "--device=cpu"],
        ["grid", "--start=grown", f"--scratch-run={folder}", "--dry-run"],
        [name if name in COMMANDS else "measure", f"--config={folder / 'run.toml'}", f"--out={folder}"],
        ["grid", f"--pretrained={rng.choice(files)}", "--dry-run"],
    )
    return rng.choice(words if rng.random() < 0.5 else words[:4])


def _network_file(place: Place, rng: random.Random) -> list[str]:
    """A network's file with hostile values."""
    from click.testing import CliRunner

    name = rng.choice(("efficientnet-b0", "resnet-18", "mobilenet-v2"))
    text = CliRunner().invoke(cli, ["describe", name, "--format=toml"]).stdout
    if rng.random() < 0.3:
        text = _torn(text, rng)
    else:
        text = tomli_w.dumps(_as_table(_changed(tomllib.loads(text), rng)))
    (place.root / "net.toml").write_bytes(_encoded(text, rng))
    return rng.choice(
        (
            ["describe", "net.toml"],
            ["describe", "net.toml", "--width=2"],
            ["explain", "net.toml"],
            ["grid", "--baseline=net.toml", "--dry-run"],
            ["scale", "--baseline=net.toml", "--phi=0,1"],
            ["measure", "net.toml:1,1,1"],
        )
    )


def _garbage(place: Place, rng: random.Random) -> list[str]:
    """A file of bytes that mean nothing, wherever a file is asked for."""
    file = place.root / f"garbage{rng.choice(('.toml', '.json', '.csv', '.safetensors', '.pth', ''))}"
    file.write_bytes(
        rng.choice((b"", rng.randbytes(rng.randrange(4000)), b"[" * 100_000, b"{" * 9, b"\xff\xfe\x00"))
    )
    return rng.choice(
        (
            ["grid", f"--config={file}", "--dry-run"],
            ["grid", f"--baseline={file}", "--dry-run"],
            ["grid", f"--pretrained={file}", "--dry-run"],
            ["describe", str(file)],
            ["measure", str(file)],
            ["export", str(file)],
            ["scale", f"--law={file}", "--budget=latency=12ms"],
            ["compare", str(file), "b0"],
            ["report", str(file)],
            ["resume", str(file)],
        )
    )
