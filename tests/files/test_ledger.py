"""The ledger: ids, rows, events, migrations."""

import sqlite3

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.files.ledger import Ledger, Output, Row, Source
from p3m_anon.files.ledger_schema import MIGRATIONS


def stem_id(path, shared):
    stem, _, ending = path.rpartition(".")
    return f"{stem}_{ending}" if shared else stem


def inputs(*paths):
    return [(path, path.rpartition(".")[0]) for path in paths]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "ledger.sqlite"


def full_row(path, name):
    return Row(
        path,
        name,
        status="accepted",
        digest="d",
        facts={"width": 3},
        faces=[{"box": [1, 2, 3, 4]}],
        phash="00ff",
        timings={"decode": 1.5},
        versions={"p3m_anon": "x"},
        sources=(Source("image", "/x/a.jpg", 5, 6, "s"),),
        outputs=(Output("image", "blurred_image/a.jpg", 7, "o"),),
    )


def test_a_row_comes_back_as_it_was_written(file):
    with Ledger(file) as ledger:
        ledger.register(inputs("a.jpg"), stem_id)
        ledger.record(full_row("a.jpg", "a"))
    with Ledger(file) as ledger:
        assert ledger.row("a.jpg") == full_row("a.jpg", "a")


def test_files_that_differ_only_in_their_ending_keep_it_in_their_id(file):
    with Ledger(file) as ledger:
        assert ledger.register(inputs("a.jpg", "a.png", "b.jpg"), stem_id) == 3
        assert [row.id for row in ledger.rows()] == ["a_jpg", "a_png", "b"]


@pytest.mark.parametrize(
    "twins", [("A.jpg", "a.jpg"), ("stra\u00dfe.jpg", "STRASSE.jpg"), ("e\u0301.jpg", "\u00e9.jpg")]
)
def test_ids_that_a_file_system_may_confuse_are_refused_before_anything_is_noted(file, twins):
    with Ledger(file) as ledger:
        with pytest.raises(UsageError, match="the same id"):
            ledger.register(inputs("c.jpg", *twins), lambda path, _: path.rpartition(".")[0])
        assert list(ledger.rows()) == []


def test_an_input_that_is_gone_gives_its_id_back(file):
    with Ledger(file) as ledger:
        ledger.register(inputs("a.jpg"), stem_id)
    with Ledger(file) as ledger:
        ledger.register(inputs("a.png"), stem_id)
        assert [row.id for row in ledger.rows()] == ["a"]
        assert [row.path for row in ledger.rows(gone=True)] == ["a.jpg"]
        ledger.forget("a.jpg")
        assert list(ledger.rows(gone=True)) == []


def test_rows_come_in_pages_in_path_order(file):
    paths = [f"{i:03}.jpg" for i in range(25)]
    with Ledger(file) as ledger:
        ledger.register(inputs(*reversed(paths)), stem_id)
        assert [row.path for row in ledger.rows(page=7)] == paths
        assert ledger.counts() == {"pending": 25}


def test_events_are_kept_and_say_what_was_before(file):
    with Ledger(file, who="me") as ledger:
        ledger.register(inputs("a.jpg"), stem_id)
        ledger.record(full_row("a.jpg", "a"))
        ledger.record(Row("a.jpg", "a", status="needs_review", reason="profile"))
        assert ledger.reasons() == {"profile": 1}
    db = sqlite3.connect(file)
    events = db.execute("SELECT who, what, previous FROM events ORDER BY n").fetchall()
    assert events[0][:2] == ("me", "blur: accepted")
    assert '"accepted"' in events[1][2]
    for change in ("DELETE FROM events", "UPDATE events SET who = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(change)


def test_a_recorded_row_replaces_sources_and_outputs(file):
    with Ledger(file) as ledger:
        ledger.register(inputs("a.jpg"), stem_id)
        ledger.record(full_row("a.jpg", "a"))
        ledger.record(Row("a.jpg", "a", status="failed", detail="x"))
        row = ledger.row("a.jpg")
        assert row.sources == row.outputs == ()
        assert row.digest is None


def test_companions_are_found_by_stem_whatever_their_unicode_form(file):
    with Ledger(file) as ledger:
        ledger.companions([("alpha", "e\u0301", "/m/1.png"), ("alpha", "b", "/m/2.png"), ("alpha", "b", "/m/b.tif")])
        assert ledger.beside("\u00e9") == {"alpha": ["/m/1.png"]}
        assert ledger.beside("b") == {"alpha": ["/m/2.png", "/m/b.tif"]}
        assert ledger.has_companions("alpha")
        assert not ledger.has_companions("landmarks")


def test_a_copy_leaves_the_file_alone(file, tmp_path):
    with Ledger(file) as ledger:
        ledger.register(inputs("a.jpg"), stem_id)
        ledger.record(full_row("a.jpg", "a"))
    before = file.read_bytes()
    with Ledger.copy_of(file) as copy:
        copy.register(inputs("a.jpg", "b.jpg"), stem_id)
        assert copy.row("a.jpg") == full_row("a.jpg", "a")
    assert file.read_bytes() == before
    with Ledger.copy_of(tmp_path / "none.sqlite") as copy:
        assert copy.counts() == {}
    assert not (tmp_path / "none.sqlite").exists()


def test_a_newer_schema_is_refused(file):
    Ledger(file).close()
    db = sqlite3.connect(file)
    db.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(UsageError, match="newer"):
        Ledger(file)


def test_the_ledger_is_readable_by_its_owner_only(file):
    Ledger(file).close()
    assert file.stat().st_mode & 0o077 == 0
