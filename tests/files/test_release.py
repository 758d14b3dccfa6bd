"""Outputs are written, found again, and removed without a trace."""

import json

import pytest

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.ledger_rows import Output, Row
from p3m_anon.files.manifest import manifest_row, write_manifest
from p3m_anon.files.private import locked, opaque_id, private_folder, private_key
from p3m_anon.files.release import Release


@pytest.fixture
def store(tmp_path):
    return Release(tmp_path / "out", tmp_path / "out.private")


def test_private_outputs_lie_in_the_private_folder(store):
    image = store.write("image", "blurred_image/a.jpg", b"123")
    mask = store.write("facemask", "facemask/a.png", b"4567")
    assert (store.out / image.file).read_bytes() == b"123"
    assert (store.private / mask.file).stat().st_mode & 0o077 == 0
    assert (image.size, mask.size) == (3, 4)
    assert store.present([image, mask])


def test_a_lost_cut_or_changed_output_is_noticed(store):
    image = store.write("image", "blurred_image/a.jpg", b"123")
    path = store.out / image.file
    path.write_bytes(b"321")
    assert store.present([image])
    assert not store.present([image], rehash=True)
    path.write_bytes(b"1")
    assert not store.present([image])
    path.unlink()
    assert not store.present([image])


def test_pictures_for_looking_at_may_be_thrown_away(store):
    thumbnail = store.write("thumbnail", "thumbnails/a.jpg", b"1")
    (store.private / thumbnail.file).unlink()
    assert store.present([thumbnail])


def test_clear_removes_what_a_killed_run_left_too(store):
    old = store.write("image", "blurred_image/a.jpg", b"1")
    store.write("image", "blurred_image/a.png", b"1")  # written, but never recorded
    store.write("alpha", "mask/a.png", b"1")
    other = store.write("image", "blurred_image/a.b.jpg", b"1")  # another id
    new = store.write("image", "blurred_image/a.webp", b"1")
    store.clear("a", [old], keep=[new])
    left = sorted(p.relative_to(store.out).as_posix() for p in store.out.rglob("*") if p.is_file())
    assert left == [other.file, new.file]


def accepted(**facts):
    values = {"status": "anonymized", "width": 3, "height": 4, "faces": 1, "detector": "d", "profile": "p3m"}
    outputs = (Output("image", "blurred_image/a.jpg", 7, "aa"), Output("alpha", "mask/a.png", 7, "bb"))
    facts = {**values, "fidelity": "exact", "settings_digest": "s", **facts}
    return Row("secret/path.jpg", "a", status="accepted", facts=facts, phash="beef", outputs=outputs)


def test_a_manifest_row_is_public(tmp_path):
    row = manifest_row(accepted())
    assert "secret" not in json.dumps(row)
    assert "beef" not in json.dumps(row)
    assert (row["image"], row["alpha"], row["release_basis"]) == ("blurred_image/a.jpg", "mask/a.png", None)
    assert manifest_row(accepted(status="no_face"))["release_basis"] == "no_identifiable_face"
    write_manifest(tmp_path / "manifest.jsonl", [accepted(), accepted()])
    assert [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()] == [row, row]


def test_the_private_folder_lies_beside_the_release(tmp_path):
    assert private_folder(tmp_path / "out") == tmp_path / "out.private"
    with pytest.raises(UsageError, match="inside"):
        private_folder(tmp_path / "out", tmp_path / "out" / "private")


def test_a_lock_is_held_once_and_given_back(tmp_path):
    folder = tmp_path / "p"
    with locked(folder), pytest.raises(Stopped, match="another run"), locked(folder):
        pass
    with locked(folder):
        assert folder.stat().st_mode & 0o077 == 0


def test_the_key_is_made_once_and_ids_depend_on_it(tmp_path):
    private_key(tmp_path, make=False)
    assert not (tmp_path / "key").exists()
    key = private_key(tmp_path)
    assert private_key(tmp_path) == key
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert opaque_id(key, "a.jpg") == opaque_id(key, "a.jpg") != opaque_id(key, "b.jpg")
    assert opaque_id(b"other", "a.jpg") != opaque_id(key, "a.jpg")
