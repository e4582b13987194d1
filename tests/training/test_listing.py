"""What a folder of images is taken for: classes or parts, which files count, and what is said of the rest."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.training.dataset import DataError
from scalesearch.training.folders import Listing
from scalesearch.training.images import PixelStore, list_folder

MakeImages = Callable[..., Path]


def listing_of(root: Path, held_out: int = 900) -> Listing:
    return list_folder(root, held_out=held_out)


def sizes(listing: Listing) -> tuple[int, int]:
    return len(listing.train), len(listing.judged)


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        listing_of(root)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(root), "ROOT")


def both(*parts: str, each: int = 4) -> dict[str, int]:
    return {f"{part}/{name}": each for part in parts for name in ("cat", "dog")}


JUDGED = {
    "train/val": ("train", "val"),
    "Train/Val": ("Train", "Val"),
    "training/validation": ("training", "validation"),
    "TRAIN/DEV": ("TRAIN", "DEV"),
    "train/eval": ("train", "eval"),
    "train/valid": ("train", "valid"),
    "training_set/validation_set": ("training_set", "validation_set"),
    "trainset/valset": ("trainset", "valset"),
    "TrainingSet/DevSet": ("TrainingSet", "DevSet"),
    "train2017/val2017": ("train2017", "val2017"),
    "images-train/images-val": ("images-train", "images-val"),
    "ILSVRC_train/ILSVRC_val": ("ILSVRC_train", "ILSVRC_val"),
    "train/held-out": ("train", "held-out"),
    "train data/holdout data": ("train data", "holdout data"),
    "trn/evaluation": ("trn", "evaluation"),
    "TR/VA": ("TR", "VA"),
}


@pytest.mark.parametrize("parts", JUDGED.values(), ids=JUDGED)
def test_a_part_to_judge_on_is_known_by_any_common_name(
    parts: tuple[str, str], make_images: MakeImages
) -> None:
    train, judging = parts
    listing = listing_of(make_images(both(train) | both(judging, each=3)))
    assert (listing.classes, sizes(listing)) == (("cat", "dog"), (8, 6))
    assert {image.name.split("/")[0] for image in listing.judged} == {judging}


@pytest.mark.parametrize("test", ["test", "TEST", "testing", "test_set", "testset", "tst", "te"])
def test_of_train_and_test_the_test_part_stays_unseen(test: str, make_images: MakeImages) -> None:
    listing = listing_of(make_images(both("train", each=10) | both(test)))
    assert sizes(listing) == (16, 4)
    assert {image.name.split("/")[0] for image in (*listing.train, *listing.judged)} == {"train"}
    assert listing.notes == (f"{test} stays unseen, and the judges are held out of train",)


def test_of_three_parts_validation_judges(make_images: MakeImages) -> None:
    listing = listing_of(make_images(both("train", "valid") | both("test", each=9)))
    assert {image.name.split("/")[0] for image in listing.judged} == {"valid"}
    assert listing.notes == ("test stays unseen",)


def test_a_test_part_without_labels_is_no_hindrance(make_images: MakeImages) -> None:
    assert sizes(listing_of(make_images(both("train", each=5) | {"test": 7}))) == (8, 2)
    assert sizes(listing_of(make_images({"test/unknown": 7}))) == (8, 2)


def test_parts_named_after_their_dataset_leave_what_is_no_part(make_images: MakeImages) -> None:
    listing = listing_of(make_images(both("seg_train", "seg_test") | {"seg_pred": 3}))
    assert listing.classes == ("cat", "dog")
    assert listing.notes[0] == "seg_pred left out: no part of the data as seg_test and seg_train are"


@pytest.mark.parametrize(
    "parts", [("fold1", "fold2"), ("Split_0", "Split_1", "Split_2"), ("part-a1", "cv fold 3")]
)
def test_parts_that_nobody_names_are_refused_or_told_of(
    parts: tuple[str, ...], make_images: MakeImages
) -> None:
    root = make_images(both(*parts))
    if parts[0].startswith("part"):
        (note,) = listing_of(root).notes
        assert note.startswith(
            "cv fold 3 and part-a1 taken for the classes, though each holds the folders cat and dog"
        )
    else:
        assert "each with the folders cat and dog: name one of them, such as folder:ROOT/" in refusal(root)


def test_classes_whose_folders_are_alike_are_told_of(make_images: MakeImages) -> None:
    listing = listing_of(make_images(both("seen", "unseen")))
    assert listing.classes == ("seen", "unseen")
    assert listing.notes[0].startswith(
        "seen and unseen taken for the classes, though each holds the folders cat"
    )
    assert listing_of(make_images({"cat/a": 4, "cat/b": 3, "dog/a": 4})).notes == ()


def test_a_part_to_train_on_alone_is_held_out_of(make_images: MakeImages) -> None:
    assert sizes(listing_of(make_images(both("train", each=5)))) == (8, 2)


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (
            both("val", "test"),
            "must have a part to train on, such as train, got test and val alone; to train on one of them, name folder:ROOT/test",
        ),
        (both("test"), "got test alone; to train on one of them, name folder:ROOT/test"),
        (
            both("train", "val", "dev"),
            "must have one part of a kind, got dev and val, both to judge on; move one elsewhere",
        ),
        (both("train", "Training"), "got Training and train, both to train on"),
        (
            both("train") | {"val/cat": 2, "val/bird": 2},
            "must have the same classes in train and val, got dog only in train and bird only in val",
        ),
        (
            both("train") | {"test/cat": 2, "test/bird": 2},
            "must have the same classes in train and test, got dog only in train and bird only in test",
        ),
        (both("train") | {"val": 3}, "must have the same classes in train and val, got cat and dog only in train"),
        (both("val") | {"train": 3}, "must hold at least 2 classes in train, got 0, no folder with images in it"),
        (
            both("cat", "dog") | {"horse/train": 2, "horse/test": 3},
            "got a class horse of the parts test and train: put the classes into folders test and train",
        ),
        ({"train": 3, "test": 3}, "got test and train with no folders of classes in them; rename them if"),
        (
            both("train") | {"bus": 3},
            "got train with folders in it beside bus: name folder:ROOT/train, or move the others elsewhere",
        ),
        (both("val") | {"cat": 3, "dog": 3}, "got val with folders in it beside cat and dog"),
        (both("dataset/images/train", "dataset/images/val"), "got 1: dataset; if its folders are meant, name folder:ROOT/dataset/images"),
        (both("animals"), "must hold at least 2 classes, got 1: animals; if its folders are meant, name folder:ROOT/animals"),
        ({"cat": 3}, "must hold at least 2 classes, got 1: cat"),
        (both("train/train"), "at least 2 classes in train, got 1: train; if its folders are meant, name folder:ROOT/train/train"),
        ({".": 3}, "must hold images in one folder per class, got 3 with no folder"),
        ({"cat": 3, "dog": 3, "notes": 0}, "must hold images in every class folder, got none in notes; a folder of other things may lie elsewhere"),
        (both("train") | {"val": 0}, "must hold images in val, got none that can be read"),
        ({"cat": 0, "dog": 0}, "must hold images in one folder per class, got none that can be read"),
        ({"cat": 3, "dog": 1}, "must hold at least 2 images per class, got 1 of 'dog'"),
    ],
)  # fmt: skip
def test_what_may_be_meant_otherwise_is_refused_with_what_would_do(
    folders: dict[str, int], message: str, make_images: MakeImages
) -> None:
    assert message in refusal(make_images(folders))


@pytest.mark.parametrize("name", ["test", "train", "val", "dev board", "test_tube"])
def test_a_class_may_be_called_like_a_part(name: str, make_images: MakeImages) -> None:
    listing = listing_of(make_images({"cat": 5, "dog": 5, name: 5}))
    assert listing.classes == tuple(sorted(("cat", "dog", name)))
    said = (f"{name} taken for a class, beside cat and dog",) if " " not in name and "_" not in name else ()
    assert listing.notes == said


def test_what_systems_and_servers_leave_behind_is_no_data(make_images: MakeImages) -> None:
    root = make_images({"cat": 5, "dog": 5})
    digest = listing_of(root).digest
    names = (
        *("__MACOSX", ".git", ".ipynb_checkpoints", "$RECYCLE.BIN", "lost+found", "@eaDir"),
        *("System Volume Information", ".Trash-1000", "#recycle"),
    )
    make_images({f"{place}/{name}": 3 for place in (".", "cat", "dog/more") for name in names})
    for name in ("._00.png", ".hidden.jpg", "Thumbs.db", "desktop.ini", ".DS_Store"):
        (root / "cat" / name).write_bytes(b"no image at all")
    listing = listing_of(root)
    assert (listing.classes, sizes(listing), listing.digest) == (("cat", "dog"), (8, 2), digest)
    assert listing.notes == ("left out hidden or system names: 32",)


def test_files_of_other_kinds_are_counted_by_their_endings(make_images: MakeImages) -> None:
    root = make_images({"cat": 5, "dog": 5})
    for name in ("a.heic", "b.HEIC", "notes.txt", "README"):
        (root / "cat" / name).write_bytes(b"other")
    make_images({".": 2})
    assert listing_of(root).notes == (
        "left out images beside the folders of classes: 2",
        "left out files of other kinds (.heic 2, .txt 1, no ending 1): 4",
    )
    shutil.rmtree(root / "dog")
    (root / "dog").mkdir()
    (root / "dog" / "a.heic").write_bytes(b"other")
    assert "got none in dog (.heic 1)" in refusal(root)


@pytest.mark.parametrize("target", ["cat", ".", ".."])
def test_a_link_to_where_it_lies_adds_nothing(target: str, make_images: MakeImages) -> None:
    root = make_images({"cat": 12, "dog": 12}, root="outer/data")
    before = listing_of(root)
    for place in ("cat", "dog"):
        (root / place / "loop").symlink_to(root / target)
    listing = listing_of(root)
    assert sizes(listing) == (20, 4)
    assert listing.digest == before.digest


def test_links_to_one_another_end(make_images: MakeImages) -> None:
    root = make_images({f"{name}{i}": 2 for name in ("a", "b") for i in range(5)})
    for place in root.iterdir():
        for other in root.iterdir():
            (place / f"to-{other.name}").symlink_to(other)
    assert sizes(listing_of(root)) == (10, 10)


def test_a_file_counts_once_whatever_its_names(make_images: MakeImages) -> None:
    root = make_images({"cat": 5, "dog": 5, "more/birds": 3})
    shutil.move(root / "more", root.parent / "elsewhere")
    (root / "cat" / "again.png").symlink_to(root / "cat" / "00.png")
    (root / "cat" / "again too.png").symlink_to("again.png")
    (root / "cat" / "a dog.png").symlink_to(root / "dog" / "00.png")  # where it lies says its class
    os.link(root / "dog" / "01.png", root / "dog" / "hard.png")
    (root / "dog" / "nothing.png").symlink_to("gone.png")
    (root / "dog" / "itself.png").symlink_to("itself.png")
    (root / "bird").symlink_to(root.parent / "elsewhere" / "birds")
    listing = listing_of(root)
    assert listing.classes == ("bird", "cat", "dog")
    assert [sum(i.label == label for i in (*listing.train, *listing.judged)) for label in range(3)] == [
        3,
        5,
        5,
    ]
    assert listing.notes == (
        "left out further names (links) of the same files: 4; links to nothing or to a folder around them: 2",
    )


def test_the_same_bytes_count_once(make_images: MakeImages) -> None:
    root = make_images({"cat": 10, "dog": 10})
    for index in range(10):
        shutil.copy(root / "cat" / f"{index:02d}.png", root / "cat" / f"copy {index}.png")
    listing = listing_of(root)
    assert sizes(listing) == (16, 4)
    assert listing.notes == ("left out copies of the same images: 10, such as cat/copy 0.png",)


@pytest.mark.parametrize("how", [shutil.copy, os.link])
def test_the_same_bytes_under_two_classes_are_no_data(
    how: Callable[..., object], make_images: MakeImages
) -> None:
    root = make_images({"cat": 5, "dog": 5})
    how(root / "cat" / "00.png", root / "dog" / "x.png")
    listing = listing_of(root)
    names = {image.name for image in (*listing.train, *listing.judged)}
    assert len(names) == 9
    assert not names & {"cat/00.png", "dog/x.png"}
    (note,) = listing.notes
    assert note.startswith("left out images under two classes: ")
    assert note.endswith(", such as cat/00.png and dog/x.png")


@pytest.mark.parametrize("how", [shutil.copy, os.link, os.symlink])
def test_what_judges_is_not_trained_on(how: Callable[..., object], make_images: MakeImages) -> None:
    root = make_images(both("train", each=5) | both("val", each=2))
    how(root / "val" / "cat" / "00.png", root / "train" / "cat" / "same.png")
    how(root / "train" / "dog" / "01.png", root / "val" / "dog" / "same.png")
    listing = listing_of(root)
    assert sizes(listing) == (9, 5)
    assert "images to train on that judge too: 2" in listing.notes[0]
    assert not {i.digest for i in listing.train} & {i.digest for i in listing.judged}


def test_a_pipe_and_a_socket_are_no_images(make_images: MakeImages, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_images({"cat": 5, "dog": 5})
    os.mkfifo(root / "cat" / "pipe.png")
    (root / "dog" / "device.png").symlink_to("/dev/zero")
    monkeypatch.chdir(root / "dog")  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        listing = listing_of(root)
    assert sizes(listing) == (8, 2)
    assert listing.notes == ("left out pipes and devices: 3",)


@pytest.mark.parametrize("number", [0, 7])
def test_files_that_a_file_system_numbers_alike_are_several(
    number: int, make_images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_images({"cat": 5, "dog": 5})
    stat = os.stat

    def unnumbered(path: str, **more: bool) -> os.stat_result:
        status = stat(path, **more)
        if not S_ISREG(status.st_mode) or not str(path).startswith(str(root)):
            return status
        times = {"st_mtime_ns": status.st_mtime_ns, "st_ctime_ns": status.st_ctime_ns}
        return os.stat_result((status[0], number, *status[2:10]), times)

    from scalesearch.training import folders as inspection
    from scalesearch.training import folders as listing

    monkeypatch.setattr(listing.os, "stat", unnumbered)
    monkeypatch.setattr(inspection, "open_file", lambda path, _stamp: Path(path).open("rb"))  # noqa: SIM115
    assert sizes(listing_of(root)) == (8, 2)


def test_names_of_any_bytes_are_data(make_images: MakeImages) -> None:
    root = make_images({"cat": 5, "dog": 5})
    names = [b"two\nlines", b"\xff\xfe", "caf\u00e9".encode(), b"\x1b[31mred", b"-rf", b'a,b"c']
    for name in map(os.fsdecode, names):
        shutil.copytree(root / "cat", root / name)
        for file in (root / name).iterdir():
            file.write_bytes(file.read_bytes() + os.fsencode(file))  # after its end, where nobody looks
    listing = listing_of(root)
    assert len(listing.classes) == 8
    assert len(listing.train) == 32
    (root / "cat" / "bro\nken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"broken image: .*bro\\nken.png"):
        list_folder(root, held_out=9, check=PixelStore(str(root), 3, 256))


def test_an_accent_composed_otherwise_is_the_same_class(make_images: MakeImages) -> None:
    listing = listing_of(
        make_images({"train/caf\u00e9": 3, "train/dog": 3, "val/cafe\u0301": 2, "val/dog": 2})
    )
    assert (listing.classes, sizes(listing)) == (("caf\u00e9", "dog"), (6, 4))


@given(
    names=st.lists(
        st.sampled_from(["train", "Val", "test", "cat", "dog", "dev_set", "images", "x"]), unique=True
    ),
    deep=st.booleans(),
)
def test_any_folders_are_data_or_refused_in_one_line(
    names: list[str], deep: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("any")
    for number, name in enumerate(names):
        for sub in ("a", "b") if deep and number % 2 == 0 else (".",):
            (root / name / sub).mkdir(parents=True)
            for index in range(2):
                (root / name / sub / f"{index}.png").write_bytes(f"{name} {sub} {index}".encode())
    listing, refused = None, ""
    try:
        listing = listing_of(root)
    except DataError as error:
        refused = str(error)
    assert "\n" not in refused
    if listing is not None:
        assert not {i.digest for i in listing.train} & {i.digest for i in listing.judged}
        images = (*listing.train, *listing.judged)
        assert "test" in listing.classes or not any(image.name.startswith("test/") for image in images)
