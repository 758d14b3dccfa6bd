"""The datasheet: filled from facts, sealed, and never over what a person wrote."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest

from p3m_anon.dataset.split_record import SplitRecord
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_facts import FACTS, SEAL, check_seal, read_facts, seal, write_facts
from p3m_anon.files.dataset_rows import MANIFEST, read_rows, write_rows
from p3m_anon.files.dataset_schema import schema_problems
from p3m_anon.files.decisions import Decision, Decisions
from p3m_anon.files.export_source import Unfit
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.sheets import SheetRecord, Sheets
from p3m_anon.jobs.audit.request import AuditFinding
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import LEDGER, blur_folder
from p3m_anon.jobs.manifest.datasheet import SHEET, DatasheetRequest, is_edited, write_datasheet
from p3m_anon.jobs.manifest.known import IN_BULK, read_review
from p3m_anon.jobs.review.desk import ReviewDesk
from tests.files.export_cases import build_dataset
from tests.jobs.audit.record_cases import record_of, summary_of


def audit_of(root, **changes):
    """An audit of the files that this dataset lists."""
    rows = list(read_rows(root / MANIFEST))
    record = record_of(summary_of(AuditFinding("note", "detector", "anna.jpg", "looks like anna"), pictures=4))
    record["scope"]["files"] = sorted(
        {row[key] for row in rows for key in ("image_sha256", "alpha_sha256") if row[key]}
    )
    record["skipped"]["/home/anna/x.onnx"] = 1
    return record | changes


@pytest.fixture
def root(tmp_path):
    return build_dataset(tmp_path / "ds", {"train": ["a", "b"], "P3M-500-P": ["p"], "P3M-500-NP": ["n"]})


def test_it_is_filled_and_sealed(root):
    summary = write_datasheet(DatasheetRequest(root))
    text = (root / SHEET).read_text()
    assert text == summary.text
    for said in (
        "# Datasheet: small 1.2.0",
        "| train | anonymized | 2 |",
        "| P3M-500-NP | normal | 1 |",
        "| width | 40 | 40 | 40 |",
        *("0.3 face widths", "centerface (4)", "mcu (4)", "consent (1).", "CC-BY-4.0", "Trimaps: 4 of 4"),
        *("Faces that were blurred: 3; 0 in 2 pictures, 1 in 1 picture, 2 in 1 picture.", "not an anonymous one"),
    ):
        assert said in text, said
    assert summary.unstated == text.count("not stated") > 5
    assert check_seal(root) == []
    assert SHEET in (root / SEAL).read_text()
    assert json.loads(summary.to_json())["seal_sha256"] == summary.seal


RECORD = SplitRecord(7, {"P3M-500-P": 5, "P3M-500-NP": 0}, True, ("faces", "a|b"), "sub<ject", 8, 3, 2)


@pytest.mark.parametrize(
    ("record", "said", "unsaid"),
    [
        (None, ["near-duplicates into the same one: not stated."], ["seed"]),
        (
            RECORD,
            [
                *(
                    "`p3m-anon split`, seed 7; shares of faces, a\\|b were kept.",
                    "column sub&lt;ject of the maker's list",
                ),
                *("P3M-500-P: 5 asked for, 1 there, as the set was too small for more.", "P3M-500-NP: 0 asked for, 1"),
                *("at most 8 of 64 bits", "make up 3 groups, the largest of 2 pictures."),
            ],
            ["nobody looked", "nobody said which"],
        ),
        (
            replace(RECORD, near_duplicate_bits=None, grouped_by=None, stratified_by=()),
            ["different splits: not stated; nobody looked", "not stated; nobody said which", "seed 7.\n"],
            ["64 bits", "column"],
        ),
    ],
)
def test_it_says_how_the_splits_came_about(root, record, said, unsaid):
    write_facts(root, replace(read_facts(root), split=record))
    seal(root)
    text = write_datasheet(DatasheetRequest(root)).text
    for words in said:
        assert words in text, words
    for words in unsaid:
        assert words not in text, words


def test_a_second_time_gives_the_same_and_a_dry_run_nothing(root):
    first = write_datasheet(DatasheetRequest(root)).text
    before = (root / SEAL).read_bytes()
    assert write_datasheet(DatasheetRequest(root)).text == first
    assert (root / SEAL).read_bytes() == before
    (root / SHEET).unlink()
    assert write_datasheet(DatasheetRequest(root, dry_run=True)).text == first
    assert not (root / SHEET).exists()


@pytest.mark.parametrize("edited", ["mine", "# Datasheet\n\n<!-- p3m-anon datasheet 0 -->\n"])
def test_what_a_person_wrote_stays(root, edited):
    (root / SHEET).write_text(edited)
    assert is_edited(root / SHEET)
    with pytest.raises(UsageError, match="--replace"):
        write_datasheet(DatasheetRequest(root))
    assert (root / SHEET).read_text() == edited
    write_datasheet(DatasheetRequest(root, replace=True))
    assert not is_edited(root / SHEET)
    text = (root / SHEET).read_text()
    (root / SHEET).write_text(text.replace("not stated", "Anna asked them all", 1))
    assert is_edited(root / SHEET)


@pytest.mark.parametrize("file", [MANIFEST, FACTS])
def test_a_change_is_not_sealed_over(root, file):
    (root / file).write_bytes((root / file).read_bytes().replace(b"anonymized", b"anonymizes", 1))
    before = (root / SEAL).read_bytes()
    with pytest.raises((Unfit, UsageError)):
        write_datasheet(DatasheetRequest(root))
    assert (root / SEAL).read_bytes() == before
    assert not (root / SHEET).exists()


def test_no_dataset_no_sheet(root, tmp_path):
    with pytest.raises(UsageError, match="manifest build"):
        write_datasheet(DatasheetRequest(tmp_path))
    (root / FACTS).unlink()
    with pytest.raises(UsageError, match="manifest build"):
        write_datasheet(DatasheetRequest(root))


def test_an_audit_in_numbers_without_names(root, tmp_path):
    file = tmp_path / "audit.json"
    file.write_text(json.dumps(audit_of(root, who="anna")))
    text = write_datasheet(DatasheetRequest(root, audit=file)).text
    for said in (
        "read again: 4; 0 leaks, 0 warnings, 1 note (p3m-anon",
        "Every picture and matte is a file that the audit was of",
        "Detail that is left of 2 faces: 8% median, 10% worst.",
        "Not checked: identity similarity: no embedder",
        "taken out: privacy@example.org.",
    ):
        assert said in text, said
    assert "anna" not in text


def test_an_audit_of_other_files_is_stale(root, tmp_path):
    record = audit_of(root)
    record["scope"]["files"].remove(next(read_rows(root / MANIFEST))["image_sha256"])
    (tmp_path / "audit.json").write_text(json.dumps(record))
    text = write_datasheet(DatasheetRequest(root, audit=tmp_path / "audit.json")).text
    assert "This audit is stale: 1 of 4 pictures" in text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"counts": 1}'])
def test_what_is_no_audit(root, tmp_path, text):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(UsageError, match=r"not an audit\.json"):
        write_datasheet(DatasheetRequest(root, audit=tmp_path / "audit.json"))


def test_what_people_reviewed_in_numbers(root, photos, stub):
    (photos / "film.webp").unlink()
    (photos / "broken.jpg").unlink()
    out = blur_folder(BlurRequest(folder=photos)).out
    private = out.with_name(out.name + ".private")
    with closing(ReviewDesk(out, who="anna-the-reviewer")) as desk:
        shown = desk.picture("empty.png", "todo")
        asked = {"path": "empty.png", "sha256": shown["sha256"], "version": shown["version"]}
        desk.decide({**asked, "verdict": "no_face", "note": "the neighbour's cat"})
        desk.begin_sample(2, seed=1)
    text = write_datasheet(DatasheetRequest(root, release=out)).text
    assert "Pictures that went in: 4 (3 accepted, 1 needs review)." in text
    assert "1 person decided about 1 picture:\n    - 1: no identifiable face; seen by itself" in text
    assert "Smallest faces that were looked for, by size of picture: from 12 px (up to 0.0192 megapixels)." in text
    assert "about 0.0 faces were seen by neither look, estimated (Chapman) from 3 that both" in text
    assert "the estimate is too low." in text
    assert "Sheets of thumbnails" not in text
    assert "1 of these answers have not been carried out yet." in text
    assert "Spot check: not finished, 0 of 2 pictures looked at." in text
    assert "Widths of the faces that were found: " in text
    for secret in ("anna", "neighbour", "empty", str(photos)):
        assert secret not in text
    with closing(ReviewDesk(out, who="ben")) as desk:
        for one in desk.queue("sample", None, 9)["rows"]:
            shown = desk.picture(one["path"], "sample")
            asked = {"path": one["path"], "sha256": shown["sha256"], "version": shown["version"]}
            desk.decide({**asked, "verdict": "covered"})
    blur_folder(BlurRequest(folder=photos))
    with Ledger.copy_of(private / LEDGER) as ledger:
        review = read_review(ledger)
    assert (review.waiting, review.sample_open) == (0, None)
    assert "In a random sample of 2 of 3" in str(review.sample)
    with pytest.raises(UsageError, match="goes with --release"):
        write_datasheet(DatasheetRequest(root, private=private))
    with pytest.raises(UsageError, match="no ledger"):
        write_datasheet(DatasheetRequest(root, release=root))


def test_rows_that_say_little(tmp_path):
    root = build_dataset(tmp_path / "ds", {"train": ["a"]}, ())
    (row,) = read_rows(root / MANIFEST)
    write_rows(root / MANIFEST, [{key: row[key] for key in ("id", "split", "status", "image", "image_sha256")}])
    (root / SEAL).unlink()
    text = write_datasheet(DatasheetRequest(root)).text
    assert "| width | not stated | not stated | not stated |" in text
    assert "Faces in a picture: not stated." in text
    assert "Metadata" not in text


def test_what_people_drew_accepted_and_answered_is_counted_apart(root, photos, stub):
    out = blur_folder(BlurRequest(folder=photos)).out
    private = out.with_name(out.name + ".private")
    answers = {
        "a.png": {"verdict": "mask"},
        "b.png": {"verdict": "mask", "suggested": True, "viewed": "list", "note": f"{IN_BULK}, from a score of 0.4"},
        "sub/c.png": {"verdict": "mask", "note": IN_BULK},
        "empty.png": {"verdict": "no_face", "viewed": "sheet", "sheet": 1},
    }
    with Ledger(private / LEDGER) as ledger:
        for path, said in answers.items():
            Decisions(ledger).record(Decision(path, "0" * 64, **said), "anna", 0)
        # as the version before wrote it
        old = "json_remove(detail, '$.suggested', '$.viewed', '$.sheet')"
        ledger.db.execute(f"UPDATE decisions SET detail = {old} WHERE path = 'sub/c.png'")
        Sheets(ledger).record(SheetRecord("todo", 7.0, 1, 0, True, "accepted"), "anna")
        Sheets(ledger).record(SheetRecord("todo", 3.0, 40, 0, False, "failed"), "anna")
    text = write_datasheet(DatasheetRequest(root, release=out)).text
    for said in (
        "    - 1: a person drew what is blurred; seen by itself",
        "    - 2: a person accepted a suggested mask; nobody drew; seen not on the review page",
        "    - 1: no identifiable face; seen as a thumbnail on a sheet of pictures",
        "- Sheets of thumbnails: 2 handed in, 1 accepted; an accepted sheet was shown for 7 s (median).",
        "answered nothing:\n  that happened 1 time.",
    ):
        assert said in text, said


def test_how_people_saw_the_pictures_of_the_dataset(root):
    rows = list(read_rows(root / MANIFEST))
    rows[0] |= {"status": "anonymized_suggested", "viewed": "list"}
    rows[3] |= {"viewed": "singly"}
    assert not schema_problems("row", rows[0])
    write_rows(root / MANIFEST, rows)
    seal(root)
    text = write_datasheet(DatasheetRequest(root)).text
    assert "| train | anonymized_suggested | 1 | blurred by a mask that was suggested" in text
    assert "decided about: by itself (1), as a thumbnail on a sheet of pictures (0), not on the review page" in text
