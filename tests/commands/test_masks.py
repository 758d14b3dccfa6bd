"""`p3m-anon masks` from the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from p3m_anon.cli import cli
from p3m_anon.jobs.demo import run_demo


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masks") / "demo"
    run_demo(folder, lambda line: None)
    return folder / "release"


def run(*arguments):
    return CliRunner().invoke(cli, ["masks", *map(str, arguments)])


@pytest.mark.parametrize("format", ["labelme", "coco", "png"])
def test_out_and_in_again(release, tmp_path, format):
    result = run("export", release, tmp_path / "to", "--format", format, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["done"] == (0 if format == "png" else 2)
    if format != "png":
        result = run("import", release, tmp_path / "to", "--format", format)
        assert result.stdout.splitlines()[0][:10] == "0 imported"
        said = result.stderr.splitlines()  # the cat's face is a suggestion, which nobody has accepted
        assert all("nothing but suggestions" in line for line in said)
        assert result.exit_code == int(bool(said))


def test_bad_files_are_one_line_each(release, tmp_path):
    (tmp_path / "x.json").write_text("{")
    (tmp_path / "y.json").write_text("[]")
    result = run("import", release, tmp_path)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 2


def test_a_folder_that_is_not_empty_is_one_line(release, tmp_path):
    (tmp_path / "x.json").write_text("{")
    result = run("export", release, tmp_path)
    assert result.exit_code == 2
    assert "not empty" in result.output
