"""`report.html` of a study: the tables, the gaps, plots, the worst pictures, and where each number comes from."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from p3m_anon.evaluation.grids import Grid, GridCell
from p3m_anon.files.atomic import replacing
from p3m_anon.reports.page import STYLE
from p3m_anon.reports.study_strips import Tile

_STYLE = """
header, main { max-width: 1440px; } main { padding-bottom: 40px; }
.wide { overflow-x: auto; margin: 10px 0; border-radius: 8px; } .wide table { border-radius: 0; }
th { text-align: right; font-weight: 600; padding: 6px 7px; font-size: 13px; white-space: nowrap; }
th.label, .sources th { text-align: left; } th[colspan] { text-align: center; }
.grid-table td { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; padding: 2px 7px;
border-top: 0; font-size: 13px; }
.grid-table tr.first td { border-top: 1px solid var(--page); padding-top: 7px; }
.grid-table td.label { text-align: left; } .grid-table td:first-child { position: sticky; left: 0;
background: var(--card); font-weight: 600; } td.ours a, td.label a { color: inherit;
text-decoration: underline dotted var(--dim); }
td small { font-size: 11px; color: var(--dim); } td.paper, td.difference, td.dim { color: var(--dim); }
td.state { text-align: center !important; font-style: italic; color: var(--dim); }
td.edge, th.edge { padding-left: 18px; }
.sources td { white-space: nowrap; font-size: 13.5px; } .sources td:last-child { white-space: normal; min-width: 14em; }
tr:target { outline: 2px solid #0072b2; outline-offset: -2px; } a { color: #0a68b8; }
@media (prefers-color-scheme: dark) { a { color: #6fb3f2; } }
ol.notes { margin: 6px 0 14px; padding-left: 28px; font-size: 13.5px; overflow-wrap: anywhere; }
ul.said { padding-left: 20px; margin: 8px 0; } figure.plot { max-width: 100%; margin: 0 0 14px; }
.plot figcaption { max-width: none; }
.worst { background: var(--card); border-radius: 8px; padding: 10px 14px 14px; margin: 12px 0; }
.worst h3 { margin: 0 0 8px; font-size: 15px; overflow-wrap: anywhere; }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; }
.tiles figure { padding: 0; width: 150px; } .tiles img { width: 150px; outline: 1px solid var(--dim); }
.tiles figcaption { padding-top: 3px; }
.none { height: 90px; background: var(--page); border-radius: 4px; display: flex; align-items: center;
justify-content: center; font-size: 13px; } summary { cursor: pointer; margin: 12px 0; }
"""


@dataclass(frozen=True)
class Plot:
    """A PNG that is shown. name: of its file. said: below it."""

    name: str
    said: str
    png: bytes


@dataclass(frozen=True)
class Worst:
    """A picture that the methods find hard: its id, what its mean figure is, and the mattes."""

    id: str
    figure: str
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class SourceLine:
    """A cell of the study. name: what `GridCell.source` calls it. run: its folder as seen from the page, or ""."""

    name: str
    cells: Sequence[str]
    run: str
    run_text: str


@dataclass(frozen=True)
class StudyPage:
    """What the page shows.

    said: sentences. tables: the main one, then others that are folded up. missing: what is not drawn, and why.
    shows_clear_faces: then the page says so, and is for its owner only.
    """

    title: str
    said: Sequence[str]
    table: Grid
    gaps: Grid | None
    no_gaps: str
    others: Sequence[Grid]
    plots: Sequence[Plot]
    missing: Sequence[str]
    worst: Sequence[Worst]
    worst_said: str
    source_titles: Sequence[str]
    sources: Sequence[SourceLine]
    shows_clear_faces: bool


def write_study_page(file: Path, page: StudyPage) -> Path:
    """Write the page; one file, without any outside link but those to the run folders."""
    with replacing(file, private=page.shows_clear_faces) as stream:
        for part in _parts(page):
            stream.write(part.encode("utf-8", "replace"))
    return file


def _parts(page: StudyPage) -> Iterator[str]:
    yield (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>p3m-anon: {_text(page.title)}</title><style>{STYLE}{_STYLE}</style>"
    )
    if page.shows_clear_faces:
        yield "<div class=banner>Private: this page contains unblurred faces. Do not publish it.</div>"
    yield f"<header><h1>{_text(page.title)}</h1><ul class=said>"
    yield from (f"<li>{_text(line)}." for line in page.said)
    yield "</ul></header><main>"
    anchors = _anchors(page.sources)
    yield f"<h2>{_text(page.table.title)}</h2>"
    yield "<p class=dim>SAD and CONN in thousands, GRAD in tens, as in the paper; less is better. A number leads to "
    yield "the run folders that it comes from.</p>"
    yield from _grid(page.table, anchors)
    yield "<h2>Gaps of privacy-preserving training</h2>"
    if page.gaps is not None:
        yield "<p class=dim>Trained on : tested on, B blurred, N normal. Above 0, the first protocol is worse; over "
        yield "several seeds, the mean and spread of each seed's own gap.</p>"
        yield from _grid(page.gaps, anchors)
    else:
        yield f"<p class=dim>{_text(page.no_gaps)}</p>"
    yield from _plots(page)
    yield from _worst(page)
    for grid in page.others:
        yield f"<details><summary>{_text(grid.title)}</summary>"
        yield from _grid(grid, anchors)
        yield "</details>"
    yield from _sources(page, anchors)
    yield "</main></html>"


def _grid(grid: Grid, anchors: dict[str, str]) -> Iterator[str]:
    yield "<div class=wide><table class=grid-table>"
    for head in grid.heads:
        yield "<tr>" + "".join(_cell(cell, column, grid, {}, "th") for cell, column in _placed(head))
    for line in grid.lines:
        yield "<tr class=first>" if line[0].text else "<tr>"
        yield "".join(_cell(cell, column, grid, anchors, "td") for cell, column in _placed(line))
    yield "</table></div>"
    if grid.notes:
        yield "<ol class=notes>"
        yield from (f"<li>{_text(note)}" for note in grid.notes)
        yield "</ol>"


def _placed(line: Sequence[GridCell]) -> Iterator[tuple[GridCell, int]]:
    column = 0
    for cell in line:
        yield cell, column
        column += cell.span


def _cell(cell: GridCell, column: int, grid: Grid, anchors: dict[str, str], tag: str) -> str:
    label = column < grid.labels
    classes = [*(["label"] if label else []), *([cell.kind] if cell.kind != "label" else [])]
    classes += ["dim"] if label and cell.text in ("paper", "difference") else []
    classes += ["edge"] if column in _edges(grid) else []
    span = f" colspan={cell.span}" if cell.span > 1 else ""
    mean, sign, spread = _text(cell.text).partition(" ± ")
    shown = f"{mean}<small>{sign}{spread}</small>" if sign and cell.kind == "ours" else _text(cell.text)
    if cell.source in anchors and cell.kind in ("ours", "label"):
        shown = f"<a href='#{anchors[cell.source]}'>{shown}</a>"
    marks = f"<sup>{', '.join(map(str, cell.notes))}</sup>" if cell.notes else ""
    return f"<{tag}{span}{' class=' + repr(' '.join(classes)) if classes else ''}>{shown}{marks}"


def _edges(grid: Grid) -> set[int]:
    """Columns where a block begins."""
    return {column for cell, column in _placed(grid.heads[0]) if cell.span > 1}


def _plots(page: StudyPage) -> Iterator[str]:
    yield "<h2>Plots</h2>"
    yield from (f"<p class=dim>{_text(line)}</p>" for line in page.missing)
    for plot in page.plots:
        data = base64.b64encode(plot.png).decode()
        yield f"<figure class=plot><img loading=lazy alt='{_text(plot.said)}' src='data:image/png;base64,{data}'>"
        yield f"<figcaption>{_text(plot.said)}</figcaption></figure>"


def _worst(page: StudyPage) -> Iterator[str]:
    yield f"<h2>The hardest pictures</h2><p class=dim>{_text(page.worst_said)}</p>"
    for one in page.worst:
        yield f"<div class=worst><h3>{_text(one.id)} <span class=dim>{_text(one.figure)}</span></h3><div class=tiles>"
        yield from map(_tile, one.tiles)
        yield "</div></div>"


def _tile(tile: Tile) -> str:
    data = base64.b64encode(tile.jpeg).decode()
    shown = "<div class=none>no picture</div>"
    if tile.jpeg:
        shown = f"<img loading=lazy alt='' src='data:image/jpeg;base64,{data}'>"
    figure = _text(tile.figure).replace("\n", "<br>")
    said = f"{_text(tile.title)}<br><span class=dim>{figure}</span>"
    return f"<figure>{shown}<figcaption>{said}</figcaption></figure>"


def _sources(page: StudyPage, anchors: dict[str, str]) -> Iterator[str]:
    yield "<h2>Where each number comes from</h2><div class=wide><table class=sources><tr>"
    yield from (f"<th>{_text(title)}" for title in page.source_titles)
    named: set[str] = set()
    for line in page.sources:
        mark = f" id={anchors[line.name]}" if line.name not in named else ""
        named.add(line.name)
        run = f"<a href='{quote(line.run)}'>{_text(line.run_text)}</a>" if line.run else "-"
        cells = [*map(_text, line.cells[:-1]), run, _text(line.cells[-1])]
        yield f"<tr{mark}>" + "".join(f"<td>{cell}" for cell in cells)
    yield "</table></div>"


def _anchors(sources: Sequence[SourceLine]) -> dict[str, str]:
    """Names hold anything, so anchors are numbers."""
    names = dict.fromkeys(line.name for line in sources)
    return {name: f"s{number}" for number, name in enumerate(names, 1)}


def _text(value: str) -> str:
    return html.escape(value)
