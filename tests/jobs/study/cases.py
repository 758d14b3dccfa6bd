"""A study of a tiny network and a solved method on drawn composites, and the command that runs it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cv2

from p3m_anon.dataset import layout
from p3m_anon.jobs.study.group import groups_of
from p3m_anon.jobs.study.inputs import read_inputs
from p3m_anon.jobs.study.request import StudyRequest
from p3m_anon.studies.cells import Cell, plan_cells
from p3m_anon.studies.study import read_study
from tests.jobs.train.cases import make_dataset

TEXT = """
methods = {methods}
trained_on = {trained_on}
tested_on = {tested_on}
[training]
width = 8
size = 64
crops = [64, 96]
batch_size = {batch_size}
max_steps = {steps}
learning_rate = 1e-3
save_every = 1
[evaluation]
strategy = "resize"
"""


def make_data(folder: Path) -> Path:
    """A dataset with train, P3M-500-P and P3M-500-NP, and its originals beside it."""
    root = make_dataset(folder / "dataset", train=4, tests=2)
    other = make_dataset(folder / "other", train=0, tests=4)
    blurred, masks = (other / layout.folder("P3M-500-P", role) for role in ("image", "alpha"))
    for name in ("p_102", "p_103"):
        for file, role in ((blurred / f"{name}.jpg", "image"), (masks / f"{name}.png", "alpha")):
            target = root / layout.folder("P3M-500-NP", role) / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            file.rename(target)
    shutil.rmtree(other)
    for split in ("train", "P3M-500-P"):
        clear = folder / "dataset.private" / "originals" / split
        clear.mkdir(parents=True)
        for file in (root / layout.folder(split, "image")).iterdir():
            cv2.imwrite(str(clear / f"{file.stem}.png"), cv2.imread(str(file)) // 2 * 2)
    return root


def write_study(
    folder: Path,
    name: str,
    methods: tuple[str, ...],
    trained_on: tuple[str, ...] = ("B",),
    tested_on: tuple[str, ...] = ("P3M-500-P:B",),
    steps: int = 8,
    batch_size: int = 2,
) -> Path:
    file = folder / f"{name}.toml"
    lists = {"methods": list(methods), "trained_on": list(trained_on), "tested_on": list(tested_on)}
    file.write_text(TEXT.format(**lists, steps=steps, batch_size=batch_size))
    return file


def request(study: Path, root: Path, store: Path, **more: object) -> StudyRequest:
    given = {"device": "cpu", "workers": 0, **more}
    return StudyRequest(read_study(study), root, store=store, **given)  # type: ignore[arg-type]


def plan(asked: StudyRequest) -> list[Cell]:
    """The cells that are possible, in the order of their groups."""
    cells = plan_cells(asked.study, read_inputs(asked))
    return [cell for group in groups_of(cells) for cell in group.cells]


def command(study: Path, root: Path, store: Path, *options: str) -> list[str]:
    asked = ["study", "run", str(study), "--data", str(root), "--out", str(store), "--device", "cpu", "--workers", "0"]
    return [sys.executable, "-m", "p3m_anon", *asked, *options]
