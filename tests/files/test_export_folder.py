"""A folder has its name only once it is whole."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.export_folder import building


def test_it_has_its_name_at_the_end_only(tmp_path):
    out = tmp_path / "new" / "out"
    with building(out) as folder:
        (folder / "a").write_text("a")
        assert not out.exists()
        assert folder.parent == out.parent
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert (out / "a").read_text() == "a"


def test_an_error_leaves_nothing(tmp_path):
    def interrupted():
        with building(tmp_path / "out") as folder:
            (folder / "a").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_taken_and_a_full_one_is_not(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with building(out) as folder:
        (folder / "a").touch()
    with pytest.raises(UsageError, match="not empty"), building(out):
        pass
    with pytest.raises(UsageError, match="there already"), building(out / "a"):
        pass
    assert [path.name for path in out.iterdir()] == ["a"]


def test_what_a_killed_run_left_is_cleared_away(tmp_path):
    code = "import os,sys\nfrom pathlib import Path\nfrom p3m_anon.files.export_folder import building\n"
    code += "with building(Path(sys.argv[1])) as f:\n    (f / 'old').mkdir(); (f / 'x').touch(); os._exit(9)"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], check=False)
    assert done.returncode == 9
    assert not (tmp_path / "out").exists()
    assert len(list(tmp_path.iterdir())) == 1
    with building(tmp_path / "out") as folder:
        (folder / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "new"]


def test_two_runs_do_not_mix(tmp_path):
    with building(tmp_path / "out") as folder:
        (folder / "a").touch()
        with pytest.raises(Stopped, match="another run"), building(tmp_path / "out"):
            pass
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_nothing_can_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(Stopped, match="rights"), building(tmp_path / "out"):
        pass
    tmp_path.chmod(0o700)
