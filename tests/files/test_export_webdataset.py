"""Tar shards, opened by `webdataset` and by `tarfile`."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from p3m_anon.files.export_source import Unfit, survey
from p3m_anon.files.export_webdataset import ShardLimits, write_shards
from tests.files.export_cases import build_dataset, level

IDS = {"train": ["a.b", "sub/c", "0001", "__d__", "ü e"], "P3M-500-P": ["test-1"]}
ALL = ("alpha", "trimap", "foreground", "background")


@pytest.fixture
def source(tmp_path):
    return survey(build_dataset(tmp_path / "ds", IDS, ALL))


def write(source, folder, **limits):
    folder.mkdir()
    done = []
    assert write_shards(source, folder, ShardLimits(**limits), lambda: done.append(1)) == len(
        list(folder.glob("*.tar"))
    )
    assert len(done) == source.pictures
    return json.loads((folder / "index.json").read_bytes())


def test_webdataset_reads_all_pairs(source, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    index = write(source, tmp_path / "out", pictures=2)
    assert index["splits"]["train"] == {"urls": "train-{000000..000002}.tar", "shards": 3, "pictures": 5}
    assert index["splits"]["P3M-500-P"]["urls"] == "P3M-500-P-000000.tar"
    rows = {row["id"]: (number, row) for number, row in enumerate(source.rows())}
    for split, ids in IDS.items():
        urls = str(tmp_path / "out" / index["splits"][split]["urls"])
        samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pil"))
        assert [one["json"]["id"] for one in samples] == ids
        for one in samples:
            number, row = rows[one["json"]["id"]]
            assert one["json"] == row
            for key, more in {"jpg": 0, "mask.png": 1, "fg.png": 3, "bg.jpg": 0}.items():
                assert round(np.asarray(one[key]).mean()) == level(number) + more
            assert "trimap.png" in one


def test_the_index_is_true_and_bytes_are_the_same(source, tmp_path):
    index = write(source, tmp_path / "one", pictures=2)
    assert index == write(source, tmp_path / "two", pictures=2)
    for one in index["shards"]:
        data = (tmp_path / "one" / one["name"]).read_bytes()
        assert data == (tmp_path / "two" / one["name"]).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (one["sha256"], one["bytes"])
    assert [one["pictures"] for one in index["shards"]] == [2, 2, 1, 1]


def test_members_say_nothing_of_this_machine(source, tmp_path):
    write(source, tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "train-000000.tar") as tar:
        members = tar.getmembers()
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime, m.mode) for m in members} == {(0, 0, "", "", 0, 0o644)}
    assert [m.name for m in members[:6]] == [
        *("a~2eb.jpg", "a~2eb.mask.png", "a~2eb.trimap.png", "a~2eb.fg.png", "a~2eb.bg.jpg", "a~2eb.json")
    ]
    assert all(m.isreg() and not m.pax_headers for m in members)


def test_files_go_in_byte_for_byte(source, tmp_path):
    write(source, tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "P3M-500-P-000000.tar") as tar:
        data = tar.extractfile("test-1.mask.png").read()
    assert data == (source.root / "validation/P3M-500-P/mask/test-1.png").read_bytes()


@pytest.mark.parametrize(("size", "shards"), [(1, 6), (20_000, 4), (1_000_000, 2)])
def test_shards_end_before_they_are_too_large(source, tmp_path, size, shards):
    index = write(source, tmp_path / "out", bytes=size)
    assert len(index["shards"]) == shards
    block = 10_240  # what tarfile rounds up to
    assert all(one["bytes"] <= size + block or one["pictures"] == 1 for one in index["shards"])


@pytest.mark.parametrize("harm", ["flip", "cut", "grow", "remove", "link"])
def test_a_file_that_is_not_its_rows_is_refused(source, tmp_path, harm):
    file = source.root / "train/mask/sub/c.png"
    data = file.read_bytes()
    file.unlink()
    if harm == "link":
        (tmp_path / "else.png").write_bytes(data)
        file.symlink_to(tmp_path / "else.png")
    elif harm != "remove":
        flipped = bytes([*data[:-1], data[-1] ^ 1])
        file.write_bytes({"flip": flipped, "cut": data[:-1], "grow": data + b"x"}[harm])
    with pytest.raises(Unfit, match=r"train/mask/sub/c\.png"):
        write(source, tmp_path / "out")
    assert not (tmp_path / "out" / "index.json").exists()


def test_limits_are_checked():
    with pytest.raises(ValueError, match="at least 1"):
        ShardLimits(bytes=0)


def test_pictures_open(source, tmp_path):
    write(source, tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "train-000000.tar") as tar:
        pictures = [member for member in tar.getmembers() if not member.name.endswith(".json")]
        sizes = [Image.open(io.BytesIO(tar.extractfile(member).read())).convert("L").size for member in pictures]
    assert len(sizes) >= 2
    assert all(side > 1 for size in sizes for side in size)
