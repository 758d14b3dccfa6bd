"""A JPEG through `blur`: the rest of the picture is the source's, and the record says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from p3m_anon.files.jpeg_exact import reached
from p3m_anon.files.jpeg_markers import parse
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder


def test_the_rest_of_a_jpeg_stays_and_the_way_is_recorded(
    tmp_path: Path, picture: Callable[..., np.ndarray], stub: object
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(picture(1)).save(folder / "a.jpg", quality=85)
    for way, fidelity in (("exact", "mcu"), ("reencode", "reencoded"), ("exact", "mcu")):
        summary = blur_folder(BlurRequest(folder=folder, jpeg=way))
        assert summary.done_now == 1  # the choice is part of what a finished row depends on
        manifest = json.loads((summary.out / "manifest.jsonl").read_text())
        assert manifest["fidelity"] == fidelity
    with Ledger.copy_of(summary.private / "ledger.sqlite") as ledger:
        note = next(iter(ledger.rows())).facts["jpeg"]
    assert 0 < note["recoded_units"] < note["all_units"]
    before, after = (np.asarray(Image.open(p)) for p in (folder / "a.jpg", summary.out / "blurred_image/a.jpg"))
    mask = np.asarray(Image.open(summary.private / "facemask/a.png")).astype(bool)
    near = reached(parse((folder / "a.jpg").read_bytes()).frame, mask)
    assert 0 < near.mean() < 1
    np.testing.assert_array_equal(after[~near], before[~near])
    assert after[mask].std() < 0.5 * before[mask].std()
