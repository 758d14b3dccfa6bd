"""A dataset in a store: read in place, with the results that the same dataset gives on this disk."""

from __future__ import annotations

import json
import multiprocessing.process
import os
import re
import subprocess

import pytest
from click.testing import CliRunner

from p3m_anon.cli import cli
from p3m_anon.errors import ImageError, UsageError
from p3m_anon.files.dataset_rows import read_rows
from p3m_anon.files.export_source import Unfit, survey
from p3m_anon.files.remote import location
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from p3m_anon.jobs.manifest.diff import ManifestDiff, rows_of
from p3m_anon.jobs.manifest.export import FORMS, TABLES, ExportRequest, export_dataset
from p3m_anon.jobs.manifest.verify import verify_dataset
from tests.files.export_cases import build_dataset

fsspec = pytest.importorskip("fsspec")

NAMES = {"train": ["a", "b"], "P3M-500-P": ["p"], "P3M-500-NP": ["n"]}
IMAGE, MASK = "train/blurred_image/a.jpg", "train/mask/a.png"
URL = "memory://corner/ds"
FILES = ("manifest.jsonl", "dataset.json", "checksums.txt")


@pytest.fixture
def root(tmp_path):
    """On this disk; face masks and a licence too, which the seal covers."""
    root = build_dataset(tmp_path / "ds", NAMES)
    (root / "LICENSE").write_text("MIT")
    (root / "train/facemask").mkdir()
    (root / "train/facemask/a.png").write_bytes((root / "train/trimap/a.png").read_bytes())
    build_manifest(BuildRequest(root))
    return root


@pytest.fixture
def store(root):
    """The same in memory, below /corner/ds."""
    memory = fsspec.filesystem("memory")
    memory.put(f"{root}/", "/corner/ds", recursive=True)
    yield memory
    memory.rm("/corner", recursive=True)


def flip(whole):
    return whole[:60] + bytes([whole[60] ^ 1]) + whole[61:]


