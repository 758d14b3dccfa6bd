"""`report.html`: a before/after contact sheet of a run, one file, without any outside link."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.faces.reasons import EXPLANATION, Reason
from p3m_anon.files.atomic import replacing

if TYPE_CHECKING:
    from p3m_anon.files.ledger_rows import Row

MOST_ROWS = 500

STYLE = """
:root { color-scheme: light dark; --card: #fff; --page: #f3f4f6; --ink: #1b1f24; --dim: #5c6570; }
@media (prefers-color-scheme: dark) { :root { --card: #20252b; --page: #14171a; --ink: #e8eaed; --dim: #9aa4af; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
header, main { max-width: 1280px; margin: 0 auto; padding: 0 20px; }
.banner { background: #a4161a; color: #fff; padding: 10px 20px; font-weight: 600; text-align: center; }
h1 { font-size: 24px; margin: 22px 0 4px; } h2 { font-size: 18px; margin: 30px 0 2px; }
p, td { margin: 0 0 8px; } .dim { color: var(--dim); }
.totals { display: flex; flex-wrap: wrap; gap: 10px; margin: 14px 0; padding: 0; list-style: none; }
.totals li { background: var(--card); border-radius: 8px; padding: 8px 16px; }
.totals b { display: block; font-size: 22px; }
.grid { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 14px; margin: 10px 0; }
figure { margin: 0; background: var(--card); border-radius: 8px; padding: 8px; max-width: 600px; }
figure img { display: block; max-width: 100%; border-radius: 4px; }
figcaption { font-size: 13px; padding-top: 6px; overflow-wrap: anywhere; max-width: 560px; }
table { border-collapse: collapse; background: var(--card); border-radius: 8px; width: 100%; }
td { padding: 6px 12px; border-top: 1px solid var(--page); font-size: 14px; overflow-wrap: anywhere; }
.key i { display: inline-block; width: 18px; height: 0; border-top: 3px solid; margin: 0 6px 4px 14px; }
"""


def write_report(file: Path, private: Path, facts: Mapping[str, str], rows: Mapping[str, Iterable[Row]]) -> Path:
    """Write the page.

    file: where to. private: the private folder, whose thumbnails are taken into the page. facts: what
    is said of the run, label -> text. rows: ledger rows by status, the released ones that `is_union` picks under
    `union`; at most MOST_ROWS are shown, those that need a person first.
    """
    with replacing(file, private=True) as stream:
        for part in _parts(private, facts, rows):
            stream.write(part.encode("utf-8", "replace"))
    return file


def is_union(row: Row) -> bool:
    """Whether a released picture has an automatic mask over a face that one look saw alone, or both weakly."""
    if row.status != "accepted" or row.facts.get("status") != "anonymized":
        return False
    alone = (row.facts.get("seen_by") or {}).get("second", 0)  # such a face has no landmarks and is not in `faces`
    return alone > 0 or any(face.get("masked_by") == "union" for face in row.faces)


def _parts(private: Path, facts: Mapping[str, str], rows: Mapping[str, Iterable[Row]]) -> Iterator[str]:
    yield (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>p3m-anon: report</title><style>{STYLE}</style>"
        "<div class=banner>Private: this page contains unblurred faces. Do not publish it.</div>"
        "<header><h1>p3m-anon blur</h1>"
    )
    yield from (f"<p class=dim>{_text(label)}: {_text(value)}</p>" for label, value in facts.items())
    yield (
        "<p class='dim key'>Drawn on the left picture: <i style='color:#3cdc5a'></i>outline as blurred"
        "<i style='color:#ffcd28'></i>a person has to look<i style='color:#50aaff'></i>what the second look saw</p>"
        "</header><main>"
    )
    left = MOST_ROWS
    for status, title, show in (
        ("needs_review", "Waits for review", _review),
        ("failed", "Failed", _table),
        ("unsupported", "Unsupported", _table),
        ("union", "Masked though only one look saw a face", _union),
        ("accepted", "Released", _accepted),
    ):
        shown, more = _take(rows.get(status, ()), left)
        left -= len(shown)
        if shown or more:
            yield f"<h2>{title}</h2>"
            yield from show(private, shown)
            if more:
                yield "<p class=dim>More rows are in the ledger; this page stops at "
                yield f"{MOST_ROWS}.</p>"
    yield "</main></html>"


def _take(rows: Iterable[Row], most: int) -> tuple[list[Row], bool]:
    """The first rows, and whether there are more."""
    taken: list[Row] = []
    for row in rows:
        if len(taken) >= most:
            return taken, True
        taken.append(row)
    return taken, False


def _review(private: Path, rows: list[Row]) -> Iterator[str]:
    """Pictures that wait, grouped by reason."""
    for reason in Reason:
        group = [row for row in rows if row.reason == reason.value]
        if group:
            yield f"<p><b>{reason.value}</b> ({len(group)}): {_text(EXPLANATION[reason])}.</p><div class=grid>"
            yield from (_card(private, row) for row in group)
            yield "</div>"


def _accepted(private: Path, rows: list[Row]) -> Iterator[str]:
    yield "<p class=dim>Left the original, right what lies in the release folder.</p><div class=grid>"
    yield from (_card(private, row) for row in rows)
    yield "</div>"


def _union(private: Path, rows: list[Row]) -> Iterator[str]:
    yield "<p class=dim>Each shows a face that one look saw alone, or that neither look saw surely; it is masked.</p>"
    yield "<div class=grid>"
    yield from (_card(private, row) for row in rows)
    yield "</div>"


def _table(private: Path, rows: list[Row]) -> Iterator[str]:
    yield "<table>"
    yield from (f"<tr><td>{_text(row.path)}<td>{_text(row.detail or '')}" for row in rows)
    yield "</table>"


def _card(private: Path, row: Row) -> str:
    thumbnail = private / "thumbnails" / f"{row.id}.jpg"
    picture = "<p class=dim>no thumbnail</p>"
    if thumbnail.is_file():
        data = base64.b64encode(thumbnail.read_bytes()).decode()
        picture = f"<img loading=lazy alt='' src='data:image/jpeg;base64,{data}'>"
    faces = row.facts.get("faces", len(row.faces))
    said = row.detail or f"{faces} face{'' if faces == 1 else 's'}, {row.facts.get('status', '')}"
    caption = f"{_text(row.path)}<br><span class=dim>{_text(said)}</span>"
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _text(value: str) -> str:
    return html.escape(value)
