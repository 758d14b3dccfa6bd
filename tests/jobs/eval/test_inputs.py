"""Which pictures an evaluation has: by folders, by a manifest, by names of any kind."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from p3m_anon.files.dataset_rows import read_rows, write_rows
from p3m_anon.jobs.eval.request import EvalRequest
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from tests.jobs.eval.cases import (
    HEIGHT,
    SPLIT,
    WIDTH,
    disc,
    eight,
    run,
    save,
)


def test_names_that_are_no_text_are_scored_and_shown(root, mattes):
    name = os.fsdecode(b"p_\xff.png")
    try:
        shutil.copy(root / SPLIT / "mask/p_0.png", root / SPLIT / "mask" / name)
    except OSError:
        pytest.skip("this file system takes text only")
    shutil.copy(mattes / "p_0.png", mattes / name)
    _, rows = run(root, mattes)
    assert rows["p_\\udcff"].sad == rows["p_0"].sad
    (mattes / name).write_bytes(b"nothing")
    summary, rows = run(root, mattes)
    assert rows["p_\\udcff"].error.startswith("p_\\udcff.png: ")
    assert summary.exit_code == 1


def test_no_two_names_become_one_id(root, mattes):
    for folder, ending in ((mattes, ".png"), (root / SPLIT / "mask", ".png")):
        for name in (os.fsdecode(b"p_\xff"), "p_\\udcff", "p_\\\\udcff"):
            try:
                shutil.copy(folder / "p_0.png", folder / f"{name}{ending}")
            except OSError:
                pytest.skip("this file system takes text only")
    summary, rows = run(root, mattes)
    assert (summary.pictures, summary.scored, len(rows)) == (9, 9, 9)


def test_what_begins_with_a_dot_is_left_out_and_said(root, mattes, tmp_path):
    for place in (root / SPLIT / "blurred_image/._p_0.jpg", root / SPLIT / "mask/.p_9.png", mattes / ".p_9.png"):
        place.write_bytes(b"")
    for summary in (run(root, mattes)[0], evaluate(EvalRequest(root, "P3M-500-P", pred=mattes, dry_run=True))):
        assert (summary.pictures, summary.exit_code) == (6, 0)
        assert summary.caveats == ["left out, as their names begin with a dot: 3 files"]
    build_manifest(BuildRequest(root))  # which names its files
    assert run(root, mattes, "listed")[0].caveats == ["left out, as their names begin with a dot: 1 files"]


def test_with_a_manifest_files_must_be_the_listed_ones(root, mattes, tmp_path):
    run(root, mattes, "plain")
    build_manifest(BuildRequest(root))
    run(root, mattes, "listed")
    assert (tmp_path / "plain/rows.csv").read_bytes() == (tmp_path / "listed/rows.csv").read_bytes()
    save(root / SPLIT / "mask/p_0.png", eight(disc(2)))
    save(root / SPLIT / "trimap/p_1.png", np.full((HEIGHT, WIDTH), 128, np.uint8))
    shutil.copy(root / SPLIT / "mask/p_3.png", root / SPLIT / "mask/p_9.png")  # no row lists it
    summary, rows = run(root, mattes, "listed")
    assert sorted(rows) == [f"p_{n}" for n in range(6)]
    assert rows["p_0"].error.startswith("the alpha is not the file that the manifest lists")
    assert rows["p_1"].error.startswith("the trimap is not the file")
    assert summary.kept == 4
    settings = json.loads((tmp_path / "listed/settings.json").read_text())
    assert len(settings["manifest_sha256"]) == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "normal", "release_basis": "consent"},
        {"image": f"{SPLIT}/original_image/p_0.jpg"},
        {"image": "validation/P3M-500-NP/original_image/p_0.jpg"},
    ],
)
def test_a_picture_that_is_not_blurred_is_no_test_picture_of_b(root, mattes, tmp_path, changes):
    build_manifest(BuildRequest(root))
    rows = list(read_rows(root / "manifest.jsonl"))
    rows[0] |= changes
    (root / rows[0]["image"]).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / SPLIT / "blurred_image/p_0.jpg", tmp_path)
    shutil.move(tmp_path / "p_0.jpg", root / rows[0]["image"])
    write_rows(root / "manifest.jsonl", rows)
    summary, found = run(root, mattes)
    assert (summary.scored, summary.exit_code) == (5, 1)
    assert found["p_0"].error == "its face was left as it is, and B tests on blurred pictures only"
    normal, found = run(root, mattes, "normal", protocol="N:N")  # mattes of its original: its own is not shown
    assert (normal.scored, found["p_0"].image_sha256) == (6, "")
    assert found["p_1"].image_sha256 != ""


def test_ids_of_a_manifest_may_differ_from_the_names_of_the_files(root, mattes):
    build_manifest(BuildRequest(root))
    text = (root / "manifest.jsonl").read_text()
    (root / "manifest.jsonl").write_text(
        text.replace('"id": "p_0"', '"id": "anna"').replace('"id": "p_1"', '"id": "ben"')
    )
    (mattes / "p_0.png").rename(mattes / "anna.png")
    summary, rows = run(root, mattes)
    assert summary.exit_code == 0
    assert {"anna", "ben"} <= set(rows)
    shutil.copy(mattes / "p_1.png", mattes / "ben.png")
    _, rows = run(root, mattes)
    assert rows["ben"].error == "several predictions of this name: ben.png, p_1.png; keep one"
