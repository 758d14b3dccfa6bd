"""Facts of a dataset, and the seal on what no row lists."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p3m_anon.dataset.split_record import SplitRecord
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_facts import (
    SEAL,
    DatasetFacts,
    check_seal,
    file_sha256,
    read_facts,
    seal,
    write_facts,
)

FACTS = DatasetFacts(
    name="Ünser",
    version="1.0",
    counts={"P3M-500-NP": {"normal": 1}, "train": {"no_face": 1, "anonymized": 2}},
    settings=({"digest": "b", "blur": None}, {"digest": "a", "blur": {"sigma": 0.3}}),
    split=SplitRecord(7, {"P3M-500-P": 5, "P3M-500-NP": 1}, True, ("faces", "gender"), "subject", 8, 3, 1),
)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "manifest.jsonl").write_text("{}\n")
    (tmp_path / "LICENSE.txt").write_text("free")
    (tmp_path / "train/facemask").mkdir(parents=True)
    (tmp_path / "train/facemask/a.png").write_bytes(b"png")
    write_facts(tmp_path, FACTS)
    seal(tmp_path)
    return tmp_path


def test_facts_survive_write_then_read(root):
    found = read_facts(root)
    assert found.to_json() == FACTS.to_json()
    assert (found.name, found.created, found.counts["train"]["anonymized"]) == ("Ünser", None, 2)
    assert list(json.loads(FACTS.to_json())["counts"]) == ["train", "P3M-500-NP"]
    assert [one["digest"] for one in found.settings] == ["a", "b"]


def test_facts_of_the_first_version_are_read_and_newer_ones_named(tmp_path):
    old = json.loads(FACTS.to_json()) | {"schema_version": 1}
    del old["split"]
    (tmp_path / "dataset.json").write_text(json.dumps(old))
    found = read_facts(tmp_path)
    assert (found.split, found.counts) == (None, FACTS.counts)
    assert json.loads(found.to_json()) | {"schema_version": 1} == {**json.loads(FACTS.to_json()), **old, "split": None}
    (tmp_path / "dataset.json").write_text(json.dumps(old | {"schema_version": 3, "more": 1}))
    with pytest.raises(UsageError, match="made by a newer p3m-anon"):
        read_facts(tmp_path)


@pytest.mark.parametrize(
    "change", [{"seed": -1}, {"seed": None}, {"asked": {}}, {"stratified_by": "faces"}, {"path": "x"}, {"groups": "1"}]
)
def test_what_is_no_record_of_a_split(tmp_path, change):
    facts = json.loads(FACTS.to_json())
    (tmp_path / "dataset.json").write_text(json.dumps(facts | {"split": facts["split"] | change}))
    with pytest.raises(UsageError, match=r"dataset\.json: not the facts of a dataset \(split"):
        read_facts(tmp_path)


def test_no_facts_are_none_and_bad_ones_named(tmp_path):
    assert read_facts(tmp_path) is None
    for text in ("", "[]", "{}", "[" * 100_000, FACTS.to_json().replace('"name"', '"nome"')):
        (tmp_path / "dataset.json").write_text(text)
        with pytest.raises(UsageError, match=r"dataset\.json"):
            read_facts(tmp_path)
    for counts in ({"train": 3}, 3):
        (tmp_path / "dataset.json").write_text(json.dumps(json.loads(FACTS.to_json()) | {"counts": counts}))
        with pytest.raises(UsageError, match="counts"):
            read_facts(tmp_path)
    with pytest.raises(ValueError, match="unknown splits"):
        DatasetFacts(counts={"test": {"normal": 1}}).to_json()


def test_the_seal_is_what_sha256sum_writes(root):
    lines = (root / SEAL).read_text().splitlines()
    names = ["LICENSE.txt", "dataset.json", "manifest.jsonl", "train/facemask/a.png"]
    assert [line.split("  ")[1] for line in lines] == names
    assert seal(root) == hashlib.sha256((root / SEAL).read_bytes()).hexdigest()
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", "--strict", SEAL], cwd=root, check=True, capture_output=True)


def test_a_whole_seal_has_no_problems_and_every_change_is_one(root):
    assert check_seal(root) == []
    (root / "LICENSE").write_text("other")
    assert check_seal(root) == ["LICENSE: not in checksums.txt"]
    (root / "LICENSE").unlink()
    (root / "LICENSE.txt").write_text("costs")
    assert check_seal(root) == ["LICENSE.txt: changed since it was sealed"]
    (root / "LICENSE.txt").unlink()
    assert check_seal(root) == ["LICENSE.txt: sealed, but not there or not a file to be sealed"]
    (root / SEAL).unlink()
    assert check_seal(root) == ["checksums.txt is missing"]


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_flipped_bit_of_the_seal_is_found(root, data):
    whole = (root / SEAL).read_bytes()
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    broken = bytearray(whole)
    broken[at] ^= 1 << bit
    (root / SEAL).write_bytes(broken)
    assert check_seal(root) != []
    (root / SEAL).write_bytes(whole)
    assert check_seal(root) == []


def test_lines_out_of_order_and_twice_are_problems(root):
    lines = (root / SEAL).read_text().splitlines(keepends=True)
    for order in (lines[::-1], [lines[0], *lines], lines[:-1]):
        (root / SEAL).write_text("".join(order))
        assert check_seal(root)


def test_links_and_strays_are_not_sealed(root):
    (root / "LICENSE.link").symlink_to("/etc/hostname")
    (root / "train/facemask/.hidden.png").write_bytes(b"")
    (root / "train/facemask/a.jpg").write_bytes(b"")
    seal(root)
    assert len((root / SEAL).read_text().splitlines()) == 4


def test_nothing_to_seal_and_impossible_names_are_refused(tmp_path):
    with pytest.raises(UsageError, match="nothing to seal"):
        seal(tmp_path)
    (tmp_path / "manifest.jsonl").touch()
    (tmp_path / "LICENSE\udcff").touch()
    with pytest.raises(UsageError, match="rename"):
        seal(tmp_path)
    assert not (tmp_path / SEAL).exists()


def test_file_sha256_reads_in_parts(tmp_path):
    data = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(data)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()
