r"""A second and a third real data set, of Debian packages that anybody can have; none of it is kept here.

    apt-get download openclipart-png gnome-backgrounds mate-backgrounds plasma-workspace-wallpapers
    for package in *.deb; do dpkg-deb -x "$package" unpacked; done
    python experiments/second_dataset.py drawings unpacked/usr/share/openclipart/png drawings
    python experiments/second_dataset.py pictures unpacked/usr/share/{backgrounds,wallpapers} pictures

This program fetches nothing. The packages are 304 MB and unpack without being installed.

``drawings`` makes a folder of labelled drawings, ``train`` and ``val`` with a folder for each subject: of
every subject with at least 60 drawings 400 at most, on white, 128 px on the shorter side. Drawings come in
series that look alike, so whole series are held out: those whose names differ by a number, and those that
look the same at 16 px. With the packages of Debian 12: 14 classes, 2,695 drawings to train on and 621 that
judge, in half a minute of one core.

``pictures`` makes a folder of large pictures for ``windows:``, the largest of each that comes in several
sizes or shades: 59 of them, 117 MB, in ten seconds.

Both print the command that searches on what they made. On each a search was made on a CPU, 24 runs of 12
networks with seeds 0 and 1 and nine that confirm; alone on a core a run takes 13 s and 52 s:

    scalesearch grid --phi 1 --dataset windows:pictures --images 4000 --no-latency --confirm 3 \
        --jobs 2 --out reports/step1-pictures
    scalesearch grid --phi 1 --dataset folder:drawings --images 16000 --no-latency --confirm 3 \
        --out reports/step1-drawings-16000

How much one run says about a network (the variance between networks over that plus the variance of one run)
is in reports/reliability/report.md: .51 (95%: -.06 to .83) on the pictures, where the embedded photographs
have .28 (.06 to .52) at that length, so a gain is not shown; nothing on the drawings, whose networks reach
27% and do not differ. No split stands out on either, and fresh seeds bear out no gain. Runs of 64,000 images,
for which these sets are meant, need a GPU and were not tried.
"""

from __future__ import annotations

import math
import re
import warnings
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 128
MOST_PIXELS = 20_000_000
"""A few drawings have hundreds of millions, which would take gigabytes."""
THUMBNAIL = 16
ALIKE = 8.0
"""Thumbnails whose grey levels differ by less, on average (root mean square), are of the same drawing."""
HELD_OUT = 0.2
COPIES = "unsorted"
"""The folder of duplicates and of what nobody gave a subject."""
SIZE_OR_SHADE = re.compile(
    r"([-_ ](\d{3,5}x\d{3,5}|[ld]|dark|light|no[-_ ]logo)|[-_ ]?\d+|[-_ ])+$", re.IGNORECASE
)
ENDINGS = {".png", ".jpg", ".jpeg", ".webp"}
Thumbnails = npt.NDArray[np.float32]


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture; (0, 0) where that is more than Pillow will open."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            return image.size
    except Image.DecompressionBombError:
        return 0, 0


def drawing(path: Path) -> Image.Image:
    """The drawing in a file as it is kept: on white where it is transparent, 128 px on the shorter side."""
    with Image.open(path) as image:
        picture = image.convert("RGBA")
    shrink = min(1.0, SIDE / min(picture.size))
    size = max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    ground = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(ground, picture).convert("RGB")


def thumbnail(picture: Image.Image) -> npt.NDArray[np.float32]:
    """What a picture looks like from afar: 16 x 16 colours from 0 to 255, flat."""
    small = picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).ravel()


def series_name(path: Path) -> str:
    """A file's name without its number, size or shade; the folder's, of files named by their size."""
    stem = SIZE_OR_SHADE.sub("", path.stem).casefold()
    if "contents" in path.parts:  # a desktop's package of one picture in several sizes
        return path.parts[path.parts.index("contents") - 1].casefold()
    return stem or path.stem


def series(names: Sequence[Hashable], thumbnails: Thumbnails) -> list[int]:
    """For each drawing the first of its series: those of one name, and those that look the same.

    Args:
        names: of the series, as the files have them.
        thumbnails: (drawings, values).
    """
    first = list(range(len(names)))

    def root(index: int) -> int:
        while first[index] != index:
            first[index] = first[first[index]]
            index = first[index]
        return index

    def join(one: int, other: int) -> None:
        low, high = sorted((root(one), root(other)))
        first[high] = low

    by_name: dict[Hashable, int] = {}
    for index, name in enumerate(names):
        join(by_name.setdefault(name, index), index)
    squares = (thumbnails**2).sum(1)
    for index, row in enumerate(thumbnails):
        distances = squares[index + 1 :] + squares[index] - 2 * thumbnails[index + 1 :] @ row
        for other in np.flatnonzero(distances < ALIKE**2 * row.size):
            join(index, index + 1 + int(other))
    return [root(index) for index in range(len(names))]


def held_out(groups: Sequence[int], names: Sequence[str]) -> set[int]:
    """The places of about a fifth of some drawings, whole series of them, in an order that names decide."""
    members = defaultdict(list)
    for place, group in enumerate(groups):
        members[group].append(place)
    order = sorted(members.values(), key=lambda places: sha256(names[places[0]].encode()).digest())
    chosen: set[int] = set()
    for places in order:
        if len(chosen) + len(places) <= HELD_OUT * len(groups):
            chosen.update(places)
    return chosen


