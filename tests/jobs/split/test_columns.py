"""A user's CSV: looked up by path or id, several lines a picture, refusals that say what is there."""

from __future__ import annotations

import unicodedata
from contextlib import closing

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.jobs.split.columns import Columns


def columns(tmp_path, text: str, group_by=None, stratify=(), encoding="utf-8"):
    file = tmp_path / "c.csv"
    file.write_text(text, encoding=encoding)
    return closing(Columns(file, group_by, stratify))


def test_path_wins_over_id_and_spaces_and_unicode_forms_do_not_matter(tmp_path):
    text = "id,path,who\nx, caf\u00e9.png ,A\n"
    with columns(tmp_path, text, "who", encoding="utf-8-sig") as found:
        assert found.of(unicodedata.normalize("NFD", "caf\u00e9.png"), "-") == (("A",), ())
        assert found.of("x", "x") == ((), ())
        assert (found.found, found.lost) == (1, 1)


def test_several_lines_are_several_groups_and_an_empty_value_is_none(tmp_path):
    with columns(tmp_path, "id,who,sex\na,A,f\na,B,f\nb,,m\n", "who", ("sex",)) as found:
        assert found.of("-", "a") == (("A", "B"), ("f",))
        assert found.of("-", "b") == ((), ("m",))
        assert found.of("-", "c") == ((), ("",))


def test_short_lines_are_empty_values(tmp_path):
    with columns(tmp_path, "id,who\na\n", "who") as found:
        assert found.of("-", "a") == ((), ())


def test_what_is_no_such_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="it has id, who"):
        columns(tmp_path, "id,who\n", "whom")
    with pytest.raises(UsageError, match="UTF-8"):
        columns(tmp_path, "id,wh\u00f6\n", "wh\u00f6", encoding="latin-1")
    with columns(tmp_path, "id,sex\na,f\na,m\n", None, ("sex",)) as found, pytest.raises(UsageError, match="differ"):
        found.of("-", "a")
