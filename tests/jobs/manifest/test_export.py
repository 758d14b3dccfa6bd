"""`manifest export` as a whole: what is refused, that it is whole or not there, the same bytes, flat memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from p3m_anon.errors import ImageError, Stopped, UsageError
from p3m_anon.files.dataset_facts import seal
from p3m_anon.files.dataset_rows import MANIFEST, read_rows, write_rows
from p3m_anon.files.export_source import Unfit
from p3m_anon.files.export_webdataset import ShardLimits
from p3m_anon.jobs.manifest.export import FORMS, TABLES, ExportRequest, export_dataset
from tests.files.export_cases import build_dataset

IDS = {"train": ["a", "b/c"], "P3M-500-P": ["p"], "P3M-500-NP": ["n"]}
FOLDERS = [form for form in FORMS if form not in TABLES]


@pytest.fixture
def root(tmp_path):
    return build_dataset(tmp_path / "ds", IDS)


def export(root, form, **more):
    return export_dataset(ExportRequest(root, form, root.parent / f"out-{form}", **more))


def contents(path):
    """Relative path -> bytes."""
    if path.is_file():
        return {"": path.read_bytes()}
    return {str(one.relative_to(path)): one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file()}


@pytest.mark.parametrize("form", FORMS)
def test_everything_goes_out_and_the_same_bytes_again(root, tmp_path, form):
    before = contents(root)
    summary = export(root, form)
    made = contents(tmp_path / f"out-{form}")
    assert (summary.pictures, summary.splits) == (4, {"train": 2, "P3M-500-P": 1, "P3M-500-NP": 1})
    assert summary.files == (0 if form in TABLES else 12)
    assert summary.bytes == sum(map(len, made.values()))
    assert json.loads(summary.to_json())["out"].endswith(f"out-{form}")
    other = tmp_path / "elsewhere" / "other"
    shutil.copytree(root, other)
    export_dataset(ExportRequest(other, form, other.parent / "out", workers=1))
    assert contents(other.parent / "out") == made
    assert contents(root) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ds", "elsewhere", f"out-{form}"]


@pytest.mark.parametrize("form", FORMS)
def test_one_split_and_a_release(root, tmp_path, form):
    assert export(root, form, split="P3M-500-NP").splits == {"P3M-500-NP": 1}
    release = build_dataset(tmp_path / "r" / "release", {"release": ["x", "y"]}, ("alpha",))
    assert export(release, form).splits == {"unsplit": 2}


@pytest.mark.parametrize("form", FORMS)
def test_a_dry_run_writes_nothing(root, tmp_path, form):
    summary = export(root, form, dry_run=True)
    assert (summary.pictures, summary.bytes) == (4, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["ds"]


@pytest.mark.parametrize("form", FOLDERS)
@pytest.mark.parametrize("link", ["hard", "copy"])
def test_a_flipped_byte_anywhere_is_never_exported(root, tmp_path, form, link):
    listed = [row[key] for row in read_rows(root / MANIFEST) for key in ("image", "alpha", "trimap")]
    for file in listed:
        good = (root / file).read_bytes()
        (root / file).write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
        with pytest.raises((Unfit, ImageError), match=file.rpartition("/")[2]):
            export(root, form, link=link)
        (root / file).write_bytes(good)
    assert [path.name for path in tmp_path.iterdir()] == ["ds"]
    export(root, form, link=link)


def _missing(root):
    (root / "train/mask/a.png").unlink()


def _extra(root):
    (root / "train/blurred_image/more.jpg").write_bytes(b"x")


def _original(root):
    (root / "train/original_image").mkdir()
    shutil.copy(root / "train/blurred_image/a.jpg", root / "train/original_image/a.jpg")


def _link(root):
    os.replace(root / "train/mask/a.png", root.parent / "a.png")
    (root / "train/mask/a.png").symlink_to(root.parent / "a.png")


def _change_rows(root, **change):
    rows = list(read_rows(root / MANIFEST))
    write_rows(root / MANIFEST, [{**rows[0], **change}, *rows[1:]])
    seal(root)


def _private_field(root):
    text = (root / MANIFEST).read_text().replace('{"id"', '{"phash": "0123456789abcdef", "id"', 1)
    (root / MANIFEST).write_text(text)
    seal(root)


def _manifest(root):
    (root / MANIFEST).write_bytes((root / MANIFEST).read_bytes().replace(b'"faces": 0', b'"faces": 1', 1))


HARM = {
    "missing": (_missing, r"mask/a\.png"),
    "extra": (_extra, "no row lists it"),
    "original": (_original, "original_image"),
    "link": (_link, r"mask/a\.png"),
    "manifest": (_manifest, "sealed"),
    "private": (_private_field, "phash"),
    "normal": (lambda root: _change_rows(root, status="normal"), "basis"),
    "outside": (lambda root: _change_rows(root, image="../ds/train/blurred_image/a.jpg"), "release folder"),
    "elsewhere": (lambda root: _change_rows(root, split="P3M-500-P"), "does not lie"),
    "twin": (lambda root: _change_rows(root, id="P"), "there already"),
    "number": (lambda root: _change_rows(root, faces="two"), "faces"),
}


@pytest.mark.parametrize("form", ["csv", "hf"])
@pytest.mark.parametrize("harm", sorted(HARM))
def test_what_verify_would_find_is_refused(root, tmp_path, form, harm):
    do, said = HARM[harm]
    do(root)
    with pytest.raises(Unfit, match=said):
        export(root, form)
    assert {path.name for path in tmp_path.iterdir()} <= {"ds", "a.png"}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_there_stays(root, tmp_path, form):
    out = tmp_path / f"out-{form}"
    if form in TABLES:
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine").write_text("mine")
    with pytest.raises(UsageError):
        export(root, form)
    assert contents(out) in ({"": b"mine"}, {"mine": b"mine"})


@pytest.mark.parametrize("form", FORMS)
def test_an_export_beside_or_inside(root, tmp_path, form):
    for out in (root / "out", root, tmp_path):
        with pytest.raises(UsageError):
            export_dataset(ExportRequest(root, form, out))
    assert not (root / "out").exists()


def test_no_dataset(tmp_path):
    with pytest.raises(UsageError, match=MANIFEST):
        export_dataset(ExportRequest(tmp_path / "ds", "csv", tmp_path / "x"))


@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk_leaves_nothing(root, tmp_path, form, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("p3m_anon.files.atomic.os.fsync", full)
    with pytest.raises(Stopped, match="disk full"):
        export(root, form, link="copy")
    assert [path.name for path in tmp_path.iterdir()] == ["ds"]


@pytest.mark.parametrize("form", FORMS)
def test_killed_at_any_picture_there_is_no_export(root, tmp_path, form):
    code = "import os,sys\nfrom pathlib import Path\nfrom p3m_anon.jobs.manifest.export import *\nn=[0]\n"
    code += "def done():\n    n[0]+=1\n    if n[0]==3: os._exit(9)\n"
    code += f"export_dataset(ExportRequest(Path(sys.argv[1]), {form!r}, Path(sys.argv[2])), done)"
    out = tmp_path / f"out-{form}"
    assert subprocess.run([sys.executable, "-c", code, str(root), str(out)], check=False).returncode == 9
    assert not out.exists()
    export(root, form)
    if form not in TABLES:  # a single file's beginning is cleared away by files.atomic, as everywhere
        assert sorted(path.name for path in tmp_path.iterdir()) == ["ds", out.name]


@pytest.mark.parametrize("form", FORMS)
def test_memory_does_not_grow_with_the_dataset(root, tmp_path, form):
    """Python's own allocations at 100 and at 400 pictures; rows are held in lots, so small ones are asked for."""
    peaks = []
    for number, count in enumerate((100, 400)):
        more = build_dataset(tmp_path / str(number) / "ds", {"train": [f"p_{n:05d}" for n in range(count)]}, ("alpha",))
        code = "import sys,tracemalloc\nfrom pathlib import Path\nimport p3m_anon.files.export_tables as t\n"
        code += "t._ROW_GROUP = 20\nfrom p3m_anon.jobs.manifest.export import *\ntracemalloc.start()\n"
        code += f"r = ExportRequest(Path(sys.argv[1]), {form!r}, Path(sys.argv[2]), limits=ShardLimits(pictures=20))\n"
        code += "export_dataset(r)\nprint(tracemalloc.get_traced_memory()[1])"
        call = [sys.executable, "-c", code, str(more), str(more.parent / "out")]
        peaks.append(int(subprocess.check_output(call, text=True)))
    assert peaks[1] < 1.2 * peaks[0] + 100_000, peaks


def test_limits_reach_the_shards(root, tmp_path):
    export(root, "webdataset", limits=ShardLimits(pictures=1))
    assert len(list((tmp_path / "out-webdataset").glob("*.tar"))) == 4
