"""left_out.csv: what is written is read, names with commas, quotes and line ends too."""

import pytest

from p3m_anon.errors import Stopped
from p3m_anon.jobs.split.left_out import LeftOut, read_left_out, write_left_out


def test_what_is_written_is_read(tmp_path):
    lines = [LeftOut("release", 'a,"b"\n.png', "a", "why"), LeftOut("normal", "c.png", "c", "refused: x", "d.png", "d")]
    write_left_out(tmp_path / "left.csv", iter(lines))
    assert list(read_left_out(tmp_path / "left.csv")) == lines
    assert (tmp_path / "left.csv").stat().st_mode & 0o777 == 0o600
    assert list(read_left_out(tmp_path / "nothing.csv")) == []


def test_another_file_is_not_taken_for_it(tmp_path):
    (tmp_path / "left.csv").write_text("a\n1,2,3,4,5,6,7,8\n")
    with pytest.raises(Stopped):
        list(read_left_out(tmp_path / "left.csv"))
