"""Two manifests side by side."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.dataset.layout import folder
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_rows import write_rows
from p3m_anon.files.recall_list import read_listed
from p3m_anon.jobs.manifest.diff import ManifestDiff, rows_of


def row(name: str, split: str | None = "train", **more: object) -> dict[str, object]:
    image = f"{folder(split, 'image')}/{name}.jpg" if split else f"blurred_image/{name}.jpg"
    return {"id": name, "split": split, "status": "anonymized", "image": image, "image_sha256": "0" * 64} | more


def changes(tmp_path, before, after):
    for name, rows in (("a", before), ("b", after)):
        write_rows(tmp_path / name / "manifest.jsonl", rows)
    diff = ManifestDiff(tmp_path / "a", tmp_path / "b/manifest.jsonl")
    found = [tuple(one) for one in diff.changes()]
    assert diff.counts.total() == len(found)
    return found


def test_each_kind_of_change(tmp_path):
    before = [row("same"), row("gone"), row("new_faces"), row("mover"), row("mover2"), row("release", None)]
    after = [
        row("mover", "P3M-500-P"),
        row("mover2", "P3M-500-P", faces=2),
        row("fresh", "P3M-500-NP"),
        row("same"),
        row("new_faces", faces=2, trimap="train/trimap/new_faces.png", trimap_sha256="1" * 64),
        row("release"),
    ]
    assert changes(tmp_path, before, after) == [
        ("added", "fresh", None, "P3M-500-NP", ()),
        ("removed", "gone", "train", None, ()),
        ("moved", "mover", "train", "P3M-500-P", ()),
        ("moved", "mover2", "train", "P3M-500-P", ("faces",)),
        ("moved", "release", None, "train", ()),
        ("changed", "new_faces", "train", "train", ("trimap", "trimap_sha256", "faces")),
    ]


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["train", "P3M-500-P"])), st.randoms(), st.data())
def test_order_never_matters_and_there_and_back_agree(tmp_path_factory, splits, random, data):
    folder_ = tmp_path_factory.mktemp("diff")
    before = [row(name, split) for name, split in splits.items()]
    shuffled = random.sample(before, len(before))
    assert changes(folder_, before, shuffled) == []
    other = data.draw(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["train", "P3M-500-P"])))
    after = [row(name, split) for name, split in other.items()]
    there = changes(folder_, before, after)
    back = changes(folder_, after, before)
    turned = {"added": "removed", "removed": "added", "moved": "moved"}
    assert sorted((turned[k], i, a, b) for k, i, b, a, _ in there) == sorted((k, i, b, a) for k, i, b, a, _ in back)
    assert {one[1] for one in there} == {name for name in "abcdef" if splits.get(name) != other.get(name)}


def test_an_id_that_is_there_twice_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="there twice"):
        changes(tmp_path, [row("a"), row("a", "P3M-500-P")], [])
    with pytest.raises(UsageError, match="cannot be read"):
        ManifestDiff(tmp_path / "none", tmp_path / "b")


def test_a_row_is_found_by_its_id_in_any_case(tmp_path):
    write_rows(tmp_path / "manifest.jsonl", [row("Ärger"), row("b")])
    assert [one["id"] for one in rows_of(tmp_path, "ärger")] == ["Ärger"]
    assert rows_of(tmp_path, "c") == []


def test_only_listed_pictures_are_compared(tmp_path):
    before = [row("same"), row("gone"), row("changed"), row("other"), row("also")]
    after = [row("same"), row("changed", faces=2), row("other", faces=2)]
    for name, rows in (("a", before), ("b", after)):
        write_rows(tmp_path / name / "manifest.jsonl", rows)
    listed = read_listed(["same\tsame.png\tmasked\t14x18", "gone", "changed\tc.png\twaits\t-", "unknown"])
    diff = ManifestDiff(tmp_path / "a", tmp_path / "b", listed)
    assert [(one.kind, one.id) for one in diff.changes()] == [
        ("removed", "gone"),
        ("changed", "changed"),
        ("same", "same"),
        ("nowhere", "unknown"),
    ]
    assert diff.differ
    diff = ManifestDiff(tmp_path / "a", tmp_path / "b", listed[:1])
    assert [one.kind for one in diff.changes()] == ["same"]
    assert not diff.differ


def test_a_listed_picture_is_found_in_a_dataset_of_opaque_ids(tmp_path):
    write_rows(tmp_path / "a" / "manifest.jsonl", [row("p_1"), row("p_2")])
    (tmp_path / "a.private").mkdir()
    with closing(sqlite3.connect(tmp_path / "a.private/split.sqlite")) as db, db:
        db.execute("CREATE TABLE pictures (id TEXT, path TEXT)")
        db.execute("INSERT INTO pictures VALUES ('p_1', 'sub/x.png')")
    diff = ManifestDiff(tmp_path / "a", tmp_path / "a", read_listed(["sub/x\tsub/x.png\tmasked\t9x9", "y"]))
    assert [(one.kind, one.id) for one in diff.changes()] == [("same", "p_1"), ("nowhere", "y")]
