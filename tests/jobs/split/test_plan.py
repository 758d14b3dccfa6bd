"""The plan: there whole or not at all, unique ids, read in the order of the manifest."""

from __future__ import annotations

import sqlite3

import pytest

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.jobs.split.plan import Picture, Plan


def picture(name: str, split="train", path=None, status="anonymized") -> Picture:
    row = {"id": name, "status": status, "settings_digest": "d" * 16}
    return Picture(name, split, "release", path or f"{name}.png", name, row, "b", 1, "m", 1, None, None, None, 0)


def test_what_is_written_is_read_by_split_and_id(tmp_path):
    given = [picture("c", "P3M-500-P"), picture("b"), picture("a"), picture("d", "P3M-500-NP", status="normal")]
    with Plan.write(tmp_path / "plan", given, {"inputs": "x"}) as plan:
        assert [one.id for one in plan.pictures()] == ["a", "b", "c", "d"]
        assert next(plan.pictures()) == picture("a")
        assert plan.counts()["P3M-500-NP"] == {"normal": 1}
        assert plan.digests() == ["d" * 16]
        assert (plan.fact("inputs"), plan.fact("finished")) == ("x", None)
        plan.note("finished", "yes")
    with Plan(tmp_path / "plan") as plan:
        assert plan.fact("finished") == "yes"
    assert (tmp_path / "plan").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("twins", [("a", "A"), ("caf\u00e9", "cafe\u0301")])
def test_two_pictures_with_one_id_are_refused_and_nothing_is_there(tmp_path, twins):
    given = [picture(name, path=f"{number}.png") for number, name in enumerate(twins)]
    with pytest.raises(UsageError, match=r"release: 0.png and release: 1.png"):
        Plan.write(tmp_path / "plan", given, {})
    assert not (tmp_path / "plan").exists()
    Plan.write(tmp_path / "plan", given[:1], {}).close()  # what was left does not stand in the way
    assert [one.name for one in tmp_path.iterdir()] == ["plan"]


def test_what_is_no_plan_is_not_used(tmp_path):
    (tmp_path / "plan").write_text("no plan, certainly not one that SQLite would take")
    with pytest.raises(Stopped):
        Plan(tmp_path / "plan")
    with sqlite3.connect(tmp_path / "newer") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(UsageError, match="plan 99"):
        Plan(tmp_path / "newer")
