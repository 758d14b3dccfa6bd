"""A store of runs that were never run: rows that follow from the name, and panels that are drawn."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from p3m_anon.evaluation.rows import METRICS, EvalRow, write_csv
from p3m_anon.jobs.eval.record import EvalRecord
from p3m_anon.reports.eval_panel import eval_panel
from p3m_anon.studies.results import Result, with_rows
from p3m_anon.studies.study import Study, TestSet

P_B, P_N, NP_N = TestSet("P3M-500-P", "B"), TestSet("P3M-500-P", "N"), TestSet("P3M-500-NP", "N")
ODD = "a_b & <x>|y"
"""A name that would break every format."""


def study(**changes: Any) -> Study:
    """Of table 3, with two methods and one seed."""
    said: dict[str, Any] = {
        "name": "tried",
        "title": "Tried",
        "table": 3,
        "data": "",
        "methods": ("gfm", "p3mnet"),
        "trained_on": ("B", "N"),
        "tested_on": (P_B, P_N),
        "seeds": (0,),
        "training": {},
        "evaluation": {},
    }
    return Study(**said | changes)


def all_of(wanted: Study, store: Path, *, pictures: int = 3, panels: bool = False) -> list[Result]:
    """A result that is done for each cell."""
    return list(_all_of(wanted, store, pictures, panels))


def _all_of(wanted: Study, store: Path, pictures: int, panels: bool) -> Iterator[Result]:
    for method in wanted.methods:
        for trained in wanted.trained_on:
            for seed in wanted.seeds:
                for test in wanted.tested_on:
                    yield done(store, method, trained, test, seed, pictures=pictures, panels=panels)


def done(
    store: Path,
    method: str,
    trained: str,
    test: TestSet,
    seed: int | None = 0,
    *,
    pictures: int = 3,
    panels: bool = False,
) -> Result:
    """A run folder with rows, and what `results` says of it."""
    run = "runs/" + hashlib.sha256(f"{method} {trained} {test} {seed}".encode()).hexdigest()[:12]
    rows = [row(run, number, test) for number in range(pictures)]
    (store / run).mkdir(parents=True, exist_ok=True)
    write_csv(store / run / "rows.csv", rows)
    (store / run / "eval.html").write_text("a page")
    if panels:
        with EvalRecord(store / run, method, private=test.pictures == "N") as record:
            for one in rows:
                record.add(one, panel(run, one.id))
    return with_rows(Result(method, trained, test, seed, "done", "", run), rows)


def changed(store: Path, result: Result, rows: Sequence[EvalRow]) -> Result:
    """The same with other rows in its run folder."""
    write_csv(store / result.run / "rows.csv", rows)
    return with_rows(result, rows)


def row(run: str, number: int, test: TestSet) -> EvalRow:
    """Figures that follow from the run and the picture."""
    values = np.random.default_rng([number, *run.encode()]).uniform(1, 40, len(METRICS))
    figures = dict(zip(METRICS, values.tolist(), strict=True))
    figures |= {name: figures[name] / 1000 for name in METRICS if name.startswith(("mse", "mad"))}
    return EvalRow(f"p_{number}", test.split, **figures)


def panel(run: str, id: str) -> bytes:
    """A disc before a gradient, and a matte that is off by some pixels."""
    y, x = np.mgrid[:240, :180].astype(np.float32)
    off = np.random.default_rng(list((run + id).encode())).uniform(-25, 25)
    rgb = np.dstack([x, y, np.full_like(x, 40 + 20 * (int(id[2:]) % 8))]).clip(0, 255).astype(np.uint8)
    cv2.circle(rgb, (90, 120), 60, (240, 200, 170), -1)
    alpha, matte = (np.clip((60 - np.hypot(x - 90 - by, y - 120)) / 8, 0, 1) for by in (0, off))
    return eval_panel(rgb, alpha, matte)


def slow_mean(file: Path, metric: str) -> float:
    """Over the scored rows of rows.csv, by csv and statistics alone."""
    import csv
    import statistics

    with file.open(newline="") as stream:
        values = [line[metric] for line in csv.DictReader(stream) if not line["error"]]
    known = [float(value) for value in values if value]
    return statistics.mean(known) if known else math.nan


def runs(results: Sequence[Result]) -> list[str]:
    return [one.run for one in results if one.run]
