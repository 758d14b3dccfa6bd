"""The image folder, loaded by `datasets` in both ways, and its card, read by `huggingface_hub`."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from p3m_anon.errors import ImageError
from p3m_anon.files.dataset_facts import DatasetFacts
from p3m_anon.files.dataset_rows import MANIFEST, read_rows, write_rows
from p3m_anon.files.export_card import card, size_category
from p3m_anon.files.export_huggingface import FOLDERS, is_typed, write_imagefolder
from p3m_anon.files.export_source import Source, survey
from tests.files.export_cases import build_dataset, level, spread

IDS = {"train": ["a.b", "test/c", "0001"], "P3M-500-P": ["validation-1", "train"], "P3M-500-NP": ["n"]}
TRIMAPS_OF_TESTS = {"train": ["alpha"], "P3M-500-P": ["alpha", "trimap"], "P3M-500-NP": ["alpha", "trimap"]}


def export(root, folder, link="hard"):
    source, done = survey(root), []
    write_imagefolder(source, folder, link, spread, lambda: done.append(1))
    assert len(done) == source.pictures
    return source


def check_pairs(loaded, source):
    """loaded: rows of `datasets`; each picture with its own mask, and what its row says."""
    rows = {row["id"]: (number, row) for number, row in enumerate(source.rows())}
    for one in loaded:
        number, row = rows[one["id"]]
        grey = level(number)
        assert round(np.asarray(one["image"]).mean()) == grey
        assert round(np.asarray(one["mask"]).mean()) == grey + 1
        assert np.asarray(one["mask"]).ndim == 2
        for key in ("split", "status", "image_sha256", "alpha_sha256", "width", "faces"):
            assert one[key] == row[key]
        if row.get("trimap"):
            assert np.asarray(one["trimap"]).ndim == 2
        elif "trimap" in one:
            assert one["trimap"] is None


@pytest.mark.parametrize(("layers", "typed"), [(("alpha", "trimap"), False), (TRIMAPS_OF_TESTS, True)])
def test_datasets_loads_pairs_in_both_ways(tmp_path, layers, typed):
    datasets = pytest.importorskip("datasets")
    source = export(build_dataset(tmp_path / "ds", IDS, layers), tmp_path / "hf")
    assert is_typed(source) == typed
    metadata = "metadata.parquet" if typed else "metadata.jsonl"
    assert sorted(path.parent.name for path in (tmp_path / "hf").rglob("metadata.*")) == sorted(
        ["train", "test-P3M-500-P", "test-P3M-500-NP"]
    )
    assert (tmp_path / "hf" / "train" / metadata).is_file()
    folder = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "hf"), cache_dir=str(tmp_path / "c1"))
    assert {split: rows.num_rows for split, rows in folder.items()} == {"train": 3, "test": 3}
    card = datasets.load_dataset(str(tmp_path / "hf"), cache_dir=str(tmp_path / "c2"))
    assert {split: rows.num_rows for split, rows in card.items()} == {"train": 3, "P3M_500_P": 2, "P3M_500_NP": 1}
    for loaded in (folder, card):
        for rows in loaded.values():
            assert "trimap" in rows.features
            check_pairs(rows, source)


@pytest.mark.parametrize(
    "ids", [{"release": ["train-1", "test-1"]}, {"train": ["2020-01-31", "2021-01-31"], "P3M-500-P": ["x"]}]
)
def test_a_release_and_names_like_dates(tmp_path, ids):
    datasets = pytest.importorskip("datasets")
    source = export(build_dataset(tmp_path / "ds", ids, ("alpha",)), tmp_path / "hf")
    loaded = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "hf"), cache_dir=str(tmp_path / "c"))
    assert loaded["train"]["id"][:] == next(iter(ids.values()))
    if "train" in ids:
        check_pairs(loaded["train"], source)
    else:
        assert list(loaded) == ["train"]
        assert "split" not in loaded["train"].features


def test_pictures_without_an_alpha_are_loaded_too(tmp_path):
    datasets = pytest.importorskip("datasets")
    root = build_dataset(
        tmp_path / "ds", {"train": ["a", "b"], "P3M-500-P": ["c"]}, {"train": [], "P3M-500-P": ["alpha"]}
    )
    export(root, tmp_path / "hf")
    loaded = datasets.load_dataset(str(tmp_path / "hf"), cache_dir=str(tmp_path / "c"))
    assert loaded["train"]["mask"][:] == [None, None]
    assert loaded["P3M_500_P"]["mask"][0] is not None


def test_text_that_is_sometimes_null_is_empty_text(tmp_path):
    root = build_dataset(tmp_path / "ds", IDS)
    export(root, tmp_path / "hf")
    lines = [json.loads(line) for line in (tmp_path / "hf" / "train" / "metadata.jsonl").read_text().splitlines()]
    assert {line["release_basis"] for line in lines} == {""}
    assert "attribution" not in lines[0]
    assert next(iter(lines[0])) == "file_name"


@pytest.mark.parametrize(("link", "same"), [("hard", True), ("copy", False)])
def test_files_are_linked_or_copied(tmp_path, link, same):
    root = build_dataset(tmp_path / "ds", {"train": ["a"]})
    export(root, tmp_path / "hf", link)
    placed, listed = tmp_path / "hf/train/mask/0000/a.png", root / "train/mask/a.png"
    assert os.path.samefile(placed, listed) == same
    assert placed.read_bytes() == listed.read_bytes()


def test_folders_stay_small(tmp_path, monkeypatch):
    monkeypatch.setattr("p3m_anon.files.export_huggingface._IN_A_FOLDER", 2)
    export(build_dataset(tmp_path / "ds", {"train": list("abcde")}), tmp_path / "hf")
    assert sorted(p.name for p in (tmp_path / "hf/train/image").iterdir()) == ["0000", "0001", "0002"]


def test_a_changed_file_stops_before_the_card(tmp_path):
    root = build_dataset(tmp_path / "ds", {"train": ["a", "b"]})
    (root / "train/mask/b.png").write_bytes(b"x")
    with pytest.raises(ImageError, match=r"b\.png"):
        export(root, tmp_path / "hf")
    assert not (tmp_path / "hf" / "README.md").exists()


def test_the_hub_reads_the_card(tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    export(build_dataset(tmp_path / "ds", IDS), tmp_path / "hf")
    read = hub.DatasetCard.load(tmp_path / "hf" / "README.md")
    assert (read.data.license, read.data.size_categories) == ("cc-by-4.0", ["n<1K"])
    assert read.data.pretty_name == "small 1.2.0"
    assert [one["split"] for one in read.data.configs[0]["data_files"]] == ["train", "P3M_500_P", "P3M_500_NP"]
    assert "0.3 face widths" in read.text
    assert "&lt;Portraits>" in read.text
    assert "not an anonymous one" in read.text


@pytest.mark.parametrize(
    ("said", "line"),
    [(None, "license: unknown"), ("MIT", "license: mit"), ("Ours: see\n---\nx", "license_name: ours-see-x")],
)
def test_licences(tmp_path, said, line):
    facts = DatasetFacts(name='a "b"\n---\nx: y', license=said)
    front = _card_of(tmp_path, facts).split("\n---\n")[0]
    assert line in front.splitlines()
    assert "x: y" not in front.splitlines()


def _card_of(tmp_path, facts):
    source = survey(build_dataset(tmp_path / "ds", {"train": ["a"]}))
    return card(Source(**{**vars(source), "facts": facts}), FOLDERS, ["file_name"])


@pytest.mark.parametrize(
    ("pictures", "word"),
    [(1, "n<1K"), (1000, "1K<n<10K"), (10_421, "10K<n<100K"), (10**6, "1M<n<10M"), (10**9, "n>100M")],
)
def test_sizes(pictures, word):
    assert size_category(pictures) == word


def test_numbers_that_are_missing_need_types(tmp_path):
    root = build_dataset(tmp_path / "ds", {"train": ["a", "b"]})
    rows = list(read_rows(root / MANIFEST))
    write_rows(root / MANIFEST, [{**rows[0], "faces": None}, rows[1]])
    assert is_typed(survey(root))
