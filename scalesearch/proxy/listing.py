"""A folder of images as a list: which files are the data, of which class, and which of them judge.

A class is a folder of images, or a single picture that is cut up.

Reading the tree is the only effect. What its folders mean, which names are the same file and what is left out
is worked out from the tree as it was read, and the outcome is one frozen value.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scalesearch.proxy.dataset import FOLDER, WINDOWS, DataError, ImageRow
from scalesearch.proxy.decoding import ARRAY, Stamp, readable_endings, stamp_of
from scalesearch.text import printable

__all__ = [
    "Candidates",
    "Layout",
    "ListedImage",
    "Listing",
    "Tree",
    "candidates",
    "layout",
    "listed",
    "listed_pictures",
    "pictures",
    "read_tree",
]

HIDDEN = (".", "~$")
"""How the names begin of what is hidden, and of office programs' locks."""
# Beside these: what systems, archives, servers and editors leave in people's folders.
FOREIGN = frozenset(
    {
        *("__macosx", "$recycle.bin", "system volume information", "lost+found", "found.000", "recycler"),
        *(
            "thumbs.db",
            "thumbs.db:encryptable",
            "ehthumbs.db",
            "desktop.ini",
            "icon\r",
            "network trash folder",
        ),
        *(
            "@eadir",
            "#recycle",
            "@recycle",
            "@recently-snapshot",
            "@tmp",
            "@__thumb",
            "#snapshot",
            "__pycache__",
        ),
    }
)

TRAIN, VALIDATION, TEST = "train", "validation", "test"
ROLES = {
    **dict.fromkeys(("train", "training", "trn", "tr", "trainval"), TRAIN),
    **dict.fromkeys(
        ("val", "valid", "va", "validation", "validate", "validating", "dev", "devel"), VALIDATION
    ),
    **dict.fromkeys(("development", "eval", "evaluation", "holdout", "heldout"), VALIDATION),
    **dict.fromkeys(("test", "testing", "tst", "te"), TEST),
}
"""Words that name a part of a dataset."""
FILLERS = frozenset({"set", "data", "dataset", "images", "image", "imgs", "img", "split", "part", "folder"})
"""Words that say nothing about a folder of images."""
NUMBERED = re.compile(r"(cv|k)?[ _.-]*(fold|split|part|subset|batch)[ _.-]*\d+", re.IGNORECASE)
"""What one of several like parts of a dataset is called."""
GLUED = re.compile(rf"({'|'.join(sorted(ROLES, key=len, reverse=True))})({'|'.join(FILLERS)})")
NAMED_AT_MOST = 5
WANTED = {FOLDER: "a folder with one folder of images per class", WINDOWS: "a folder of pictures"}

Split = Callable[[Sequence[int], int], tuple[list[int], list[int]]]
Pick = Callable[[Sequence[int], int], list[int]]
Key = tuple[int, int]
"""Device and inode: what a file or a folder is, whatever its names."""


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    path: str
    key: Key
    stamp: Stamp
    linked: bool


@dataclass(frozen=True, slots=True)
class _Subfolder:
    name: str
    key: Key
    linked: bool


@dataclass(frozen=True, slots=True)
class _Folder:
    """What lies directly in a folder; ``unread`` are the endings of files that are not read."""

    files: tuple[_File, ...]
    folders: tuple[_Subfolder, ...]
    unread: tuple[str, ...]
    foreign: int
    dangling: int
    special: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All folders below a root, and those that links in it lead to, each once; ``kind`` is of the dataset."""

    path: str
    kind: str = FOLDER
    root: Key
    folders: Mapping[Key, _Folder]


def read_tree(path: Path, kind: str = FOLDER) -> Tree:
    """Reads a folder and all below it. Links are followed, but not to a folder that the root lies in.

    Args:
        path: the folder.
        kind: what the dataset's name begins with.

    Raises:
        DataError: if there is no such folder, or a part of it cannot be read.
    """
    option, wanted = _option(path, kind), WANTED[kind]
    try:
        status = path.stat()
        real = path.resolve()
        above = {_key(parent.stat(), parent) for parent in real.parents}
    except (OSError, ValueError, RuntimeError) as error:  # a NUL byte, a loop of links
        raise DataError(f"{option} must be {wanted}, got none there") from error
    if not stat.S_ISDIR(status.st_mode):
        raise DataError(f"{option} must be {wanted}, got a file")
    root = _key(status, real)
    folders: dict[Key, _Folder] = {}
    waiting, linked = [(root, str(real))], list[tuple[Key, str]]()
    # What lies in the tree itself comes first, so that paths are its own where there are several.
    while waiting or linked:
        key, place = waiting.pop() if waiting else linked.pop()
        if key in folders:
            continue
        try:
            folders[key], places = _read_folder(place, above)
        except OSError as error:
            where, reason = printable(error.filename or place), error.strerror or error
            raise DataError(f"{option} must be readable, got {where}: {reason}") from error
        for sub, where in zip(folders[key].folders, places, strict=True):
            (linked if sub.linked else waiting).append((sub.key, where))
    return Tree(path=str(path), kind=kind, root=root, folders=folders)


def _option(path: object, kind: str = FOLDER) -> str:
    return f"`dataset` {kind}{printable(path)}"


def _key(status: os.stat_result, path: Path | str) -> Key:
    # A few file systems number nothing: there a file is what it is by its place.
    return status.st_dev, status.st_ino or hash(os.path.realpath(path))


def _read_folder(place: str, above: set[Key]) -> tuple[_Folder, list[str]]:
    files: list[_File] = []
    folders: list[_Subfolder] = []
    places: list[str] = []
    unread: list[str] = []
    foreign = dangling = special = 0
    with os.scandir(place) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(HIDDEN) or entry.name.casefold() in FOREIGN:
                foreign += 1
                continue
            linked = entry.is_symlink()
            try:
                # Not the entry's own, which knows no inode on Windows.
                status = os.stat(entry.path)  # noqa: PTH116  # a path object for each of a million files is slow
            except OSError:
                if not linked and os.path.lexists(entry.path):
                    raise
                dangling += 1  # a link to nothing or to itself, or a file that has just gone
                continue
            if stat.S_ISDIR(status.st_mode):
                if (key := _key(status, entry.path)) in above:
                    dangling += 1
                    continue
                folders.append(_Subfolder(entry.name, key, linked))
                places.append(entry.path)
            elif not stat.S_ISREG(status.st_mode):
                special += 1
            elif _ending(entry.name) in readable_endings():
                key = _key(status, entry.path)
                files.append(_File(entry.name, entry.path, key, stamp_of(status), linked))
            else:
                unread.append(_ending(entry.name) or "no ending")
    return _Folder(tuple(files), tuple(folders), tuple(unread), foreign, dangling, special), places


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  # see above


@dataclass(frozen=True, slots=True)
class _Start:
    """A folder to look for images in: whether it is a link, and the folders that it lies in."""

    key: Key
    linked: bool
    above: tuple[Key, ...]


Classes = Mapping[str, tuple[_Start, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the folders of a tree mean: classes to train on and, where they are set apart, those to judge on.

    Attributes:
        train: the classes by name, each with its folders.
        judged: the same classes of the part that judges; None where judges are to be held out of ``train``.
        part_names: the folders' own names of the two parts, empty where there are none.
        notes: what else was understood, in sentences.
    """

    train: Classes
    judged: Classes | None = None
    part_names: tuple[str, str] = ("", "")
    notes: tuple[str, ...] = ()


