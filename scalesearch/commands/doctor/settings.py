"""The settings of ``scalesearch doctor``, known before anything is loaded that it tries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scalesearch.fields import setting, setting_as
from scalesearch.study.settings import TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorSettings:
    """What a doctor tries: this machine, or each node of the engine ``executor``."""

    device: str = setting(
        "auto",
        metavar="DEVICE",
        help="What to try: auto, cpu, cuda or xpu (the first), cuda:N, xpu:N or mps.",
    )
    out: Path = setting(
        Path("reports"),
        form="folder",
        metavar="DIR",
        help="Folder to try a write in; nothing is left there.",
    )
    executor: str | None = setting(
        None,
        metavar="NAME",
        help="Try each node of an engine instead: ray, or a cluster by its address, ray://HOST:PORT.",
    )
    dataset: str = setting_as(
        TrainingSettings,
        "dataset",
        topic=None,
        common=False,
        more="",
        help="With --executor: the data that its nodes are asked for.",
    )
