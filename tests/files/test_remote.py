"""Files of a store: read as those of a folder are, and failures in one line."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from p3m_anon.errors import MissingExtra, UsageError
from p3m_anon.files import remote
from p3m_anon.files.remote import RemotePath, is_url, location

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store():
    """An empty corner of the memory of this process."""
    memory = fsspec.filesystem("memory")
    yield memory
    if memory.exists("/corner"):
        memory.rm("/corner", recursive=True)


@pytest.fixture
def served(tmp_path):
    """A folder that a web server of ours shows, and its URL."""
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    handler.func.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield tmp_path, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Broken(fsspec.AbstractFileSystem):
    """A store that answers with an error."""

    cachable = False

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def fail(self, *_, **__):
        raise self.error

    info = ls = _open = cat_file = fail


@pytest.mark.parametrize("text", ["s3://b", "gs://b/x", "memory://", "https://h/x", "simplecache::s3://b", "GS://b"])
def test_what_is_a_url(text):
    assert is_url(text)


@pytest.mark.parametrize("text", ["", "a", "/a//b", "a:b", "s3:/b", "C://x", "://x", "./s3://b", "a b://c", "a::b"])
def test_what_is_none(text):
    assert not is_url(text)
    assert location(text) == Path(text)


def test_a_file_url_is_a_local_path(tmp_path):
    odd = tmp_path / "a b%20#?.png"
    for url in (
        odd.as_uri(),
        odd.as_uri().replace("file://", "file://localhost"),
        f"local{odd.as_uri()[4:]}",
    ):
        assert location(url) == odd


def test_files_are_told_from_folders(store):
    store.pipe("/corner/a/b.txt", b"12345")
    root = location("memory://corner")
    assert [(root / name).is_file() for name in ("a", "a/b.txt", "c")] == [False, True, False]
    assert [(root / name).is_dir() for name in ("a", "a/b.txt", "c")] == [True, False, False]
    assert [(root / name).exists() for name in ("a", "a/b.txt", "c")] == [True, True, False]
    assert ((root / "a/b.txt").name, str(root / "a/b.txt")) == ("b.txt", "memory://corner/a/b.txt")


@pytest.mark.parametrize("size", [0, 1, 1000, remote._PART - 1, remote._PART, 2 * remote._PART + 3])
def test_all_ways_to_read_give_the_bytes(store, size):
    data = b"0123456789abcdef" * (size // 16) + b"x" * (size % 16)
    store.pipe("/corner/a", data)
    ((_, _, listed),) = location("memory://corner").walk()
    for path in (listed, location("memory://corner/a")):
        assert path.sha256() == hashlib.sha256(data).hexdigest()
        assert path.read_bytes() == data
        with path.fetched() as copy:
            assert copy.seek(0, 2) == size
            copy.seek(0)
            assert copy.read() == data
        with path.open() as stream:
            assert b"".join(iter(lambda: stream.read(70_000), b"")) == data


def test_a_small_file_that_was_listed_takes_one_request(store, monkeypatch):
    store.pipe("/corner/a", b"abc")
    ((_, _, listed),) = location("memory://corner").walk()
    for name in ("open", "info", "_open"):
        monkeypatch.setattr(type(store), name, Broken.fail)
    assert listed.read_bytes() == b"abc"


def test_a_walk_gives_what_lies_there_but_no_folders_own_mark(store, monkeypatch):
    for name in ("x", "a/.hidden", "a/b/y"):
        store.pipe(f"/corner/{name}", b"1")
    listing = type(store).ls

    def with_marks(self, path, detail=True, **options):
        return [*listing(self, path, detail, **options), {"name": f"{path}/", "size": 0, "type": "file"}]

    monkeypatch.setattr(type(store), "ls", with_marks)
    found = {(file, kind, str(path)) for file, kind, path in location("memory://corner").walk()}
    assert found == {(name, "file", f"memory://corner/{name}") for name in ("x", "a/.hidden", "a/b/y")}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError("Forbidden"), "Permission denied: Forbidden"),
        (TimeoutError(), "Connection timed out"),
        (RuntimeError("two\nlines " * 100), "two lines two lines"),
        (KeyError(), "KeyError"),
        (OSError("no route"), "no route"),
        (ValueError("GET https://me:secret@host/x?signature=secret failed"), "GET https://...host/x?... failed"),
    ],
)
def test_whatever_a_store_raises_is_one_line(error, said):
    path = RemotePath(Broken(error), "bucket/a", "s3://bucket/a")
    for read in (path.open, path.read_bytes, path.sha256):
        with pytest.raises(OSError) as raised:
            read()
        assert raised.value.strerror.startswith(said)
        assert "\n" not in raised.value.strerror
        assert len(raised.value.strerror) <= 200
        assert "secret" not in raised.value.strerror
    for ask in (path.is_file, path.is_dir, path.exists, lambda: list(path.walk())):
        with pytest.raises(UsageError, match="s3://bucket/a: cannot be "):
            ask()


def test_what_is_not_there(store):
    path = location("memory://corner/none")
    for read in (path.open, path.read_bytes, path.sha256):
        with pytest.raises(FileNotFoundError):
            read()


def test_an_error_in_the_middle_of_a_file(store, monkeypatch):
    store.pipe("/corner/a", b"x" * 100)
    path = location("memory://corner/a")
    monkeypatch.setattr(type(store.open("/corner/a")), "read", Broken(ConnectionResetError(104, "reset by peer")).fail)
    with pytest.raises(OSError, match="reset by peer"):
        path.sha256()


def test_a_web_server(served):
    pytest.importorskip("aiohttp")
    folder, url = served
    (folder / "a.bin").write_bytes(bytes(range(256)) * 40_000)
    path = location(f"{url}/a.bin?signature=secret")
    assert path.sha256() == hashlib.sha256((folder / "a.bin").read_bytes()).hexdigest()
    assert str(path) == f"{url}/a.bin"
    assert not (location(url) / "none").exists()
    with pytest.raises(UsageError, match=r"cannot be reached \(Connect call failed"):
        location("http://127.0.0.1:9/x").exists()


def test_neither_password_nor_signature_is_shown():
    assert str(RemotePath(None, "x", "memory://x")) == "memory://x"
    pytest.importorskip("aiohttp")
    assert str(location("https://me:secret@host/a/b.jsonl?sig=secret")) == "https://host/a/b.jsonl"


@pytest.mark.parametrize("url", ["nope://b/x", "memory::nope://x"])
def test_a_url_that_leads_nowhere(url):
    with pytest.raises(UsageError, match="cannot be used"):
        location(url)


def test_without_fsspec_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match=r"p3m-anon\[remote\]"):
        location("s3://bucket")
    assert location("file:///a") == Path("/a")


def test_local_paths_need_no_fsspec():
    code = "import sys; from p3m_anon.files.dataset_files import walk; list(walk(__import__('pathlib').Path('.')))"
    code += "; assert 'fsspec' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert (done.returncode, done.stderr) == (0, "")