def layout(tree: Tree) -> Layout:
    """Takes a tree for a folder of classes, or for one of parts such as train and val that hold the classes.

    Raises:
        DataError: if it is neither, or may be both; the message says what would do.
    """
    option = _option(tree.path)
    root = _Start(tree.root, False, ())
    top = _subfolders(tree, root)
    if not top:
        loose = len(tree.folders[tree.root].files)
        what = f"{loose:,} with no folder" if loose else f"none that can be read{_unread(tree)}"
        raise DataError(f"{option} must hold images in one folder per class, got {what}")
    roles = _roles(top)
    parts = [name for name in top if name in roles]
    nested = {name for name in parts if _subfolders(tree, top[name][0])}
    others = [name for name in top if name not in roles]
    if nested and not others:
        return _parts(tree, top, roles)
    if nested:
        if len(nested) > 1 and TRAIN in {roles[name] for name in nested}:
            apart = f"{_names(others)} left out: no part of the data as {_names(parts)} are"
            return _parts(tree, {name: top[name] for name in parts}, roles, (apart,))
        raise DataError(
            f"{option} must hold classes, or parts such as train and val, got {_names(sorted(nested))} with "
            f"folders in it beside {_names(others)}: name folder:{_below(tree, sorted(nested)[0])}, or move "
            "the others elsewhere"
        )
    if len(parts) > 1 and not others:
        raise DataError(
            f"{option} must hold one folder of images per class, got {_names(parts)} with no folders "
            "of classes in them; rename them if these are classes"
        )
    classes = _classes(tree, root, option)
    if len(classes) < 2:
        hint = _wrapped(tree, root, Path(tree.path))
        raise DataError(f"{option} must hold at least 2 classes, got 1: {_names(classes)}{hint}")
    for name, starts in classes.items():
        inner = [sub for start in starts for sub in _subfolders(tree, start)]
        roles = _roles(inner)
        if TRAIN in roles.values() and len(set(roles.values())) > 1:
            raise DataError(
                f"{option} must hold classes, or parts that hold classes, got a class {printable(name)} of "
                f"the parts {_names(inner)}: put the classes into folders {_names(list(roles))}"
            )
    notes = (f"{_names(parts)} taken for a class, beside {_names(others)}",) if parts else ()
    return Layout(train=classes, notes=notes + _alike(tree, top, option) + _loose(tree, root))


def _alike(tree: Tree, top: Classes, option: str) -> tuple[str, ...]:
    """What is said of classes that all hold folders of the same names, as parts of a dataset do.

    Raises:
        DataError: if they are numbered as such parts are.
    """
    inner = {tuple(sorted(_subfolders(tree, starts[0]))) for starts in top.values()}
    if len(top) < 2 or len(inner) > 1 or len(min(inner)) < 2:
        return ()
    same, first = _names(min(inner)), _below(tree, next(iter(top)))
    if all(NUMBERED.fullmatch(name) for name in top):
        raise DataError(
            f"{option} must hold classes, or parts such as train and val, got {_names(list(top))}, each with "
            f"the folders {same}: name one of them, such as folder:{first}, or two of them train and val"
        )
    return (
        f"{_names(list(top))} taken for the classes, though each holds the folders {same}: if these are the "
        f"classes, name folder:{first}",
    )


def _parts(
    tree: Tree,
    top: Classes,
    roles: Mapping[str, str],
    notes: tuple[str, ...] = (),
) -> Layout:
    """The layout of a tree whose folders are parts of a dataset."""
    option = _option(tree.path)
    by_role: dict[str, str] = {}
    for name in top:
        if roles[name] in by_role:
            raise DataError(
                f"{option} must have one part of a kind, got {_names([by_role[roles[name]], name])}, both to "
                f"{'train' if roles[name] == TRAIN else 'judge'} on; move one elsewhere"
            )
        by_role[roles[name]] = name
    if TRAIN not in by_role:
        raise DataError(
            f"{option} must have a part to train on, such as train, got {_names(top)} alone; to train on "
            f"one of them, name folder:{_below(tree, next(iter(top)))}"
        )
    # An empty part that should judge is a mistake; without it the judges would be others.
    for empty, role in _roles([name for name, _ in _inside(tree, _Start(tree.root, False, ()))]).items():
        if role == VALIDATION and role not in by_role:
            raise DataError(f"{option} must hold images in {printable(empty)}, got none that can be read")
    name = by_role[TRAIN]
    notes += _loose(
        tree, _Start(tree.root, False, ()), top[name][0], *top.get(by_role.get(VALIDATION, ""), ())
    )
    train = _classes(tree, top[name][0], f"{option}/{printable(name)}")
    if len(train) < 2:
        raise DataError(
            f"{option} must hold at least 2 classes in {printable(name)}, got {len(train)}"
            + (f": {_names(train)}" if train else ", no folder with images in it")
            + _wrapped(tree, top[name][0], Path(tree.path) / name)
        )
    judging = by_role.get(VALIDATION)
    test = by_role.get(TEST)
    if test is not None:
        tested = _subfolders(tree, top[test][0])
        # One folder, or none, is how images without labels are handed out.
        if len(tested) > 1:
            _require_same(option, name, train, test, tested)
        how = "" if judging else f", and the judges are held out of {printable(name)}"
        notes += (f"{printable(test)} stays unseen{how}",)
    if judging is None:
        return Layout(train=train, part_names=(name, ""), notes=notes)
    judged = _subfolders(tree, top[judging][0])
    _require_same(option, name, train, judging, judged)
    return Layout(train=train, judged=judged, part_names=(name, judging), notes=notes)


