"""Strata: classes of what the ledger knows, columns of the user, numbers that ignore the order of rows."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.errors import UsageError
from p3m_anon.files.ledger_rows import Row
from p3m_anon.jobs.split.strata import MOST_VALUES, Strata


def row(faces=1, width=1000, height=800, face=100.0) -> Row:
    facts = {"faces": faces, "width": width, "height": height}
    return Row("a.png", "a", facts=facts, faces=[{"width": face}] if face else [])


def test_classes_of_the_ledger():
    strata = Strata(("faces", "face-size", "picture-size"))
    assert strata.add(row(), ()) == (1, 1, 0)
    assert strata.add(row(faces=7, face=200.0, width=1200, height=1000), ()) == (3, 2, 1)
    assert strata.add(row(faces=0, face=0), ()) == (0, 0, 0)
    assert strata.add(row(faces=0, face=400.0, width=1200, height=9000), ()) == (1, 3, 4)  # a face that may stay
    codes = strata.codes(4)
    assert codes.dtype == np.int64
    assert codes.argsort().tolist() == [2, 0, 3, 1]


def test_the_order_of_rows_does_not_matter():
    values = ["b", "a", "c", "a"]
    codes = []
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        strata = Strata(("hall", "faces"))
        for i in order:
            strata.add(row(faces=i % 2), (values[i],))
        codes.append(dict(zip(order, strata.codes(4).tolist(), strict=True)))
    assert codes[0] == codes[1]
    assert codes[0][1] == codes[0][3]


def test_no_columns_are_one_stratum():
    strata = Strata(())
    strata.add(row(), ())
    assert strata.codes(1).tolist() == [0]


def test_a_column_of_different_values_is_refused():
    strata = Strata(("name",))
    for i in range(MOST_VALUES):
        strata.add(row(), (str(i),))
    strata.add(row(), ("7",))
    with pytest.raises(UsageError, match="into classes"):
        strata.add(row(), ("one more",))
