"""`p3m-anon weights`: what it says, what it writes, and its exit codes."""

from __future__ import annotations

import hashlib
import io
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from p3m_anon.commands.weights import weights as command
from p3m_anon.errors import UsageError
from p3m_anon.files import weights
from p3m_anon.files.weights_table import Origin, Weight

CONTENTS = {"boxes": b"box weights", "points": b"point weights"}


def weight(name: str) -> Weight:
    file, sha256 = f"{name}.pth", hashlib.sha256(CONTENTS[name]).hexdigest()
    return Weight(name, file, sha256, "a test", url=f"https://example.org/{file}")


@pytest.fixture(autouse=True)
def known_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = Weight("packaged", "inside.onnx", "0" * 64, "a test", package="no_such_package_here")
    origin = Origin(
        "owner/repository at 0123abcd", "MIT", "not stated", "a data set with a name as long as a line " * 2
    )
    heavy = Weight("heavy", "heavy.onnx", "1" * 64, "more", url="https://example.org/heavy.onnx", optional=True,
                   size=56_000_000, origin=origin)  # fmt: skip
    glasses = Weight(
        "glasses", "glasses.jit", "", "more", optional=True, origin=Origin("https://example.org", "A", "B", "C")
    )
    table = [weight("boxes"), weight("points"), packaged, heavy, glasses]
    monkeypatch.setattr(weights, "WEIGHTS", {one.name: one for one in table})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were asked for; `points` cannot be reached."""
    addresses: list[str] = []

    class Reply(io.BytesIO):
        headers: dict[str, str] = {}  # noqa: RUF012

    def urlopen(url: str, timeout: float) -> Reply:
        addresses.append(url)
        if "points" in url:
            raise urllib.error.URLError("no route")
        return Reply(CONTENTS["boxes"])

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return addresses


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_every_command_has_help_with_an_example() -> None:
    for name in (None, *command.commands):
        result = run(*([name] if name else []), "--help")
        assert result.exit_code == 0
        assert "Example:" in result.output


def test_list_says_what_is_where(tmp_path: Path) -> None:
    (tmp_path / "boxes.pth").write_bytes(CONTENTS["boxes"])
    result = run("list", "--weights-dir", tmp_path)
    assert result.exit_code == 0
    assert str(tmp_path / "boxes.pth") in result.output
    assert "https://example.org/points.pth" in result.output
    answer = json.loads(run("list", "--weights-dir", tmp_path, "--json").output)
    assert answer["folder"] == str(tmp_path)
    assert {row["name"]: row["state"] for row in answer["weights"]} == {
        "boxes": "found",
        "points": "missing",
        "packaged": "missing",
        "heavy": "missing",
        "glasses": "missing",
    }
    heavy = next(row for row in answer["weights"] if row["name"] == "heavy")
    assert heavy["optional"]
    assert (heavy["code_license"], heavy["weights_license"], heavy["size"]) == ("MIT", "not stated", 56_000_000)


def test_list_shows_licences_and_training_data_in_80_columns(tmp_path: Path) -> None:
    (tmp_path / "glasses.jit").write_bytes(b"model")
    output = run("list", "--weights-dir", tmp_path).output
    for part in ("owner/repository at 0123abcd", "code MIT; weights not stated", "a data set", "56,000,000 bytes"):
        assert part in output
    assert "heavy           optional" in output
    assert "glasses         unpinned" in output
    lines = [line for line in output.splitlines() if str(tmp_path) not in line]
    assert max(map(len, lines)) <= 80


def test_the_published_list_is_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    output = run("list", "--weights-dir", tmp_path).output
    whole = ("  at ", "  from ", "Weights folder")
    assert max(len(line) for line in output.splitlines() if not line.startswith(whole)) <= 80


def test_verify_finds_missing_and_wrong_files(tmp_path: Path) -> None:
    (tmp_path / "boxes.pth").write_bytes(CONTENTS["boxes"])
    (tmp_path / "points.pth").write_bytes(b"something else")
    assert run("verify", "boxes", "--weights-dir", tmp_path).exit_code == 0
    result = run("verify", "--weights-dir", tmp_path, "--json")
    assert result.exit_code == 1
    answer = json.loads(result.output)
    assert not answer["ok"]
    states = {row["name"]: row["state"] for row in answer["weights"]}
    assert states == {"boxes": "ok", "points": "mismatch", "packaged": "missing"}
    assert "mismatch" in run("verify", "points", "--weights-dir", tmp_path).output


def test_fetch_brings_what_it_can_and_says_what_it_could_not(tmp_path: Path, asked: list[str]) -> None:
    result = run("fetch", "--weights-dir", tmp_path)
    assert result.exit_code == 1
    assert "no route" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["boxes.pth"]
    assert len(asked) == 2
    again = run("fetch", "boxes", "--weights-dir", tmp_path)
    assert again.exit_code == 0
    assert "already there" in again.output
    assert len(asked) == 2


def test_optional_ones_are_fetched_and_missed_only_by_name(tmp_path: Path, asked: list[str]) -> None:
    run("fetch", "--weights-dir", tmp_path)
    assert not any("heavy" in url for url in asked)
    run("fetch", "heavy", "--weights-dir", tmp_path)
    assert asked[-1].endswith("heavy.onnx")
    names = {row["name"] for row in json.loads(run("verify", "--weights-dir", tmp_path, "--json").output)["weights"]}
    assert names == {"boxes", "points", "packaged"}
    assert run("verify", "heavy", "--weights-dir", tmp_path).exit_code == 1


def test_import_without_a_published_digest_says_what_to_write(tmp_path: Path) -> None:
    source, folder = tmp_path / "download", tmp_path / "weights"
    source.mkdir()
    (source / "glasses.jit").write_bytes(b"model")
    for extra in ([], ["--dry-run"]):
        refused = run("import", source, "glasses", "--weights-dir", folder, *extra)
        assert refused.exit_code == 1
        assert str(folder / "weights.json") in refused.stderr
    assert not folder.exists()
    entry = json.dumps({"glasses.jit": hashlib.sha256(b"model").hexdigest()})
    assert entry in refused.stderr
    folder.mkdir()
    (folder / "weights.json").write_text(entry)
    assert run("import", source, "glasses", "--weights-dir", folder).exit_code == 0
    assert run("verify", "glasses", "--weights-dir", folder).exit_code == 0
    assert "glasses         found" in run("list", "--weights-dir", folder).output


def test_fetch_replaces_a_wrong_file_only_when_told(tmp_path: Path, asked: list[str]) -> None:
    (tmp_path / "boxes.pth").write_bytes(b"something else")
    refused = run("fetch", "boxes", "--weights-dir", tmp_path)
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert not asked
    assert run("fetch", "boxes", "--weights-dir", tmp_path, "--force").exit_code == 0
    assert (tmp_path / "boxes.pth").read_bytes() == CONTENTS["boxes"]


def test_dry_run_writes_and_asks_nothing(tmp_path: Path, asked: list[str]) -> None:
    folder = tmp_path / "weights"
    result = run("fetch", "--weights-dir", folder, "--dry-run")
    assert result.exit_code == 0
    assert "would fetch boxes.pth" in result.output
    (tmp_path / "boxes.pth").write_bytes(CONTENTS["boxes"])
    assert "would import boxes.pth" in run("import", tmp_path, "--weights-dir", folder, "--dry-run").output
    assert not asked
    assert not folder.exists()


def test_fetch_of_a_packaged_file_is_a_usage_error(tmp_path: Path) -> None:
    result = run("fetch", "packaged", "--weights-dir", tmp_path)
    assert isinstance(result.exception, UsageError)
    result = run("fetch", "glasses", "--weights-dir", tmp_path)
    assert isinstance(result.exception, UsageError)
    assert "https://example.org" in str(result.exception)


def test_import_copies_the_right_ones(tmp_path: Path) -> None:
    source, folder = tmp_path / "stick", tmp_path / "weights"
    source.mkdir()
    (source / "boxes.pth").write_bytes(CONTENTS["boxes"])
    (source / "points.pth").write_bytes(b"something else")
    result = run("import", source, "--weights-dir", folder)
    assert result.exit_code == 1
    assert "points" in result.stderr
    assert [path.name for path in folder.iterdir()] == ["boxes.pth"]
    assert run("import", source, "boxes", "--weights-dir", folder).exit_code == 0


def test_import_from_no_folder_is_a_usage_error(tmp_path: Path) -> None:
    assert run("import", tmp_path / "nowhere").exit_code == 2
