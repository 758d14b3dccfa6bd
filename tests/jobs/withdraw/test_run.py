"""`withdraw`: a picture leaves everything, does not come back, and what is left is still sound."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from p3m_anon.cli import cli
from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.atomic import PREFIX, _host
from p3m_anon.files.dataset_facts import read_facts, seal
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.recall_list import RECALLED, write_recall
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.foreground.record import LayerRow, LayersRecord, TrimapRow
from p3m_anon.jobs.manifest.verify import verify_dataset
from p3m_anon.jobs.review.desk import ReviewDesk
from p3m_anon.jobs.split.request import SplitRequest
from p3m_anon.jobs.split.run import split_release
from p3m_anon.jobs.withdraw.run import WithdrawRequest, withdraw
from p3m_anon.review.desk import Refused
from tests.jobs.review.test_desk import FACE, answer
from tests.jobs.split.test_run import add, scene


class Place:
    """A release of twelve pictures, and a dataset that was split from it."""

    def __init__(self, folder):
        self.photos, self.out, self.root = folder / "photos", folder / "out", folder / "root"
        for number in range(12):
            add(self.photos, f"p{number:02}", scene(number))
        self.blur()
        split_release(SplitRequest(self.out, self.root, p=3, np=0, seed=1))

    def blur(self):
        return blur_folder(BlurRequest(folder=self.photos, out=self.out))

    def id_of(self, path):
        with closing(sqlite3.connect(self.root.with_name("root.private") / "split.sqlite")) as db:
            return db.execute("SELECT id FROM pictures WHERE path = ?", (path,)).fetchone()[0]

    def withdraw(self, *names, roots=True, **more):
        return withdraw(WithdrawRequest(names, self.out, roots=(self.root,) if roots else (), who="anna", **more))

    def files(self):
        folders = [self.out, self.root, *(f.with_name(f.name + ".private") for f in (self.out, self.root))]
        return {path for folder in folders for path in folder.rglob("*") if path.is_file()}

    def traces(self, *words):
        """Files, names and contents, that still speak of a picture; the ledger keeps that it was withdrawn."""
        found = [path.name for path in self.files() if any(word in path.name for word in words)]
        for path in self.files():
            if path.suffix in (".jsonl", ".json", ".html", ".txt", ".md"):
                found += [path.name for word in words if word in path.read_text("utf-8", "replace")]
        return found

    def row(self, path):
        with Ledger.copy_of(self.out.with_name("out.private") / "ledger.sqlite") as ledger:
            return ledger.row(path)


@pytest.fixture
def place(tmp_path, stub):
    return Place(tmp_path)


def test_it_is_gone_everywhere_and_verify_passes(place):
    name = place.id_of("p03.png")
    before = place.files()
    summary = place.withdraw(name)
    assert (summary.withdrawn, summary.unknown, summary.alike) == (["p03.png"], [], {})
    assert any("run folders of train and eval" in line for line in summary.left)
    (stores,) = (line for line in summary.left if line.startswith("stores of studies"))
    assert all(f"study {name}" in stores for name in ("run", "add-predictions", "report"))
    assert len(summary.files) >= 6
    facts = read_facts(place.root)
    assert sum(sum(one.values()) for one in facts.counts.values()) == 11
    assert (facts.split.seed, facts.split.groups, facts.split.largest_group) == (1, 11, 1)
    assert place.traces("p03", name) == []
    row = place.row("p03.png")
    assert row.status == "withdrawn"
    assert (row.faces, row.facts, row.phash, row.sources, row.outputs) == ([], {}, None, (), ())
    assert list(verify_dataset(place.root).findings) == []
    assert len((place.out / "manifest.jsonl").read_text().splitlines()) == 11
    facts = json.loads((place.root / "dataset.json").read_text())
    assert sum(n for counts in facts["counts"].values() for n in counts.values()) == 11
    gone = {path.name for path in before - place.files()}
    assert not any(other in one for one in gone for other in ("p02", "p04"))
    assert (place.photos / "image/p03.png").is_file()  # not ours


def test_it_does_not_come_back(place):
    place.withdraw("p03")
    assert place.blur().done_now == 0
    # under another name, and edited
    shutil.copy(place.photos / "image/p03.png", place.photos / "image/again.png")
    shutil.copy(place.photos / "mask/p03.png", place.photos / "mask/again.png")
    with Image.open(place.photos / "image/p03.png") as image:
        rgb = np.asarray(image.resize((120, 90)).resize(image.size)).copy()
    rgb[0, 0] = 9
    add(place.photos, "edited", rgb)
    summary = place.blur()
    assert place.row("again.png").status == "withdrawn"
    assert place.row("edited.png").reason == "withdrawn_before"
    assert summary.counts["accepted"] == 11
    with closing(ReviewDesk(place.out)) as desk:
        with pytest.raises(Refused):
            answer(desk, "p03.png", "open")
        answer(desk, "edited.png", "mask", shapes=[FACE])  # a person says that it is another picture
    assert place.blur().counts["accepted"] == 12


def test_the_same_file_under_another_name_goes_too_and_what_looks_alike_is_named(place):
    shutil.copy(place.photos / "image/p03.png", place.photos / "image/twin.png")
    shutil.copy(place.photos / "mask/p03.png", place.photos / "mask/twin.png")
    with Image.open(place.photos / "image/p03.png") as image:
        rgb = np.asarray(image.resize((120, 90)).resize(image.size)).copy()
    rgb[0, 0] = 9
    add(place.photos, "alike", rgb)
    place.blur()
    summary = place.withdraw("p03.png")
    assert (summary.withdrawn, summary.twins) == (["p03.png", "twin.png"], ["twin.png"])
    assert list(summary.alike) == ["alike.png"]
    assert summary.exit_code == 1
    assert place.row("alike.png").status == "accepted"


def test_a_dry_run_removes_nothing(place):
    before = place.files()
    summary = place.withdraw("p03", dry_run=True)
    assert summary.withdrawn == ["p03.png"]
    assert place.files() == before
    assert place.row("p03.png").status == "accepted"


def test_names_that_fit_nothing_are_said(place):
    summary = place.withdraw("nobody", "p04")
    assert (summary.unknown, summary.withdrawn, summary.exit_code) == (["nobody"], ["p04.png"], 1)


@pytest.mark.parametrize("broken", ["_remove_released", "erase", "write_manifest"])
def test_stopped_in_the_middle_it_is_completed_by_a_second_run(place, monkeypatch, broken):
    import p3m_anon.jobs.withdraw.run as job

    def stop(*_args, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(job, broken, stop)
        with pytest.raises(KeyboardInterrupt):
            place.withdraw("p03")
    assert not (place.out / "manifest.jsonl").exists()
    place.withdraw("p03")
    assert place.traces("p03") == []
    assert place.row("p03.png").status == "withdrawn"
    assert list(verify_dataset(place.root).findings) == []
    assert place.blur().counts["accepted"] == 11


def test_layers_drawings_and_the_datasheet_go(place):
    with closing(ReviewDesk(place.out)) as desk:
        answer(desk, "p03.png", "mask", shapes=[FACE])
    place.blur()
    name = place.id_of("p03.png")
    rows = map(json.loads, (place.root / "manifest.jsonl").read_text().splitlines())
    row = next(row for row in rows if row["id"] == name)
    folder = (place.root / row["image"]).parent.parent
    for layer in ("fg", "bg", "trimap"):
        (folder / layer).mkdir()
        (folder / layer / f"{name}.png").write_bytes(b"layer")
    (place.root / "DATASHEET.md").write_text("12 pictures")
    seal(place.root)
    place.withdraw("p03.png")
    assert place.traces(name, "p03") == []
    assert not (place.root / "DATASHEET.md").exists()
    assert list(verify_dataset(place.root).findings) == []


def test_a_folder_that_is_no_release_or_no_dataset_is_refused(place, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no ledger"):
        withdraw(WithdrawRequest(("a",), tmp_path / "empty"))
    with pytest.raises(UsageError, match="did not make"):
        withdraw(WithdrawRequest(("p03",), place.out, roots=(tmp_path / "empty",)))


def test_recalled_pictures_are_taken_out_by_their_list_and_leave_it(place):
    private = place.out.with_name("out.private")
    with Ledger(private / "ledger.sqlite") as ledger:
        for path, boxes in (("p03.png", [[1, 2, 15, 20]]), ("p05.png", [])):
            with ledger.transaction():
                ledger.note(RECALLED, path, json.dumps({"id": path[:-4], "boxes": boxes}))
        file = write_recall(private, ledger)
    assert file.read_text() == "p03\tp03.png\tmasked\t14x18\np05\tp05.png\tmasked\t-\n"
    name = place.id_of("p03.png")
    command = ["withdraw", "--list", str(file), "--release", str(place.out), "--root", str(place.root), "--dry-run"]
    said = CliRunner().invoke(cli, command)
    assert said.exit_code == 0, said.output
    assert "2 pictures would be withdrawn" in said.output
    place.withdraw("p03.png")
    assert file.read_text() == "p05\tp05.png\tmasked\t-\n"
    assert place.traces("p03", name) == []
    place.withdraw("p05.png")
    assert not file.exists()


def test_temporary_files_of_killed_runs_go(place):
    leftovers = [
        folder / f"{PREFIX}{_host()}-999999999-{'0' * 16}" for folder in (place.out, place.root / "train/mask")
    ]
    for file in leftovers:
        file.write_bytes(b"half")
    place.withdraw("p03.png")
    assert not any(file.exists() for file in leftovers)


def bytes_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix not in (".lock",)}


def test_layers_of_a_release_go_with_their_rows(place):
    for layer, ending in (("fg", ".png"), ("bg", ".jpg"), ("trimap", ".png")):
        (place.out / layer).mkdir()
        for name in ("p03", "p0_", "p04"):
            (place.out / layer / f"{name}{ending}").write_bytes(b"layer")
    private = place.out.with_name("out.private")
    with LayersRecord(private) as record:
        for name in ("p03", "p04"):
            files = f"fg/{name}.png", f"bg/{name}.jpg"
            record.add(
                LayerRow(
                    *files, f"blurred_image/{name}.png", f"sha-{name}", "a" * 64, 1, "b" * 64, 1, "c" * 64, 0.1, 0.2, 1
                )
            )
            record.add_trimap(TrimapRow(f"trimap/{name}.png", "square", 25, 0, "d" * 64, 0.1))
    place.withdraw("p03.png", roots=False)
    left = sorted(path.name for layer in ("fg", "bg", "trimap") for path in (place.out / layer).iterdir())
    assert left == ["p04.jpg", "p04.png", "p04.png", "p0_.jpg", "p0_.png", "p0_.png"]
    for path, content in bytes_of(private).items():
        if path.name.startswith("layers.sqlite"):
            assert b"p03" not in content
            assert b"p04" in content or path.name != "layers.sqlite"


def test_an_id_with_a_wildcard_takes_no_other_picture_along(tmp_path):
    with LayersRecord(tmp_path) as record:
        for name in ("a_1", "ab1"):
            record.add_trimap(TrimapRow(f"train/trimap/{name}.png", "square", 25, 0, "d" * 64, 0.1))
        record.erase(["a_1"])
        assert [row.trimap for row in record.trimaps()] == ["train/trimap/ab1.png"]


def test_pages_of_the_ledger_keep_nothing(place):
    """Hashes of the picture and of its outputs, in the file or its write-ahead log."""
    with closing(ReviewDesk(place.out)) as desk:
        answer(desk, "p03.png", "mask", shapes=[FACE])
        answer(desk, "p03.png", "mask", shapes=[FACE])
    place.blur()
    row = place.row("p03.png")
    images = [one.sha256.encode() for one in (*row.outputs, *row.sources) if one.role == "image"]
    marks = [row.phash.encode(), row.digest.encode(), *images]
    place.withdraw("p03.png")
    for path, content in bytes_of(place.out.with_name("out.private")).items():
        assert not any(mark in content for mark in marks), path.name


def test_a_reader_that_keeps_pages_is_said_and_a_second_run_finishes(place):
    private = place.out.with_name("out.private")
    mark = place.row("p03.png").phash.encode()
    with closing(sqlite3.connect(private / "ledger.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM inputs").fetchone()
        summary = place.withdraw("p03.png")
        assert any("another program has open" in line for line in summary.remains)
        assert summary.exit_code == 1
    assert place.withdraw("p03.png").exit_code == 0
    assert not any(mark in content for content in bytes_of(private).values())


@pytest.mark.parametrize("spoil", ["lost key", "empty key", "other key", "lost marks", "fewer marks"])
def test_nothing_comes_back_without_key_and_marks(place, spoil):
    private = place.out.with_name("out.private")
    place.withdraw("p03.png", "p04.png")
    key, marks = private / "key", private / "tombstones.txt"
    if spoil == "lost key":
        key.unlink()
    elif spoil == "lost marks":
        marks.unlink()
    elif spoil == "fewer marks":
        marks.write_text("".join(marks.read_text().splitlines(keepends=True)[1:]))
    else:
        key.write_bytes(b"" if spoil == "empty key" else b"x" * 32)
    with pytest.raises(Stopped, match="put it back from a backup"):
        place.blur()
    assert not list(place.out.rglob("p03*"))


def test_opaque_ids_do_not_change_with_a_lost_key(place):
    out = place.out.with_name("opaque")
    request = BlurRequest(folder=place.photos, out=out, ids="opaque")
    blur_folder(request)
    (out.with_name("opaque.private") / "key").unlink()
    with pytest.raises(Stopped, match="put it back from a backup"):
        blur_folder(request)


def test_nothing_is_removed_through_a_link(place, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "p03.png").write_bytes(b"theirs")
    (place.out / "fg").symlink_to(other)
    with pytest.raises(Stopped, match="leads out of"):
        place.withdraw("p03.png")
    assert (other / "p03.png").is_file()
    (place.out / "fg").unlink()
    assert place.withdraw("p03.png").exit_code == 0


def test_a_second_run_still_names_what_looks_alike(place):
    with Image.open(place.photos / "image/p03.png") as image:
        rgb = np.asarray(image).copy()
    rgb[0, 0] = 9
    add(place.photos, "edited", rgb)
    place.blur()
    for _ in range(2):
        assert "edited.png" in place.withdraw("p03.png", roots=False).alike
