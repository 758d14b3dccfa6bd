"""`manifest export` and `manifest datasheet` from the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from p3m_anon.cli import COMMANDS, cli
from p3m_anon.files.dataset_facts import check_seal
from tests.files.export_cases import build_dataset


@pytest.fixture
def root(tmp_path):
    return build_dataset(tmp_path / "ds", {"train": ["a", "b"], "P3M-500-NP": ["n"]})


@pytest.fixture
def run(monkeypatch):
    """Calls a command with the errors of the whole program."""
    monkeypatch.setitem(COMMANDS, "export", ("p3m_anon.commands.export:export", ""))
    monkeypatch.setitem(COMMANDS, "datasheet", ("p3m_anon.commands.export:datasheet", ""))
    return lambda *arguments: CliRunner().invoke(cli, list(map(str, arguments)))


@pytest.mark.parametrize("form", ["csv", "parquet", "hf", "webdataset", "croissant"])
def test_every_form(run, root, tmp_path, form):
    result = run("export", root, "--to", form, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "2 train\n1 P3M-500-NP\n3 pictures" in result.stdout
    assert (tmp_path / "out").exists()


def test_json_and_dry_run(run, root, tmp_path):
    call = ("export", root, "--to", "hf", "--out", tmp_path / "out", "--split", "train", "--link", "copy")
    said = json.loads(run(*call, "--dry-run", "--json").stdout)
    assert (said["pictures"], said["files"], said["bytes"], said["dry_run"]) == (2, 6, 0, True)
    assert "nothing was written" in run(*call, "--dry-run").stdout
    assert not (tmp_path / "out").exists()
    assert json.loads(run(*call, "--json").stdout)["bytes"] > 1000


def test_shards_are_as_large_as_asked(run, root, tmp_path):
    run("export", root, "--to", "webdataset", "--out", tmp_path / "out", "--shard-pictures", 1)
    assert len(list((tmp_path / "out").glob("train-*.tar"))) == 2


def test_a_changed_file_ends_with_1_in_one_line(run, root, tmp_path):
    (root / "train/mask/a.png").write_bytes(b"x")
    result = run("export", root, "--to", "hf", "--out", tmp_path / "out")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "a.png" in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_out_that_is_there_ends_with_2(run, root, tmp_path):
    (tmp_path / "out").write_text("mine")
    result = run("export", root, "--to", "csv", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "there already" in result.stderr
    assert run("export", root, "--to", "word", "--out", tmp_path / "x").exit_code == 2
    assert run("export", root, "--to", "csv").exit_code == 2


def test_a_full_disk_ends_with_4(run, root, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("p3m_anon.files.atomic.os.fsync", full)
    result = run("export", root, "--to", "webdataset", "--out", tmp_path / "out")
    assert (result.exit_code, "disk full" in result.stderr) == (4, True)


def test_a_datasheet(run, root):
    printed = run("datasheet", root, "--dry-run")
    assert printed.stdout.startswith("# Datasheet: small 1.2.0")
    assert not (root / "DATASHEET.md").exists()
    result = run("datasheet", root)
    assert (result.exit_code, check_seal(root)) == (0, [])
    assert "are not stated" in result.stdout
    assert (root / "DATASHEET.md").read_text() == printed.stdout
    (root / "DATASHEET.md").write_text("mine")
    assert run("datasheet", root).exit_code == 2
    assert json.loads(run("datasheet", root, "--replace", "--json").stdout)["seal_sha256"]


@pytest.mark.parametrize("name", ["export", "datasheet"])
def test_help_has_examples(run, name):
    result = run(name, "--help")
    assert f"p3m-anon manifest {name} P3M-10k" in result.output.split("Examples:", 1)[1]