def files_of(folder: Path, endings: Iterable[str]) -> list[Path]:
    """The pictures in a folder and below it, each once, whatever links lead to it."""
    wanted = set(endings)
    files = {path.resolve() for path in sorted(folder.rglob("*")) if path.suffix.lower() in wanted}
    return sorted(path for path in files if path.is_file())


def make_drawings(source: Path, out: Path, most: int, least: int) -> dict[str, tuple[int, int]]:
    """Writes the folder of drawings; how many of each subject are trained on and how many judge."""
    subjects: dict[str, list[Path]] = defaultdict(list)
    root, seen = source.resolve(), set[str]()
    for path in files_of(source, {".png"}):
        if not path.is_relative_to(root) or len(path.relative_to(root).parts) < 2:
            continue
        digest = sha256(path.read_bytes()).hexdigest()
        if digest not in seen and 0 < math.prod(size_of(path)) <= MOST_PIXELS:
            seen.add(digest)
            subjects[path.relative_to(root).parts[0]].append(path)
    counts: dict[str, tuple[int, int]] = {}
    for subject, paths in sorted(subjects.items()):
        if subject == COPIES or len(paths) < least:
            continue
        # A choice that depends on names alone, spread over all folders of the subject.
        chosen = sorted(sorted(paths, key=lambda path: sha256(path.name.encode()).digest())[:most])
        drawn = [drawing(path) for path in chosen]
        thumbnails = np.stack([thumbnail(picture) for picture in drawn])
        groups = series([series_name(path) for path in chosen], thumbnails)
        judged = held_out(groups, [path.name for path in chosen])
        for place, picture in enumerate(drawn):
            folder = out / ("val" if place in judged else "train") / subject
            folder.mkdir(parents=True, exist_ok=True)
            picture.save(folder / f"{place:03d}.png")
        counts[subject] = len(chosen) - len(judged), len(judged)
    return counts


def make_pictures(sources: Iterable[Path], out: Path, short_side: int) -> int:
    """Writes the folder of large pictures, the largest of each series; how many there are."""
    paths, sizes, thumbnails = [], [], []
    for path in (path for source in sources for path in files_of(source, ENDINGS)):
        size = size_of(path)
        if min(size) >= short_side:
            paths.append(path)
            sizes.append(math.prod(size))
            with Image.open(path) as image:
                image.draft("RGB", (short_side, short_side))
                thumbnails.append(thumbnail(image.convert("RGB")))
    if not paths:
        return 0
    largest: dict[int, int] = {}
    for place, group in enumerate(series([series_name(path) for path in paths], np.stack(thumbnails))):
        if sizes[place] > sizes[largest.setdefault(group, place)]:
            largest[group] = place
    out.mkdir(parents=True, exist_ok=True)
    for place in largest.values():
        path = paths[place]
        (out / f"{series_name(path)}{path.suffix.lower()}").write_bytes(path.read_bytes())
    return len(largest)


def _fresh(_context: click.Context, _parameter: click.Parameter, out: Path) -> Path:
    if out.exists() and any(out.iterdir()):
        raise click.BadParameter(f"must be a new folder, got {out}, which holds something")
    return out


FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
NEW_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group
def main() -> None:
    """Make data of unpacked packages of Debian."""


@main.command
@click.argument("source", type=FOLDER)
@click.argument("out", type=NEW_FOLDER, callback=_fresh)
@click.option("--most", default=400, show_default=True, help="Drawings of a subject, at most.")
@click.option("--least", default=60, show_default=True, help="Drawings that a subject must have.")
def drawings(source: Path, out: Path, most: int, least: int) -> None:
    """Labelled drawings of openclipart-png, SOURCE being its folder of subjects."""
    counts = make_drawings(source, out, most, least)
    if len(counts) < 2:
        raise click.BadParameter(f"must hold two subjects of {least} drawings, got {len(counts)} in {source}")
    for subject, (trained, judged) in counts.items():
        click.echo(f"{subject}: {trained} to train on, {judged} that judge")
    total = [sum(of) for of in zip(*counts.values(), strict=True)]
    click.echo(f"{len(counts)} classes, {total[0]:,} drawings to train on, {total[1]:,} that judge")
    click.echo(
        f"scalesearch grid --phi 1 --match macs --images 64000 --dataset folder:{out} --out reports/drawings"
    )


@main.command
@click.argument("sources", type=FOLDER, nargs=-1, required=True)
@click.argument("out", type=NEW_FOLDER, callback=_fresh)
@click.option("--short-side", default=600, show_default=True, help="Pixels of the shorter side, at least.")
def pictures(sources: tuple[Path, ...], out: Path, short_side: int) -> None:
    """Large pictures of desktops' packages, wherever they lie below SOURCES."""
    count = make_pictures(sources, out, short_side)
    if count < 2:
        raise click.BadParameter(f"must hold two pictures of {short_side} px or more, got {count}")
    click.echo(f"{count} pictures")
    click.echo(
        f"scalesearch grid --phi 1 --match macs --images 64000 --dataset windows:{out} --out reports/pictures"
    )


if __name__ == "__main__":
    main()
