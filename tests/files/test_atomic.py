"""Files are there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from p3m_anon.errors import ImageError, Stopped
from p3m_anon.files import atomic
from p3m_anon.files.atomic import PREFIX, remove_leftovers, replacing, write_bytes


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "ünï.png"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_private_files_and_folders(tmp_path: Path) -> None:
    path = tmp_path / "private" / "key"
    write_bytes(path, b"secret", private=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.png"
    write_bytes(path, b"old")

    def fail_halfway() -> None:
        with replacing(path) as stream:
            stream.write(b"half of the new")
            raise error

    with pytest.raises(error):
        fail_halfway()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk full"), (errno.EDQUOT, "disk full"), (errno.EROFS, "cannot write a.png")]
)
def test_errors_of_the_disk_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.os, "fsync", fail)
    with pytest.raises(Stopped, match=words):
        write_bytes(tmp_path / "a.png", b"data")
    assert list(tmp_path.iterdir()) == []


def test_errors_of_the_name_concern_one_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="too long"):
        write_bytes(tmp_path / ("a" * 300), b"data")
    (tmp_path / "file").touch()
    with pytest.raises(Stopped, match="cannot write"):
        write_bytes(tmp_path / "file" / "a.png", b"data")


def test_leftovers_of_dead_runs_are_removed(tmp_path: Path) -> None:
    """A killed process leaves its file; ours, other machines' and foreign files stay."""
    folder = tmp_path / "deep" / "er"
    code = (
        "import os, sys; from pathlib import Path; from p3m_anon.files.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as stream: stream.write(b'x'); stream.flush(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder / "a.png")], check=False, cwd=Path(__file__).parents[2])
    assert [p.name.startswith(PREFIX) for p in folder.iterdir()] == [True]
    alive = folder / f"{PREFIX}{atomic._host()}-{os.getpid()}-{'0' * 16}"
    elsewhere = folder / f"{PREFIX}{'f' * 8}-1-{'0' * 16}"
    old = folder / f"{PREFIX}{'e' * 8}-1-{'0' * 16}"
    for path in (alive, elsewhere, old, folder / f"{PREFIX}mine.png", folder / "a.png"):
        path.touch()
    os.utime(old, (1, 1))
    assert remove_leftovers(tmp_path) == 2
    assert {p.name for p in folder.iterdir()} == {alive.name, elsewhere.name, f"{PREFIX}mine.png", "a.png"}
    assert remove_leftovers(tmp_path / "none") == 0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux says how a process is")
def test_a_process_that_has_ended_but_is_still_listed_is_no_more(tmp_path: Path) -> None:
    """As children of a killed run are, where nobody asks how they ended."""
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()  # it is at its end
        state = Path(f"/proc/{process.pid}/stat")
        while ") Z " not in state.read_text():
            time.sleep(0.01)
        (tmp_path / f"{PREFIX}{atomic._host()}-{process.pid}-{'0' * 16}").touch()
        assert remove_leftovers(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []
