"""Recall: the published figures are those of the docs; a labelled set is counted by its labels."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from p3m_anon.errors import UsageError
from p3m_anon.jobs.audit.looks import AuditLooks
from p3m_anon.jobs.audit.recall import TABLE, published_recall, reference_recall

DOCS = Path(__file__).parents[3] / "docs" / "detectors.md"


def test_the_docs_show_the_published_figures():
    text = DOCS.read_text("utf-8")
    said = json.loads(files("p3m_anon.manifests").joinpath("detector_recall.json").read_bytes())["rows"]
    rows = published_recall()["rows"]
    for one, row in zip(said, rows, strict=True):
        end = f"| {one['missed']} of {one['of']}{one['remark']} | {one['seed']} | {row['bound'] * 100:.1f} % |"
        assert any(line.startswith(f"| {one['width']} px |") and line.endswith(end) for line in text.splitlines()), end


@pytest.fixture
def reference(tmp_path):
    Image.fromarray(data.astronaut()).save(tmp_path / "a.png")
    (tmp_path / TABLE).write_text(
        "image,x0,y0,x1,y1,pose,skin_tone\na.png,170,60,280,210,frontal,\na.png,400,400,440,450,behind,III\n"
    )
    return tmp_path


def test_a_labelled_set_is_counted_by_width_and_label(reference):
    found = reference_recall(reference, AuditLooks(quick=True))
    counts = {(one["group"], one["value"]): (one["missed"], one["of"]) for one in found["rows"]}
    assert counts == {
        ("all", "all"): (1, 2),
        ("width", "32 to 63 px"): (1, 1),
        ("width", "64 to 127 px"): (0, 1),
        ("pose", "behind"): (1, 1),
        ("pose", "frontal"): (0, 1),
        ("skin_tone", "III"): (1, 1),
    }
    assert found["basis"] == "reference"


@pytest.mark.parametrize("text", ["", "image\na.png\n", "image,x0,y0,x1,y1\n../a.png,1,1,2,2\n", "image,x0,y0,x1,y1\n"])
def test_what_is_not_a_labelled_set(tmp_path, text):
    (tmp_path / TABLE).write_text(text)
    with pytest.raises(UsageError, match=r"faces\.csv"):
        reference_recall(tmp_path, AuditLooks(quick=True))


def test_a_box_without_area(tmp_path):
    (tmp_path / TABLE).write_text("image,x0,y0,x1,y1\na.png,5,5,5,9\n")
    with pytest.raises(UsageError, match="x0 < x1"):
        reference_recall(tmp_path, AuditLooks(quick=True))
