"""`p3m-anon manifest` on the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from p3m_anon.commands.manifest import manifest
from p3m_anon.commands.manifest_view import LISTED
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_rows import read_rows, write_rows
from tests.jobs.trees import make_tree

TRAIN = "train/blurred_image/p_train_0.jpg"


def run(*arguments: object, code: int = 0):
    result = CliRunner().invoke(manifest, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def root(tmp_path):
    """A sound tree of our own."""
    root = make_tree(tmp_path / "tree")
    run("build", root, code=1)
    rows = list(read_rows(root / "manifest.jsonl"))
    basis = {"P3M-500-NP": "consent"}
    write_rows(root / "manifest.jsonl", (row | {"release_basis": basis.get(row["split"])} for row in rows))
    run("build", root)
    return root


def test_build_says_what_it_wrote_and_what_is_missing(root):
    result = run("build", root, "--name", "Ours", "--license", "CC0-1.0")
    assert "train: 2 pictures (2 anonymized)" in result.stdout
    assert "6 rows, nothing wrong was found" in result.stdout
    assert json.loads((root / "dataset.json").read_text())["license"] == "CC0-1.0"
    (root / "train/mask/p_train_0.png").unlink()
    result = run("build", root, code=1)
    assert "missing  train/mask/p_train_0  no alpha of this picture\n" in result.stdout
    assert "1 finding: 1 missing" in result.stdout


def test_build_dry_run_and_facts(root):
    before = (root / "manifest.jsonl").stat().st_mtime_ns
    result = run("build", root, "--dry-run", "--facts", "p3m-10k", code=1)
    assert "count  train  2 pictures, published were 9421" in result.stdout
    assert "nothing was written" in result.stdout
    assert (root / "manifest.jsonl").stat().st_mtime_ns == before
    run("build", root, "--facts", "other", code=2)


def test_json_of_build_and_verify_has_every_finding(root):
    for number in range(LISTED + 5):
        (root / f"train/mask/x{number}\n.png").touch()
    shown = run("verify", root, code=1).stdout
    assert f"extra  train/mask/x0\\n.png  no row lists it" in shown  # noqa: F541
    assert "extra  and 5 more (a file that no row lists); --json has all" in shown
    for command, kind in (("verify", "extra"), ("build", "odd")):
        found = json.loads(run(command, root, "--json", code=1).stdout)
        assert found["counts"] == {kind: LISTED + 5}
        assert len(found["findings"]) == LISTED + 5
        assert found["exit_code"] == 1
        assert found["findings"][0]["kind"] == kind
    assert json.loads(run("build", root, "--json", "--dry-run", code=1).stdout)["written"] is False


def test_verify_of_a_sound_tree_prints_the_seal(root):
    result = run("verify", root, "--workers", 1)
    assert "6 rows, 20 files: nothing wrong was found" in result.stdout
    found = json.loads(run("verify", root, "--json").stdout)
    assert found["seal_sha256"] in result.stdout
    assert found["findings"] == []


def test_diff(root, tmp_path):
    assert "the two manifests say the same" in run("diff", root, root).stdout
    other = tmp_path / "other.jsonl"
    rows = list(read_rows(root / "manifest.jsonl"))
    write_rows(other, [rows[0] | {"faces": 3}, rows[1] | {"split": "P3M-500-P"}, *rows[3:], rows[2] | {"id": "new"}])
    shown = run("diff", root, other, code=1).stdout.splitlines()
    assert shown == [
        "added  new  to P3M-500-P",
        "removed  p_P3M-500-P_0  from P3M-500-P",
        "moved  p_train_1  train -> P3M-500-P",
        "changed  p_train_0  faces",
        "1 added, 1 removed, 1 moved, 1 changed",
    ]
    found = json.loads(run("diff", root, other, "--json", code=1).stdout)
    assert found["counts"] == {"added": 1, "removed": 1, "moved": 1, "changed": 1}
    assert found["changes"][-1]["fields"] == ["faces"]
    assert json.loads(run("diff", root, root, "--json").stdout)["changes"] == []
    (tmp_path / "recall.txt").write_text("p_train_0\ta.jpg\tmasked\t14x18\np_train_9\tb.jpg\twaits\t-\n")
    shown = run("diff", root, root, "--list", tmp_path / "recall.txt").stdout.splitlines()
    assert shown[:2] == ["same  p_train_0  in train", "nowhere  p_train_9"]


def test_show(root):
    shown = run("show", root, "p_train_0").stdout
    assert f"image  {TRAIN}\n" in shown
    assert "detector  -\n" in shown
    assert json.loads(run("show", root, "p_train_0", "--json").stdout)["split"] == "train"
    result = run("show", root, "p_none", code=1)
    assert "p_none: no such picture" in result.stderr


def test_wrong_use(root, tmp_path):
    run("verify", tmp_path / "none", code=2)
    run("build", code=2)
    with pytest.raises(UsageError, match="no pictures"):  # one line and exit code 2 by the main group
        run("build", root / "train/mask")


@pytest.mark.parametrize("command", ["build", "verify", "diff", "show"])
def test_every_command_has_help_with_an_example(command):
    result = run(command, "--help")
    assert f"p3m-anon manifest {command}" in result.stdout.split("Example", 1)[1]
    assert "Exit codes" in result.stdout


def test_tables_on_a_terminal(root, monkeypatch):
    from rich.console import Console

    from p3m_anon.commands import manifest_view

    monkeypatch.setattr(manifest_view, "Console", lambda **options: Console(force_terminal=True, width=100, **options))
    (root / "stray [x]").touch()
    result = run("verify", root, code=1)
    assert "extra: a file that no row lists" in result.stdout
    assert "stray [x]" in result.stdout
    assert "p_train_0" in run("show", root, "p_train_0").stdout
