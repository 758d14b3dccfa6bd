"""What `blur` prints of a run."""

from __future__ import annotations

import json
from pathlib import Path

from p3m_anon.commands.progress import Reporter
from p3m_anon.files.searched import Searched
from p3m_anon.jobs.blur.request import Summary


def concluded(capsys, summary, **more):
    Reporter().conclude(summary, **more)
    return capsys.readouterr().out


def summary(**more):
    return Summary(Path("out"), Path("out.private"), inputs=5, second="yunet", detector="centerface", **more)


def test_the_end_names_the_second_look_and_the_smallest_faces(capsys):
    said = concluded(capsys, summary(searched=Searched(12.0, 8_000_000, 21.0, 24_000_000)))
    assert "second look: yunet\n" in said
    assert "faces looked for: from 12 px (up to 8 megapixels) to 21 px (24 megapixels)\n" in said
    assert "recall" not in said
    assert "faces looked for" not in concluded(capsys, summary())


def test_recalled_pictures_are_one_line_with_the_command_that_takes_them_out(capsys):
    (line,) = (
        line
        for line in concluded(capsys, summary(recalled=2, recall=Path("out.private/recall.txt"))).splitlines()
        if "recall.txt" in line
    )
    assert line.startswith("2 released pictures had a clear face, or wait for review again")
    assert "p3m-anon withdraw --release out --list out.private/recall.txt --root DATASET" in line


def test_an_older_release_is_announced_first(capsys):
    older = summary(outdated=4, outdated_released=3)
    line = "4 pictures judged by another version or with other settings: looked at again (3 of them released)"
    with Reporter() as reporter:
        reporter.start(older)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("5 pictures; detector centerface, second look yunet; ")
    assert second == line
    assert line in concluded(capsys, older, dry_run=True)


def test_json_has_the_same_figures(capsys):
    said = json.loads(summary(searched=Searched(12.0, 100, 12.0, 100), recall=Path("r"), recalled=1).to_json())
    assert said["searched"] == {
        "narrowest": 12.0,
        "narrowest_in": 100,
        "widest": 12.0,
        "widest_in": 100,
        "unsearched": 0,
    }
    assert (said["second"], said["recall"], said["recalled"]) == ("yunet", "r", 1)
    assert json.loads(summary().to_json())["searched"] is None