def _loose(tree: Tree, *folders: _Start) -> tuple[str, ...]:
    """What is said of images that lie beside the folders of classes."""
    count = sum(len(tree.folders[folder.key].files) for folder in folders)
    return (f"left out images beside the folders of classes: {count:,}",) if count else ()


def _require_same(
    option: str, first: str, classes: Mapping[str, object], second: str, others: Mapping[str, object]
) -> None:
    differences = [
        f"{_names(sorted(set(more) - set(less)))} only in {printable(name)}"
        for name, more, less in ((first, classes, others), (second, others, classes))
        if set(more) - set(less)
    ]
    if differences:
        raise DataError(
            f"{option} must have the same classes in {printable(first)} and {printable(second)}, got "
            f"{' and '.join(differences)}"
        )


def _roles(names: Iterable[str]) -> dict[str, str]:
    """The part of a dataset that each name stands for, where it stands for one.

    A name of more words, such as ``seg_train``, does where its other words name another part too.
    """
    readings = {name: _reading(name) for name in names}
    by_rest: dict[tuple[str, ...], set[str]] = {}
    for role, rest in filter(None, readings.values()):
        by_rest.setdefault(rest, set()).add(role)
    return {
        name: reading[0]
        for name, reading in readings.items()
        if reading is not None and (not reading[1] or len(by_rest[reading[1]]) > 1)
    }


def _reading(name: str) -> tuple[str, tuple[str, ...]] | None:
    """The part that a name has a word for, and its other words; None where it has none, or several."""
    words = [word.casefold() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]+", name)]
    words = [glued[1] if (glued := GLUED.fullmatch(word)) else word for word in words]
    telling = [word for word in words if word not in FILLERS]
    if (whole := "".join(telling)) in ROLES:  # held-out, train_val
        return ROLES[whole], ()
    parts = [word for word in telling if word in ROLES]
    if len(parts) != 1:
        return None
    return ROLES[parts[0]], tuple(word for word in telling if word != parts[0])


def _subfolders(tree: Tree, folder: _Start) -> dict[str, tuple[_Start, ...]]:
    """The folders in a folder that have images somewhere, in the order of their names.

    Names that only differ in how Unicode composes an accent are one.
    """
    folders: dict[str, tuple[_Start, ...]] = {}
    for name, start in _inside(tree, folder):
        if any(True for _ in _images(tree, (start,), "")):
            folders[name] = (*folders.get(name, ()), start)
    return dict(sorted(folders.items()))


def _inside(tree: Tree, folder: _Start) -> Iterator[tuple[str, _Start]]:
    above = (*folder.above, folder.key)
    for sub in tree.folders[folder.key].folders:
        if sub.key not in above:
            name = unicodedata.normalize("NFC", sub.name)
            yield name, _Start(sub.key, folder.linked or sub.linked, above)


def _classes(tree: Tree, folder: _Start, option: str) -> dict[str, tuple[_Start, ...]]:
    classes = _subfolders(tree, folder)
    empty = {name: start for name, start in _inside(tree, folder) if name not in classes}
    if empty and classes:
        raise DataError(
            f"{option} must hold images in every class folder, got none in {_names(empty)}"
            f"{_unread(tree, next(iter(empty.values())))}; a folder of other things may lie elsewhere"
        )
    return classes


def _wrapped(tree: Tree, folder: _Start, place: Path) -> str:
    """Where the classes or parts may be meant to be: the first folder below that holds several."""
    while len(subs := _subfolders(tree, folder)) == 1:
        (name, (folder, *_)), *_ = subs.items()
        place /= name
    return f"; if its folders are meant, name folder:{printable(place)}" if subs else ""


