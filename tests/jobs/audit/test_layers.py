"""Layers in a release: ours are known, others are strays."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from p3m_anon.dataset.rows import KEYS, OPTIONAL
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.files.release_index import ReleaseIndex
from p3m_anon.jobs.audit.layers import ReleaseLayers
from p3m_anon.jobs.foreground.record import LayerRow, LayersRecord


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    for name, values in (("trimap", (0, 128, 255)), ("fg", (7, 9)), ("bg", (1, 2))):
        (folder / name).mkdir(parents=True)
        pixels = np.resize(np.array(values, np.uint8), (8, 8))
        Image.fromarray(pixels).save(folder / name / "a.png")
    digests = [file_sha256(folder / name / "a.png") for name in ("fg", "bg")]
    with LayersRecord(tmp_path / "out.private") as record:
        record.add(LayerRow("fg/a.png", "bg/a.png", "x", "s", "t", 1, digests[0], 1, digests[1], 0.1, 1.0, 1))
    return folder


def test_a_layer_has_the_name_of_a_listed_picture(tmp_path):
    """One that was left behind when its picture was withdrawn is a stray."""
    row = {key: None for key in KEYS if key not in OPTIONAL}
    row |= {"id": "s/a", "status": "anonymized", "image": "blurred_image/s/a.png", "image_sha256": "0" * 64}
    row |= {"width": 8, "height": 8, "faces": 1}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    index = ReleaseIndex(tmp_path, None)
    assert not index.broken
    assert index.has_picture_of("trimap/s/a.png")
    assert not index.has_picture_of("trimap/a.png")
    assert not index.has_picture_of("trimap/s/ab.png")


def known(out, file, private=True):
    layers = ReleaseLayers(out, out.with_name("out.private") if private else None)
    try:
        return layers.explain(file)
    finally:
        layers.close()


def test_what_the_record_holds_is_ours(out):
    assert known(out, "fg/a.png")
    assert known(out, "bg/a.png")
    assert known(out, "trimap/a.png")
    assert not known(out, "fg/b.png")
    assert not known(out, "blurred_image/a.png")


def test_a_layer_that_was_changed_is_not_ours(out):
    Image.fromarray(np.full((8, 8), 8, np.uint8)).save(out / "fg/a.png")
    assert not known(out, "fg/a.png")


def test_without_a_record_only_trimaps_can_be_told(out):
    assert not known(out, "fg/a.png", private=False)
    assert known(out, "trimap/a.png", private=False)


def test_a_picture_among_the_trimaps_is_no_trimap(out):
    Image.fromarray(np.full((8, 8), 77, np.uint8)).save(out / "trimap/a.png")
    assert not known(out, "trimap/a.png")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(out / "trimap/a.png")
    assert not known(out, "trimap/a.png")
