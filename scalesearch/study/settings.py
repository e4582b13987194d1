"""The settings of every run that trains, and where its weights lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

from scalesearch.fields import Topic, require_settings, setting
from scalesearch.files import inside
from scalesearch.hardware.device import DEVICE_HELP
from scalesearch.networks.baselines import BASELINES, VARIANTS, chosen_baseline
from scalesearch.networks.scaled import reduce
from scalesearch.networks.spec import (
    MOST,
    Arch,
    ChannelsRule,
    RepeatsRule,
    Rounding,
    arch_from_dict,
    require_resolution,
    with_network,
)
from scalesearch.plain import LIMITS, YEAR_S, Limit, require_utf8, require_within, typed
from scalesearch.training.dataset import RGB, DataSpec
from scalesearch.training.recipe import (
    ACCELERATOR_IMAGES,
    ACCELERATORS,
    CPU_IMAGES,
    RECIPES,
    ProxyRecipe,
    default_images,
    recipe_values,
    recipes_apart,
)
from scalesearch.workers.tracking import TRACKERS

# ----------------------------------------------------------------------------------------------------
# The settings that every search shares, as one frozen value that a TOML table can hold.

# What may change between a run and its continuation without changing any result.
NOT_IDENTITY = frozenset(
    {"jobs", "download", "storage", "stall_timeout", "keep_weights", "scratch_run", "track"}
    | {"executor", "send_data"}
)
# What it is computed with: others change accuracies as another seed would, but not what is asked. A run may
# go on with others, then; each training run keeps what it was computed with.
COMPUTED_WITH = frozenset({"device", "threads"})
LARGEST_PHI = 20.0
STORAGE_VARIABLE = "SCALESEARCH_STORAGE"
"""The environment's variable that may hold the URL of a storage."""
SHORT_SIDES = (64, 96, 128, 192, 256, 384, 512, 768, 1024)
CONFIRM_ON = ("fresh", "same")
"""Which held-out images judge the runs that confirm an answer: some set apart, or those of the answer."""
# What networks can start from; None in the settings stands for the first.
STARTS = ("scratch", "grown")
AT_ONCE = Limit(1, 1024)
"""Of what is done at the same time: far more than any machine has cores."""
WIDTHS = Limit(0, 1e6, above=True)
SIDES = Limit(1, MOST)
"""Pixels of an input's side."""
_ROUNDING = Rounding()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingSettings:
    """The rounding rules as settings; what they mean is said by ``Rounding``, which checks them."""

    channel_divisor: int = setting(
        _ROUNDING.channel_divisor,
        limit=Limit(1, MOST),
        topic=Topic.NETWORK,
        help="Channels are rounded to a multiple of this. A variant has rounding rules of its own, "
        "which are its defaults.",
    )
    channels_rule: ChannelsRule = setting(
        _ROUNDING.channels_rule,
        topic=Topic.NETWORK,
        help="How channels become a multiple: to the nearest, or by the ceil or floor of how many "
        "times it fits.",
    )
    min_kept_fraction: float = setting(
        _ROUNDING.min_kept_fraction,
        limit=Limit(0, 1, firm=True),
        topic=Topic.NETWORK,
        help="Go one multiple up where rounding to the nearest would keep less than this part of the "
        "channels.",
    )
    repeats_rule: RepeatsRule = setting(
        _ROUNDING.repeats_rule,
        topic=Topic.NETWORK,
        help="How the number of blocks of a stage becomes whole.",
    )
    resolution_multiple: int = setting(
        _ROUNDING.resolution_multiple,
        limit=Limit(1, MOST),
        topic=Topic.NETWORK,
        help="Resolutions are rounded to a multiple of this many pixels.",
    )

    @property
    def rounding(self) -> Rounding:
        """How full-size networks are rounded."""
        return Rounding(
            channel_divisor=self.channel_divisor,
            min_kept_fraction=self.min_kept_fraction,
            repeats_rule=self.repeats_rule,
            resolution_multiple=self.resolution_multiple,
            channels_rule=self.channels_rule,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StagesSettings:
    """How strongly depth and width work on each stage of a network, as ``with_exponents`` takes it."""

    stages: tuple[str, ...] = setting(
        (),
        metavar="depth=E,E,...",
        topic=Topic.NETWORK,
        help="How strongly depth, or width=, works on each stage, in the order of describe: its multiplier "
        "is raised to these powers; 0 leaves a stage as it is. depth=0,1,1,1,1.5,1.5,2 adds more blocks to "
        "later stages.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineSettings(RoundingSettings):
    """The network that is scaled.

    A built-in one goes by its name; of one from a file the settings keep the network itself, so that a run
    goes on though the file was changed or is gone. ``stem_stride`` and ``in_channels`` replace the
    baseline's own. Where ``baseline_resolution_width`` is set, the command's ``baseline_resolution`` is the
    height alone.
    """

    baseline: str = setting(
        "efficientnet-b0",
        form="baseline",
        topic=Topic.NETWORK,
        common=True,
        help="The network to scale: a built-in one such as resnet-50, a file as `scalesearch describe` "
        "prints it, or your own PyTorch code as package.module:function.",
        more=f"Built in: {', '.join(BASELINES)}; EfficientNet as others wrote it: "
        f"{', '.join(VARIANTS)}. Your own code is a function of depth, width and num_classes that "
        "returns a torch module. It is run, by resume and --config too: take run folders only from "
        "people you trust.",
    )
    baseline_arch: Arch | None = None
    stem_stride: int | None = setting(
        None,
        limit=Limit(1, MOST),
        topic=Topic.NETWORK,
        help="Stride of its first convolution. 1 suits small images, and leaves out a max pool after it too.",
        unset="the baseline's own",
    )
    in_channels: int | None = setting(
        None,
        limit=Limit(1, MOST),
        topic=Topic.DATA,
        help="Channels of the images: 1 for grey, 3 for RGB, 4 for RGBA (opaque where files have no "
        "alpha), in arrays too. Any other number needs --dataset folder:PATH with .npy arrays of uint8 "
        "(height, width, channels).",
        unset="the baseline's own",
    )
    baseline_resolution_width: int | None = setting(None, limit=SIDES)

    def __post_init__(self) -> None:
        # Said though it is the baseline's own; equal settings have to be equal.
        if self.in_channels == chosen_baseline(self.baseline, self.baseline_arch).in_channels:
            object.__setattr__(self, "in_channels", None)

    @property
    def full_baseline(self) -> Arch:
        """The network at full size.

        Raises:
            ValueError: if there is none of that name.
        """
        return chosen_baseline(self.baseline, self.baseline_arch, self.stem_stride, self.in_channels)

    def to_dict(self) -> dict[str, Any]:
        """Plain data without what is not set; :meth:`from_dict` turns it back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # Earlier runs knew no other rule, and only a variant has another by itself.
        if self.channels_rule == "nearest" and self.baseline not in VARIANTS:
            del values["channels_rule"]
        return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Arch):
        return value.to_dict()
    if isinstance(value, ProxyRecipe):
        return recipe_values(value)
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings(BaselineSettings):
    """What is trained, on what, how long and where: resolved, no field is left to be decided later.

    ``baseline_width``, ``baseline_resolution`` and ``baseline_channel_divisor`` make the proxy baseline of
    the baseline; multipliers apply to both. ``recipe_values`` is a recipe of the user's own, and ``recipe``
    its name. Without ``images`` and ``epochs`` the recipe says how long, or else the kind of device. Every
    network is trained with ``seeds`` seeds from ``seed`` on. ``stall_timeout`` is how many seconds a
    worker may be silent before it counts as hung. ``keep_weights``: the weights of every network that was
    trained to its end stay in the run's folder, for ``scalesearch export``. ``track`` names who else
    is told of every look. ``executor`` names the engine that runs the training (None: this machine's
    processes), and ``jobs`` are those in flight over all its nodes; ``send_data``: nodes that lack the data
    are sent them.

    ``start`` says what they start from: None from scratch; ``grown``: each is grown (Net2Net) from the proxy
    baseline, trained first with the same seed, or from the weights in the file ``pretrained`` where there is
    one. ``scratch_run`` names the folder of the run of the same networks from scratch, to compare with.
    """

    # What runs did that were begun before there were such settings.
    BEFORE: ClassVar[Mapping[str, Any]] = MappingProxyType({"seeds": 1, "keep_weights": False})

    baseline_width: float = setting(
        0.25,
        limit=WIDTHS,
        topic=Topic.NETWORK,
        help="Width multiplier of the network at phi 0: below 1 it makes the networks small and quick "
        "to train, stem and head included. Your own code is trained at its own width, 1, unless this "
        "says otherwise.",
    )
    baseline_resolution: int = setting(
        52,
        form="size",
        limit=SIDES,
        topic=Topic.NETWORK,
        help="Input of the network at phi 0 in pixels: 64, or height x width 96x64.",
    )
    baseline_channel_divisor: int = setting(
        1,
        limit=Limit(1, MOST),
        topic=Topic.NETWORK,
        help="Channel divisor of the networks that are trained: a narrow baseline needs a finer one "
        "than --channel-divisor to keep the proportions of the full-size networks.",
    )
    dataset: str = setting(
        "photographs",
        metavar="DATASET",
        topic=Topic.DATA,
        common=True,
        help="The images: photographs (built in), cifar10, cifar100, folder:PATH with a folder for "
        "each class, or windows:PATH, a folder of large pictures without labels.",
        more="A folder holds images or .npy arrays, or parts such as train and val that hold the "
        "classes. With windows: the task is to say from which picture a window was cut. tensors:FILE "
        "is safetensors with images (N, channels, height, width), uint8, and labels (N,).",
    )
    data_dir: str = setting("data", metavar="DIR", topic=Topic.DATA, help="Where the files of CIFAR are.")
    download: bool = setting(False, topic=Topic.DATA, help="Fetch CIFAR into --data-dir if it is not there.")
    held_out: int = setting(
        900,
        limit=Limit(2, 10**9),
        topic=Topic.DATA,
        help="Images that networks are judged by and never trained on: at most so many, and at most a "
        "fifth of each class where the data is split here.",
    )
    recipe: str = setting(
        "steady",
        form="recipe",
        topic=Topic.TRAINING,
        help="How networks are trained. steady: minutes on a CPU. quick: as short, by the schedule of "
        "0.1.0. paper: the paper's own 350 epochs at batch 4096. Or a file of yours, as `scalesearch "
        "describe --recipe steady --format toml` prints one.",
    )
    recipe_values: ProxyRecipe | None = None
    images: int | None = setting(
        None,
        limit=LIMITS["images"],
        topic=Topic.TRAINING,
        help="How long each network is trained: the images it sees, repeats counted.",
        unset=f"the recipe's, where it has any; else {CPU_IMAGES:,} on a CPU, {ACCELERATOR_IMAGES:,} "
        f"on a GPU ({', '.join(ACCELERATORS)})",
    )
    epochs: float | None = setting(
        None,
        limit=LIMITS["epochs"],
        topic=Topic.TRAINING,
        help="The same as passes over the training images, instead of --images.",
    )
    batch_size: int = setting(
        32,
        limit=Limit(2, 1_000_000),
        topic=Topic.TRAINING,
        help="Images in a training step.",
        unset="the recipe's",
    )
    seed: int = setting(
        0,
        limit=LIMITS["seed"],
        topic=Topic.TRAINING,
        help="First seed: of the weights, and of the order of the images.",
    )
    seeds: int = setting(
        1,
        limit=Limit(1, 1000),
        topic=Topic.TRAINING,
        common=True,
        help="Train each network so many times, from other random numbers: means, intervals and tests "
        "need at least 2.",
    )
    device: str = setting(
        "cpu",
        given="auto",
        metavar="DEVICE",
        topic=Topic.TRAINING,
        common=True,
        help=f"Where to train: {DEVICE_HELP}",
    )
    executor: str | None = setting(
        None,
        metavar="NAME",
        topic=Topic.TRAINING,
        help="What runs the training: processes of this machine; ray, a Ray cluster of this machine; or a "
        "cluster elsewhere, by its address as ray://HOST:PORT or HOST:PORT.",
        unset="processes",
        more="Ray needs pip install 'scalesearch[ray]', here and on each node. Other engines are added by "
        "packages (docs/many-gpus.md).",
    )
    send_data: bool = setting(
        False,
        topic=Topic.DATA,
        help="Send the data, a folder or a file of yours, once to each node of another --executor that lacks "
        "them; they are kept there. Without it they have to be on a file system that all nodes share.",
    )
    jobs: int = setting(
        1,
        limit=AT_ONCE,
        topic=Topic.TRAINING,
        help="Networks trained at the same time, over all nodes where there are several. On a GPU these are "
        "the most: as many train side by side as is faster and as memory allows.",
        unset="one per core, at most 8; on GPUs 16 each; with another --executor as many as its nodes have "
        "room for",
    )
    threads: int = setting(
        1,
        limit=AT_ONCE,
        topic=Topic.TRAINING,
        help="CPU threads of each training process. Another number adds up in another order: "
        "accuracies then differ, as with another seed.",
        unset="1, or with --jobs the cores shared out",
    )
    stall_timeout: float = setting(
        1800.0,
        form="duration",
        limit=Limit(0, YEAR_S, above=True),
        topic=Topic.TRAINING,
        help="How long a training process may say nothing before it is taken for hung and ended.",
    )
    keep_weights: bool = setting(
        True,
        topic=Topic.OUTPUT,
        help="Keep the weights of each network that was trained to its end, for scalesearch export.",
    )
    track: str | None = setting(
        None,
        choices=tuple(TRACKERS),
        topic=Topic.OUTPUT,
        help="Send every look at a training run to a tracker too: tensorboard, mlflow, wandb or "
        "trackio, in the run's folder.",
        more="mlflow goes where MLFLOW_TRACKING_URI says, wandb is offline unless WANDB_MODE says "
        "otherwise. Each needs its package; events/ has the looks in any case.",
    )
    latency: bool = setting(True, topic=Topic.MEASURING, help="Measure each trained network's latency.")
    latency_batch_size: int = setting(
        1,
        limit=Limit(1, 1_000_000),
        topic=Topic.MEASURING,
        help="Images per forward pass when measuring latency.",
    )
    storage: str = setting(
        "",
        metavar="URL",
        variable=STORAGE_VARIABLE,
        topic=Topic.OUTPUT,
        help="Database of the Optuna study, as any URL that Optuna takes.",
        more=f"The environment variable {STORAGE_VARIABLE} may hold it instead, so that no other user "
        "of the machine sees its password; no folder keeps one.",
        given="",
        unset="study.db in the output folder",
    )
    start: str | None = setting(
        None,
        choices=STARTS,
        topic=Topic.TRAINING,
        help="grown: train the network at phi 0 first, once per seed, then grow every network from it "
        "without changing what it computes (Net2Net), and train that as usual. Networks narrower or "
        "shallower than it are skipped: where the cost is matched, --match-by resolution makes none.",
        unset="scratch; grown with --pretrained",
    )
    pretrained: str | None = setting(
        None,
        metavar="FILE",
        topic=Topic.TRAINING,
        help="Grow every network from these weights: torchvision's or timm's of the baseline "
        "(safetensors, or a state dict saved by torch, in a training script's checkpoint too, where "
        "averaged weights are read first), or a network that scalesearch trained. A file of the whole "
        "baseline needs --baseline-width 1.",
    )
    scratch_run: str | None = None

    def __post_init__(self) -> None:
        require_utf8(self, *(field.name for field in fields(self)))
        # What the parts check is checked now, before anything is written; they say more than a limit does.
        BaselineSettings.__post_init__(self)
        self._set_recipe()
        _ = (self.rounding, self.proxy_rounding, self.proxy_recipe)
        require_settings(self)
        self._set_start()
        _ = self.data
        size = (self.baseline_resolution, self.baseline_resolution_width or self.baseline_resolution)
        require_resolution(self.full_baseline, "baseline_resolution", size)
        channels = self.full_baseline.in_channels
        if channels != RGB and self.proxy_recipe.augmentation == "autoaugment":
            raise ValueError(
                f"`recipe` must be one without AutoAugment for {channels} "
                f"channel{'s' * (channels > 1)} in, got {self.recipe!r}: its operations on colours are "
                f"made for {RGB}"
            )

    def _set_recipe(self) -> None:
        """A recipe of the user's own goes by its name, which no built-in one has, and is kept whole."""
        if (values := self.recipe_values) is None:
            if self.recipe not in RECIPES:
                raise ValueError(f"`recipe` must be one of {', '.join(RECIPES)}, got {self.recipe!r}")
            return
        if values.name != self.recipe or self.recipe in RECIPES:
            raise ValueError(
                "`recipe` must be the name of its values, and no built-in recipe's, got "
                f"{self.recipe!r} with the values of {values.name!r}"
            )
        object.__setattr__(self, "recipe_values", replace(values, seed=0))

    def _set_start(self) -> None:
        """What is said of the start in one way: equal settings have to be equal."""
        if self.pretrained is not None and self.start == "scratch":
            raise ValueError(f"`start` must be grown with the weights of {self.pretrained}, got 'scratch'")
        grown = self.start == "grown" or self.pretrained is not None
        object.__setattr__(self, "start", "grown" if grown else None)
        if self.scratch_run is not None and not grown:
            raise ValueError(
                "`scratch_run` must be given for a run that does not start from scratch itself, got "
                f"{self.scratch_run!r}"
            )

    @property
    def proxy_rounding(self) -> Rounding:
        """How the trained networks are rounded: a narrow baseline needs a finer channel divisor."""
        try:
            return replace(self.rounding, channel_divisor=self.baseline_channel_divisor)
        except ValueError as error:
            raise ValueError(str(error).replace("`channel", "`baseline_channel")) from error

    def proxy_baseline(self, classes: int) -> Arch:
        """The reduced baseline that the multipliers scale for training."""
        reduced = reduce(
            self.full_baseline,
            self.baseline_width,
            self.proxy_rounding,
            resolution=self.baseline_resolution,
            resolution_width=self.baseline_resolution_width,
        )
        return replace(reduced, classes=classes)

    @property
    def proxy_recipe(self) -> ProxyRecipe:
        """The recipe of every trial, with the first seed."""
        chosen = RECIPES[self.recipe] if self.recipe_values is None else self.recipe_values
        if self.images is not None or self.epochs is not None:
            # Before the batch: the recipe's own length may be less than one.
            chosen = replace(chosen, images=None, epochs=None)
        own = replace(chosen.at_batch(self.batch_size), seed=self.seed)
        if self.images is not None or self.epochs is not None:
            return replace(own, images=self.images, epochs=self.epochs)
        if own.images is not None or own.epochs is not None:
            return own
        return replace(own, images=default_images(self.device))

    @property
    def pass_size(self) -> int:
        """Images that a training step has in memory at a time."""
        return self.proxy_recipe.images_of_a_pass

    @property
    def trains_start(self) -> bool:
        """Whether a run trains its own baseline first, to grow its networks from it."""
        return self.start is not None and self.pretrained is None

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds that every network is trained with."""
        return tuple(range(self.seed, self.seed + self.seeds))

    @property
    def data(self) -> DataSpec:
        """The data of every trial."""
        return DataSpec(
            name=self.dataset,
            data_dir=self.data_dir,
            download=self.download,
            held_out=self.held_out,
            in_channels=self.full_baseline.in_channels,
            short_side=self.short_side,
            apart=self.sets_apart,
        )

    @property
    def sets_apart(self) -> bool:
        """Whether held-out images are set apart, if there are enough, to confirm an answer by."""
        return False

    @property
    def may_change(self) -> frozenset[str]:
        """What a run that is there may be asked for anew, to go on with what it has: nothing as a rule."""
        return frozenset()

    @property
    def largest_phi(self) -> float:
        """The largest budget of any of its networks: ``2**phi`` times the baseline's."""
        return 1.0

    @property
    def short_side(self) -> int:
        """Pixels of the shorter side that a folder's images are kept at.

        As many as the largest resolution needs, with all the compute in it, to see its smallest windows in
        full; one of few numbers, so that runs alike share what was decoded.
        """
        largest = max(self.baseline_resolution, self.baseline_resolution_width or 0)
        largest_scaled = largest * 2 ** (min(max(0.0, self.largest_phi), LARGEST_PHI) / 2)
        needed = largest_scaled / self.proxy_recipe.crop_scale**0.5
        return next((side for side in SHORT_SIDES if side >= needed), SHORT_SIDES[-1])

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """The settings that :meth:`to_dict` gave.

        Raises:
            ValueError: if a setting is unknown or wrong.
        """
        return typed(cls, dict(cls.BEFORE) | with_network(data))


_Settings = TypeVar("_Settings", bound=TrainingSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Computing:
    """What a run is to go on with: jobs at a time, threads, device, executor; None is the run's own.

    ``usual_jobs`` are those of a run on a device of another kind than the run's own.
    """

    jobs: int | None = setting(
        None,
        limit=AT_ONCE,
        topic=Topic.TRAINING,
        help="Networks trained at a time.",
        unset="the run's",
    )
    threads: int | None = setting(
        None,
        limit=AT_ONCE,
        topic=Topic.TRAINING,
        help="CPU threads of each; another number than the run's changes accuracies as another seed would.",
        unset="the run's",
    )
    executor: str | None = setting(
        None,
        metavar="NAME",
        topic=Topic.TRAINING,
        help="What runs the training from now on: processes, ray or ray://HOST:PORT.",
        unset="the run's",
    )
    device: str | None = setting(
        None,
        metavar="DEVICE",
        topic=Topic.TRAINING,
        help=f"{DEVICE_HELP} Another than the run was begun on is fine.",
        unset="the run's",
    )
    usual_jobs: int | None = None

    @property
    def given(self) -> dict[str, Any]:
        """What there is of it, by the names of settings."""
        values = {name: getattr(self, name) for name in ("jobs", "threads", "device", "executor")}
        return {name: value for name, value in values.items() if value is not None}

    def of(self, settings: _Settings) -> _Settings:
        """The settings of the run, to be computed with this."""
        given = self.given
        kinds = [(device or settings.device).partition(":")[0] for device in (self.device, settings.device)]
        if self.usual_jobs is not None and kinds[0] != kinds[1]:
            given = {"jobs": self.usual_jobs} | given
        return replace(settings, **given)


def differences(
    there: Mapping[str, Any], asked: Mapping[str, Any], but: frozenset[str] = frozenset()
) -> list[str]:
    """What two settings differ in, as ``name: there -> asked``.

    Those that change no result are left aside, and so is what it is computed with, and ``but``.
    """
    there, asked = recipes_apart((there, asked))
    names = [name for name in {**there, **asked} if name not in NOT_IDENTITY | COMPUTED_WITH | but]
    return [
        f"{name}: {_shown(there.get(name))} there, {_shown(asked.get(name))} asked"
        for name in names
        if there.get(name) != asked.get(name)
    ]


def _shown(value: object) -> str:
    # A whole network is too much for a line: its key tells it from any other.
    return f"network {arch_from_dict(value).key}" if isinstance(value, dict) else repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthSettings(TrainingSettings):
    """The settings of a run, with its length times ``multiple``.

    ``confirm_on`` is the run's: what that has set apart neither trains nor judges here.
    """

    multiple: float = 1.0
    confirm_on: str = "same"

    def __post_init__(self) -> None:
        TrainingSettings.__post_init__(self)
        require_within("lengths", self.multiple)

    @property
    def sets_apart(self) -> bool:
        """See the base."""
        return self.confirm_on == "fresh"


# ----------------------------------------------------------------------------------------------------
# Where a run keeps the weights of the networks it trained to their end, and those it starts from.

PRETRAINED = "start.safetensors"
"""The name, in a run's folder, of the weights that came from a file."""


def weights_folder(run: Path, kind: str, study: str) -> Path:
    """The folder of a run's weights; ``kind`` is the run's command, ``study`` the study's name."""
    # The lengths of a fidelity run train the same networks with the same seeds, each in its own study.
    return inside(run, "weights", study) if kind == "fidelity" else inside(run, "weights")


def weights_file(folder: Path, key: str, seed: int) -> Path:
    """The file of one training run in the folder of a run's weights."""
    return inside(folder, f"{key}-seed{seed}.safetensors")


def start_file(folder: Path, settings: TrainingSettings, seed: int) -> Path | None:
    """The weights that the networks of a run start from with a seed; None for a start from scratch."""
    if settings.start is None:
        return None
    if settings.trains_start:
        return inside(folder, "starts", f"seed{seed}.safetensors")
    return inside(folder, PRETRAINED)