def _below(tree: Tree, name: str) -> str:
    return printable(Path(tree.path) / name)


def _names(names: Sequence[str] | Mapping[str, object]) -> str:
    """Names in a sentence, the first few of them."""
    shown = [printable(name) for name in names][:NAMED_AT_MOST]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more:,} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _unread(tree: Tree, start: _Start | None = None) -> str:
    """In brackets, the endings of the files below a folder that are not read; empty where there are none."""
    folders = tree.folders.values() if start is None else [f for f, *_ in _walk(tree, (start,), "")]
    endings = Counter(ending for each in folders for ending in each.unread)
    return f" ({_endings(endings)})" if endings else ""


def _endings(endings: Counter[str]) -> str:
    ordered = sorted(endings.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{printable(ending)} {count:,}" for ending, count in ordered[:NAMED_AT_MOST])
    return f"{shown}, ..." if len(ordered) > NAMED_AT_MOST else shown


def _walk(tree: Tree, starts: Sequence[_Start], name: str) -> Iterator[tuple[_Folder, str, bool]]:
    """Each folder from some folders on once, with its name and whether a link leads there.

    A link to a folder that it lies in is not followed.
    """
    seen: set[Key] = set()
    waiting = [(start, name) for start in reversed(starts)]
    linked: list[tuple[_Start, str]] = []
    while waiting or linked:
        start, place = waiting.pop() if waiting else linked.pop()
        if start.key in seen:
            continue
        seen.add(start.key)
        yield tree.folders[start.key], place, start.linked
        for sub, inside in reversed(list(_inside(tree, start))):
            (linked if inside.linked else waiting).append((inside, f"{place}/{sub}"))


def _images(tree: Tree, starts: Sequence[_Start], name: str) -> Iterator[tuple[_File, str, bool]]:
    """The files from some folders on that can be read, with their names and whether a link leads to them."""
    for folder, place, linked in _walk(tree, starts, name):
        for file in folder.files:
            yield file, f"{place}/{file.name}", linked or file.linked


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedImage:
    """An image file of a dataset.

    Attributes:
        path: where it is opened.
        name: its path in the dataset's folder.
        label: its class, from 0.
        stamp: what it was when it was listed.
        digest: of its bytes; empty while these were not read.
    """

    path: str
    name: str
    label: int
    stamp: Stamp
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A folder of images as data: every image once, none on both sides.

    Of pictures that are cut up each is a class of its name, and on both sides: one part of it on each.

    Attributes:
        classes: their names; labels are places in it.
        train: what networks are trained on.
        judged: what they are judged on.
        notes: what was understood and what was left out, in sentences for the user.
    """

    classes: tuple[str, ...]
    train: tuple[ListedImage, ...]
    judged: tuple[ListedImage, ...]
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Tells the data from any other: names, classes, sides and bytes of all files, in their order."""
        digest = hashlib.sha256()
        for row in self.rows:
            digest.update("\0".join(row).encode("utf-8", "surrogateescape") + b"\0\n")
        return digest.hexdigest()

    @property
    def rows(self) -> tuple[ImageRow, ...]:
        """Every image with its class and its side, in their order."""
        return tuple(
            ImageRow(image.name, self.classes[image.label], side, image.digest)
            for side, images in (("train", self.train), ("held out", self.judged))
            for image in images
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The files of a layout, each once whatever its names, before their bytes are known.

    ``left_out`` counts what is none of the data, by what it is; ``examples`` names one for each.
    """

    classes: tuple[str, ...]
    part_names: tuple[str, str]
    train: tuple[ListedImage, ...]
    judged: tuple[ListedImage, ...] | None
    left_out: Mapping[str, int]
    examples: Mapping[str, str]
    notes: tuple[str, ...]


SAME_FILE = "further names (links) of the same files"
TWO_LABELS = "images under two classes"
COPIES = "copies of the same images"
IN_BOTH = "images to train on that judge too"
ARRAYS = f"{ARRAY} arrays beside images"


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """A name of a file in a part of the data."""

    image: ListedImage
    judged: bool
    linked: bool


def candidates(tree: Tree, folders: Layout, *, arrays_alone: bool) -> Candidates:
    """The files of the classes, by what they are and not by their names.

    A file that several names lead to counts once. Where it lies says its class, and a link elsewhere does
    not; one that lies under two classes, or is linked from two, is left out: no label of it can be relied on.

    Args:
        tree: the folders.
        folders: what they mean.
        arrays_alone: whether only arrays will do; else images, and arrays where there is no image.
    """
    classes = tuple(folders.train)
    # By the whole stamp too: some file systems number two files alike.
    occurrences: dict[tuple[Key, Stamp], list[_Occurrence]] = {}
    left_out: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for judged, by_name in ((False, folders.train), (True, folders.judged or {})):
        for label, name in enumerate(classes):
            part = folders.part_names[judged]
            for file, place, linked in _images(
                tree, by_name.get(name, ()), f"{part}/{name}" if part else name
            ):
                image = ListedImage(path=file.path, name=place, label=label, stamp=file.stamp)
                occurrences.setdefault((file.key, file.stamp), []).append(_Occurrence(image, judged, linked))
    images = any(not o[0].image.path.lower().endswith(ARRAY) for o in occurrences.values())
    train: list[ListedImage] = []
    held: list[ListedImage] = []
    for names in occurrences.values():
        if images and not arrays_alone and names[0].image.path.lower().endswith(ARRAY):
            left_out[ARRAYS] += 1
            continue
        lying = [o for o in names if not o.linked] or names
        if len({o.image.label for o in lying}) > 1:
            left_out[TWO_LABELS] += 1
            examples.setdefault(TWO_LABELS, _pair([o.image for o in lying]))
            continue
        same = [o for o in names if o.image.label == lying[0].image.label]
        # What judges is not trained on, whatever leads there.
        judged = any(o.judged for o in same)
        kept = next(o.image for o in (*lying, *same) if o.judged == judged)
        (held if judged else train).append(kept)
        in_both = sum(not o.judged for o in same) if judged else 0
        left_out[IN_BOTH] += in_both
        left_out[SAME_FILE] += len(names) - 1 - in_both
    return Candidates(
        classes=classes,
        part_names=folders.part_names,
        train=tuple(sorted(train, key=_place)),
        judged=None if folders.judged is None else tuple(sorted(held, key=_place)),
        left_out=left_out + _elsewhere(tree),
        examples=examples,
        notes=folders.notes,
    )


def _place(image: ListedImage) -> tuple[int, str, str]:
    """Files in the order of their classes, folders and names."""
    folder, _, name = image.name.rpartition("/")
    return image.label, folder, name


def _pair(images: Sequence[ListedImage]) -> str:
    first = images[0]
    other = next(image for image in images if image.label != first.label)
    return f"{printable(first.name)} and {printable(other.name)}"


def _elsewhere(tree: Tree) -> Counter[str]:
    """What lies in the tree and is no image that can be read."""
    folders = tree.folders.values()
    endings = Counter(ending for folder in folders for ending in folder.unread)
    counts = Counter(
        {
            "hidden or system names": sum(folder.foreign for folder in folders),
            "links to nothing or to a folder around them": sum(folder.dangling for folder in folders),
            "pipes and devices": sum(folder.special for folder in folders),
        }
    )
    if endings:
        counts[f"files of other kinds ({_endings(endings)})"] = sum(endings.values())
    return +counts


def listed(
    root: str, files: Candidates, digests: Mapping[str, str], split: Split, at_most: Pick, held_out: int
) -> Listing:
    """The list of the data, now that the bytes are known: the same bytes count once.

    Of copies the first is kept, and of those in both parts the one that judges. Bytes that lie under two
    classes are left out under both.

    Args:
        root: the dataset's folder, as messages name it.
        files: the files.
        digests: of each file's bytes, by its path.
        split: gives the places of training and of judging images among labels, so many of them held out.
        at_most: gives the places of about so many images, of labels of a part that judges.
        held_out: how many images to hold out at most.

    Raises:
        DataError: if a class is left with too few images.
    """
    left_out, examples = Counter(files.left_out), dict(files.examples)
    labels: dict[str, set[int]] = {}
    for image in (*files.train, *(files.judged or ())):
        labels.setdefault(digests[image.path], set()).add(image.label)
    several = {digest for digest, of in labels.items() if len(of) > 1}
    if several:
        twice = [i for i in (*files.train, *(files.judged or ())) if digests[i.path] in several]
        left_out[TWO_LABELS] += len(twice)
        first = [image for image in twice if digests[image.path] == digests[twice[0].path]]
        examples.setdefault(TWO_LABELS, _pair(first))
    kept: set[str] = set(several)

    def once(images: Sequence[ListedImage], reason: str) -> list[ListedImage]:
        fresh: list[ListedImage] = []
        before = frozenset(kept)
        for image in images:
            digest = digests[image.path]
            if digest not in kept:
                kept.add(digest)
                fresh.append(replace(image, digest=digest))
            elif digest not in several:
                left_out[reason if digest in before else COPIES] += 1
                examples.setdefault(reason if digest in before else COPIES, printable(image.name))
        return fresh

    judged = once(files.judged or (), COPIES)
    train = once(files.train, IN_BOTH)
    left = _left_out(left_out, examples)
    _require_enough(root, files, train, 2, files.part_names[0], left)
    if files.judged is None:
        places = split([image.label for image in train], held_out)
        train, judged = ([train[i] for i in side] for side in places)
    else:
        _require_enough(root, files, judged, 1, files.part_names[1], left)
        judged = [judged[i] for i in at_most([image.label for image in judged], held_out)]
    return Listing(
        classes=files.classes,
        train=tuple(train),
        judged=tuple(judged),
        notes=(*files.notes, *((f"left out {left}",) if left else ())),
    )


def pictures(tree: Tree, *, arrays_alone: bool) -> Candidates:
    """All pictures in a tree, wherever they lie, before their bytes are known.

    Raises:
        DataError: if there are fewer than two.
    """
    everything = Layout(train={"": (_Start(tree.root, False, ()),)})
    files = candidates(tree, everything, arrays_alone=arrays_alone)
    _require_two(tree.path, len(files.train), _unread(tree))
    return files


def listed_pictures(root: str, files: Candidates, digests: Mapping[str, str]) -> Listing:
    """The list of pictures, now that the bytes are known: a class each, named by its path, copies left out.

    Args:
        root: the dataset's folder, as messages name it.
        files: the pictures.
        digests: of each file's bytes, by its path.

    Raises:
        DataError: if fewer than two differ.
    """
    by_digest: dict[str, ListedImage] = {}
    left_out, examples = Counter(files.left_out), dict(files.examples)
    for image in files.train:
        digest, name = digests[image.path], image.name.removeprefix("/")
        if digest in by_digest:
            left_out[COPIES] += 1
            examples.setdefault(COPIES, printable(name))
        else:
            by_digest[digest] = replace(image, name=name, label=len(by_digest), digest=digest)
    left = _left_out(left_out, examples)
    _require_two(root, len(by_digest), f"; left out {left}" if left else "")
    images = tuple(by_digest.values())
    return Listing(
        classes=tuple(image.name for image in images),
        train=images,
        judged=images,
        notes=(*files.notes, *((f"left out {left}",) if left else ())),
    )


def _require_two(root: str, count: int, also: str) -> None:
    if count < 2:
        raise DataError(
            f"{_option(root, WINDOWS)} must hold at least 2 pictures, a class each, got "
            f"{count or 'none'}{also}"
        )


def _require_enough(
    root: str, files: Candidates, images: Sequence[ListedImage], least: int, part: str, left: str
) -> None:
    counts = Counter(image.label for image in images)
    for label, name in enumerate(files.classes):
        if counts[label] < least:
            where = f" in {printable(part)}" if part else ""
            also = f"; left out {left}" if left else ""
            raise DataError(
                f"{_option(root)} must hold at least {least} image{'s' * (least > 1)} per class{where}, "
                f"got {counts[label]} of '{printable(name)}'{also}"
            )


def _left_out(counts: Mapping[str, int], examples: Mapping[str, str]) -> str:
    return "; ".join(
        f"{what}: {count:,}{f', such as {examples[what]}' if what in examples else ''}"
        for what, count in counts.items()
        if count
    )