CHANGES = {
    "nothing": {},
    "a flipped bit": {IMAGE: flip, MASK: flip},
    "cut off": {IMAGE: lambda whole: whole[:-30], MASK: lambda _: b""},
    "missing": {MASK: lambda _: None, "LICENSE": lambda _: None},
    "extra": {"train/x.bin": lambda _: b"x", ".hidden": lambda _: b"", "LICENSE2": lambda _: b"x"},
    "a flipped bit of the manifest": {"manifest.jsonl": flip},
    "no seal": {"checksums.txt": lambda _: None},
    "another seal": {"checksums.txt": lambda _: b"what?\n"},
    "no facts": {"dataset.json": lambda _: None},
    "no json": {"dataset.json": lambda _: b"{"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@pytest.mark.parametrize("command", ["verify", "build"])
def test_the_findings_are_those_of_the_disk(root, store, tmp_path, change, command):
    for file, new in change.items():
        path, here = root / file, f"/corner/ds/{file}"
        data = new(path.read_bytes() if path.exists() else b"")
        if data is None:
            path.unlink()
            store.rm(here)
        else:
            path.write_bytes(data)
            store.pipe(here, data)
    if command == "verify":
        there, local = verify_dataset(location(URL)), verify_dataset(root)
        assert (there.rows, there.files, there.seal, there.notes) == (local.rows, local.files, local.seal, local.notes)
    elif "manifest.jsonl" in change:
        for place in (root, location(URL)):
            with pytest.raises(UsageError, match=r"line 1: .*manifest verify lists all"):
                build_manifest(BuildRequest(place, dry_run=True))
        return
    else:
        there = build_manifest(BuildRequest(location(URL), out=tmp_path / "new"))
        local = build_manifest(BuildRequest(root))
        assert (there.counts, there.kept, there.seal) == (local.counts, local.kept, local.seal)
        assert [(tmp_path / "new" / name).read_bytes() == (root / name).read_bytes() for name in FILES] == [True] * 3
    assert list(there.findings) == list(local.findings)
    assert (len(there.findings) > 1) == bool(change) or command == "build"  # the face mask has a foreign value


def test_a_built_manifest_put_into_the_store_verifies(root, store, tmp_path):
    for name in FILES:
        store.rm(f"/corner/ds/{name}")
    with pytest.raises(UsageError, match="holds no manifest"):
        verify_dataset(location(URL))
    store.pipe("/corner/ds/train/facemask/a.png", (root / MASK).read_bytes())
    build_manifest(BuildRequest(location(URL), out=tmp_path / "new"))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(FILES)
    store.put(f"{tmp_path}/new/", "/corner/ds/", recursive=True)
    kinds = {(one.kind, one.file) for one in verify_dataset(location(URL)).findings}
    assert kinds == {("values", "train/facemask/a.png"), ("basis", "validation/P3M-500-NP/original_image/n.jpg")}


def test_build_of_a_store_needs_a_place_to_write_to(root, store, tmp_path):
    before = store.find("/corner")
    with pytest.raises(UsageError, match="local --out"):
        build_manifest(BuildRequest(location(URL)))
    with pytest.raises(UsageError, match=f"{root} holds LICENSE; name a new folder"):
        build_manifest(BuildRequest(location(URL), out=root))
    assert build_manifest(BuildRequest(location(URL), dry_run=True)).seal is None
    for _ in range(2):
        build_manifest(BuildRequest(location(URL), out=tmp_path / "new"))
    assert store.find("/corner") == before


def test_diff_and_show(root, store):
    there = location(URL)
    for one, other in ((there, root), (root, there), (there, there / "manifest.jsonl")):
        assert list(ManifestDiff(one, other).changes()) == []
    store.pipe("/corner/ds/manifest.jsonl", (root / "manifest.jsonl").read_bytes().replace(b'"id": "a"', b'"id": "c"'))
    assert [(one.kind, one.id) for one in ManifestDiff(root, there).changes()] == [("added", "c"), ("removed", "a")]
    assert rows_of(there, "B") == [row for row in read_rows(root / "manifest.jsonl") if row["id"] == "b"]


def test_pictures_that_the_store_does_not_give_are_findings(store, monkeypatch):
    def some(read):
        def reading(self, path, *more, **options):
            if path.endswith("a.jpg"):
                raise PermissionError("Forbidden")
            if path.endswith("b.jpg"):
                raise TimeoutError
            return read(self, path, *more, **options)

        return reading

    for name in ("cat_file", "_open"):
        monkeypatch.setattr(type(store), name, some(getattr(type(store), name)))
    found = [(one.file, one.detail) for one in verify_dataset(location(URL)).findings if one.kind == "unreadable"]
    assert found == [(IMAGE, "Permission denied: Forbidden"), (IMAGE.replace("a.", "b."), "Connection timed out")]
    built = build_manifest(BuildRequest(location(URL), dry_run=True)).findings
    assert [one.detail for one in built if one.kind == "unreadable"] == [
        f"{detail}; it is left out" for _, detail in found
    ]


def run(*arguments, code):
    result = CliRunner().invoke(cli, ["manifest", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize("broken", ["ls", "info", "_open"])
@pytest.mark.parametrize("command", [("verify",), ("build", "--dry-run")])
def test_a_store_that_fails_ends_the_command_in_one_line(store, monkeypatch, broken, command):
    def fail(*_, **__):
        raise RuntimeError("500 Internal\nServer Error")

    monkeypatch.setattr(type(store), broken, fail)
    for arguments in (command, *([("show", "a"), ("diff", URL)] if broken != "ls" else [])):
        result = run(arguments[0], URL, *arguments[1:], code=2)
        assert result.stderr.count("\n") == 1
        assert "500 Internal Server Error" in result.stderr


def test_no_process_is_forked(store, monkeypatch):
    """A crash has exit code 1 too, so the whole answer must be that of a run in which processes are allowed."""
    allowed = run("verify", URL, code=1).output
    for owner, name in ((os, "fork"), (multiprocessing.process.BaseProcess, "start"), (subprocess.Popen, "__init__")):
        monkeypatch.setattr(owner, name, None)
    refused = run("verify", URL, code=1)
    assert isinstance(refused.exception, SystemExit)
    answers = [re.sub(r"[\d.]+ s\n", "", output) for output in (allowed, refused.output)]
    assert answers[0] == answers[1] != ""


def test_the_commands_take_urls(root, store, tmp_path):
    assert json.loads(run("verify", URL, "--json", code=1).stdout)["root"] == URL
    assert run("diff", URL, root, code=0).stdout == "the two manifests say the same\n"
    assert "image  train/blurred_image/a.jpg\n" in run("show", URL, "a", code=0).stdout
    shown = run("build", URL, "--out", tmp_path / "new", code=1).stdout
    assert f"written into {tmp_path / 'new'}: put them into {URL}: manifest.jsonl" in shown
    assert run("verify", root.as_uri(), code=1).stdout.count("values") == 2
    assert "memory://corner/none is not a folder" in run("verify", "memory://corner/none", code=2).stderr
    for nowhere in ("", (tmp_path / "none").as_uri()):
        assert "does not exist" in run("verify", nowhere, code=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("blur", "s3://bucket/x"),
        ("split", ".", "--out", "s3://bucket/x"),
        ("trimap", "gs://bucket/x"),
        ("withdraw", "a", "--release", ".", "--root", "s3://bucket/x"),
        ("manifest", "build", URL, "--out", "s3://bucket/x"),
        ("manifest", "datasheet", "s3://bucket/x"),
    ],
)
def test_all_other_paths_say_that_they_take_none(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "is a URL, and this must be a local directory; manifest build, verify, diff" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def exported(tmp_path):
    """A sound dataset on disk, without face masks, and the same in the store."""
    root = build_dataset(tmp_path / "sound", NAMES)
    memory = fsspec.filesystem("memory")
    memory.put(f"{root}/", "/export/ds", recursive=True)
    yield root, location("memory://export/ds"), memory
    memory.rm("/export", recursive=True)


def contents(path):
    if path.is_file():
        return {"": path.read_bytes()}
    return {str(one.relative_to(path)): one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file()}


@pytest.mark.parametrize("form", FORMS)
def test_an_export_from_a_store_has_the_bytes_of_one_from_the_disk(exported, tmp_path, form):
    root, there, _ = exported
    made = [export_dataset(ExportRequest(one, form, tmp_path / f"out {n}")) for n, one in enumerate((root, there))]
    assert contents(tmp_path / "out 0") == contents(tmp_path / "out 1")
    assert (made[0].pictures, made[0].files, made[0].bytes) == (made[1].pictures, made[1].files, made[1].bytes)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in TABLES])
def test_what_a_store_gives_wrong_or_not_at_all_is_not_exported(exported, tmp_path, monkeypatch, form):
    _, there, store = exported
    good = store.cat_file(f"/export/ds/{IMAGE}")
    store.pipe(f"/export/ds/{IMAGE}", flip(good))
    with pytest.raises((Unfit, ImageError), match=r"a\.jpg"):
        export_dataset(ExportRequest(there, form, tmp_path / "out"))
    store.pipe(f"/export/ds/{IMAGE}", good)
    read = type(store)._open

    def some(self, path, *more, **options):
        if path.endswith("a.jpg"):
            raise PermissionError("Forbidden")
        return read(self, path, *more, **options)

    monkeypatch.setattr(type(store), "_open", some)
    with pytest.raises(Unfit, match=r"a\.jpg: cannot be read \(Permission denied: Forbidden\)"):
        export_dataset(ExportRequest(there, form, tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["sound"]


def test_a_manifest_that_changes_while_it_is_exported_is_noticed(exported, tmp_path):
    root, there, store = exported
    rows = survey(there).rows()
    next(rows)
    store.pipe("/export/ds/manifest.jsonl", (root / "manifest.jsonl").read_bytes() + b"\n")
    with pytest.raises((Unfit, UsageError)):
        list(rows)
