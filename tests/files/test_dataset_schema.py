"""Our checks and `jsonschema` judge alike; the schema has the fields that rows have."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from p3m_anon.dataset.integrity import row_discrepancies
from p3m_anon.dataset.rows import KEYS, OPTIONAL, SPLITS
from p3m_anon.dataset.split_record import SplitRecord
from p3m_anon.files.dataset_facts import FACTS_VERSION, DatasetFacts
from p3m_anon.files.dataset_schema import schema, schema_problems
from p3m_anon.files.decisions import BASES

ROW = {
    **dict.fromkeys(KEYS),
    **{"id": "a", "split": "train", "status": "anonymized", "image": "train/blurred_image/a.jpg", "faces": 1},
    **{"image_sha256": "0" * 64, "alpha": "train/mask/a.png", "alpha_sha256": "1" * 64, "width": 4, "height": 3},
    **{"detector": "stub", "profile": "p3m", "fidelity": "mcu", "settings_digest": "0" * 16},
}
ROW = {key: value for key, value in ROW.items() if key not in OPTIONAL}
FACTS = json.loads(
    DatasetFacts(
        counts={"train": {"normal": 1}},
        settings=({"digest": "0" * 16, "blur": None},),
        split=SplitRecord(7, {"P3M-500-P": 1, "P3M-500-NP": 0}, True, ("faces",), None, 8, 1, 1),
    ).to_json()
)


def test_the_schemas_are_schemas_and_name_our_fields():
    for name in ("row", "dataset"):
        Draft202012Validator.check_schema(schema(name))
    assert tuple(schema("row")["properties"]) == KEYS
    assert set(schema("row")["required"]) == set(KEYS) - OPTIONAL
    assert tuple(schema("dataset")["properties"]) == tuple(FACTS) == (*schema("dataset")["required"], "split")
    assert tuple(schema("dataset")["$defs"]["split"]["properties"]) == tuple(FACTS["split"])
    assert tuple(schema("dataset")["$defs"]["split"]["required"]) == tuple(FACTS["split"])
    assert schema("dataset")["properties"]["schema_version"]["enum"] == [1, FACTS_VERSION]
    assert schema("row")["properties"]["split"]["enum"] == [*SPLITS, None]
    assert set(BASES) | {"stated_by_publisher", None} == set(schema("row")["properties"]["release_basis"]["enum"])


def test_good_ones_have_no_problems():
    assert schema_problems("row", ROW) == []
    assert schema_problems("dataset", FACTS) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": ""}, "id is shorter than 1"),
        ({"split": "test"}, "split must be one of train, P3M-500-P, P3M-500-NP, null"),
        ({"image": "/a.jpg"}, "image has not the form"),
        ({"image": "train/../a.jpg"}, "image has not the form"),
        ({"image": "a\\b.jpg"}, "image has not the form"),
        ({"image_sha256": "A" * 64}, "image_sha256 has not the form"),
        ({"alpha": 3, "alpha_sha256": None}, "alpha must be string"),
        ({"alpha": None}, "alpha_sha256 must be null"),
        ({"alpha_sha256": None}, "alpha_sha256 must be string"),
        ({"trimap": "t.png"}, "trimap_sha256 is missing, but there is trimap"),
        ({"width": 0}, "width must be at least 1"),
        ({"width": True}, "width must be integer"),
        ({"faces": 1.5}, "faces must be integer or null"),
        ({"status": "normal"}, "release_basis must be string"),
        ({"source_sha256": "0"}, 'unknown field "source_sha256"'),
    ],
)
def test_a_problem_is_named(change, problem):
    problems = schema_problems("row", ROW | change)
    assert len(problems) == 1, problems
    assert problems[0].startswith(problem)


def test_problems_deep_inside_say_where():
    wrong = FACTS | {"counts": {"train": {"normal": "1"}}, "settings": [{"digest": "x", "blur": 3}]}
    found = schema_problems("dataset", wrong)
    assert 'counts.train.normal must be integer, not "1"' in found
    assert "settings[0].blur must be object or null, not 3" in found
    assert schema_problems("row", []) == [" must be object, not a list"]
    del (missing := dict(ROW))["license"]
    assert schema_problems("row", missing) == ["license is missing"]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
PATHS = ("..", "a/../b", "a/..", "a..b", "..\n", "\n..", "a\n/../b", "a\0b", "a//b")
DIGESTS = ("0" * 64, "0" * 63 + "\n", "0" * 64 + "\n", "0" * 16)
WORDS = ("train", "normal", "no_face", "p3m", "consent", "stated_by_publisher")
LIKELY = st.sampled_from([*PATHS, *DIGESTS, *WORDS, 1, 1.0, 0, -1, True, None])


def changed(whole):
    keys = st.sampled_from([*whole, *KEYS, "other"])
    return st.tuples(st.dictionaries(keys, ANY | LIKELY, max_size=4), st.sets(st.sampled_from(list(whole)), max_size=2))


@settings(deadline=None, max_examples=500)
@given(changed(ROW))
def test_rows_are_judged_as_jsonschema_does(change):
    row = {key: value for key, value in (ROW | change[0]).items() if key not in change[1]}
    assert (schema_problems("row", row) == []) == Draft202012Validator(schema("row")).is_valid(row)


@settings(deadline=None, max_examples=300)
@given(changed(FACTS["split"]), st.sampled_from([1, 2, 3]), st.booleans())
def test_records_of_a_split_are_judged_as_jsonschema_does(change, version, there):
    record = {key: value for key, value in (FACTS["split"] | change[0]).items() if key not in change[1]}
    facts = FACTS | {"schema_version": version, "split": record}
    if not there:
        del facts["split"]
    assert (schema_problems("dataset", facts) == []) == Draft202012Validator(schema("dataset")).is_valid(facts)


@settings(deadline=None, max_examples=300)
@given(changed(FACTS), st.dictionaries(st.sampled_from([*SPLITS, "unsplit", "x"]), ANY | LIKELY, max_size=2), ANY)
def test_facts_are_judged_as_jsonschema_does(change, counts, setting):
    facts = FACTS | {"counts": counts, "settings": [setting]} | change[0]
    assert (schema_problems("dataset", facts) == []) == Draft202012Validator(schema("dataset")).is_valid(facts)


def test_no_row_that_passes_is_a_leak():
    for status in ("normal", "no_face"):
        assert row_discrepancies(ROW | {"status": status, "release_basis": "consent"}) == []


def test_rows_are_judged_quickly():
    start = time.process_time()
    for _ in range(2000):
        schema_problems("row", ROW)
    assert time.process_time() - start < 1.0
