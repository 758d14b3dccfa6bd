"""The report of a study: everything is made first, and then written, in four formats."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from p3m_anon.errors import P3MError
from p3m_anon.evaluation.rows import EvalRow, read_csv
from p3m_anon.evaluation.tables import PLACES, TITLES
from p3m_anon.files.atomic import remove_leftovers, write_bytes
from p3m_anon.jobs.eval.record import read_panels
from p3m_anon.jobs.study.plots import plots_of
from p3m_anon.reports.study_page import SourceLine, StudyPage, Worst, write_study_page
from p3m_anon.reports.study_strips import Made, strip, tiles
from p3m_anon.studies import latex, long_table, markdown
from p3m_anon.studies.gaps import Gap, gaps, gaps_grid
from p3m_anon.studies.layout import Layout, paper_layout, plain_layout
from p3m_anon.studies.results import ROWS, Result, present, published
from p3m_anon.studies.sentences import sentences
from p3m_anon.studies.sources import TITLES as SOURCE_TITLES
from p3m_anon.studies.sources import Source, sources
from p3m_anon.studies.study import Study
from p3m_anon.studies.table_text import table_grid
from p3m_anon.studies.worst import Hard, hardest, metric_of, shown

REPORT, PAGE, MARKDOWN = "report", "report.html", "report.md"
WORST = 6
UP = "../../"  # from the report to the store
NO_GAPS = "None: no method was tested on the same pictures after training on blurred and after training on normal ones"
_OWN = re.compile(  # what a report may have written
    r"tables/(table[1-5]|all_metrics|gaps)\.(csv|tex)|plots/(bars|slopes|from_blurred_to_normal)_[a-z_]+\.png|worst/\d+\.jpg"
)
PRIVATE = "**Private: this report shows unblurred faces. Do not publish it.**"


@dataclass
class ReportSummary:
    """What was written. cells: of the study by state. files: relative to `folder`. hardest: pictures, worst first."""

    study: str
    title: str
    folder: str
    cells: dict[str, int]
    files: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    contaminated: list[str] = field(default_factory=list)
    hardest: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    shows_clear_faces: bool = False

    def to_json(self) -> str:
        """All of it, for other programs."""
        return json.dumps(vars(self), sort_keys=True)


def write_report(study: Study, found: Sequence[Result], store: Path, unfounded: Sequence[str] = ()) -> ReportSummary:
    """Write STORE/<study>/report/ anew.

    unfounded: methods that were trained without their ImageNet weights. Files of an earlier report that do not belong
    any more are removed; others in the folder stay. Raises UsageError for
    a run folder whose rows cannot be read, Stopped when the disk does not take it.
    """
    return _Report(study, found, store, unfounded).write()


class _Report:
    """Everything of one report; nothing is written before all is made."""

    def __init__(self, study: Study, results: Sequence[Result], store: Path, unfounded: Sequence[str]) -> None:
        self.study, self.results, self.store = study, results, store
        self.folder = store / study.name / REPORT
        plain = plain_layout(study, results)
        self.layouts = [paper_layout(study, results), plain] if study.table else [plain]
        self.sources = sources(results)
        self.said = sentences(study, results, unfounded)
        self.gaps, self.gap_layout = _gaps(self.layouts)
        self.shown = shown(results)
        self.metric = metric_of(one.method for one in self.shown or results)
        headline = self.layouts[0].metrics[0] if study.table else self.metric
        self.plots, self.missing = plots_of(self.layouts[0], headline)
        self.unshown: list[str] = []
        self.worst = list(self._worst())
        self.clear = bool(self.worst) and self.shown[0].test.pictures == "N"

    def write(self) -> ReportSummary:
        """The index pages go first and come last: while they are there, all that they show is of one report."""
        files = dict(self._files())
        for name in (PAGE, MARKDOWN):
            (self.folder / name).unlink(missing_ok=True)
        self._remove(files)
        for name, data in files.items():
            write_bytes(self.folder / name, data, private=self.clear and name.startswith("worst/"))
        write_bytes(self.folder / MARKDOWN, self._markdown().encode("utf-8", "replace"))
        write_study_page(self.folder / PAGE, self._page())
        flags = dict.fromkeys(f"{one.method}: {flag}" for one in self.results for flag in one.flags)
        return ReportSummary(
            study=self.study.name,
            title=self.study.title,
            folder=str(self.folder),
            cells=dict(Counter(one.state for one in self.results)),
            files=[PAGE, MARKDOWN, *files],
            said=self.said,
            contaminated=list(flags),
            hardest=[one.id for one in self.worst],
            missing=[*self.missing, *self.unshown],
            shows_clear_faces=self.clear,
        )

    def _remove(self, kept: dict[str, bytes]) -> None:
        remove_leftovers(self.folder)
        for old in self.folder.glob("*/*"):
            name = old.relative_to(self.folder).as_posix()
            if _OWN.fullmatch(name) and name not in kept:
                old.unlink()

    def _files(self) -> Iterator[tuple[str, bytes]]:
        for layout in self.layouts:
            grid = table_grid(layout)
            yield f"tables/{grid.name}.csv", long_table.table(layout).encode("utf-8", "replace")
            yield f"tables/{grid.name}.tex", latex.table(grid, self.sources).encode("utf-8", "replace")
        if self.gaps:
            grid = gaps_grid(self.gap_layout, self.gaps)
            yield "tables/gaps.csv", long_table.gap_table(self.gaps, self.gap_layout).encode("utf-8", "replace")
            yield "tables/gaps.tex", latex.table(grid, self.sources).encode("utf-8", "replace")
        yield from ((f"plots/{plot.name}.png", plot.png) for plot in self.plots)
        for number, one in enumerate(self.worst, 1):  # ids are no file names
            yield f"worst/{number}.jpg", strip(f"{one.id}: {one.figure}", one.tiles)

    def _worst(self) -> Iterator[Worst]:
        there = present(self.results, self.shown[0].test) if self.shown else frozenset()
        rows = {one.method: self._rows(one, there) for one in self.shown}
        found = hardest(rows, self.metric, WORST)
        panels = {one.method: self._panels(one, found) for one in self.shown}
        titles = {entry.method: entry.title for layout in self.layouts[::-1] for entry in layout.entries}
        for hard in found:
            made = [
                Made(titles[one.method], self._of(one, hard), panels[one.method].get(hard.id, b""))
                for one in self.shown
            ]
            yield Worst(hard.id, f"mean {self._figure(hard.mean)}", tiles(made))

    def _rows(self, result: Result, there: frozenset[str]) -> list[EvalRow]:
        """Without pictures that the study's own cells have no more: they may be withdrawn."""
        rows = read_csv(self.store / result.run / ROWS)
        return [row for row in rows if row.id in there] if there else list(rows)

    def _of(self, result: Result, hard: Hard) -> str:
        figure = self._figure(hard.figures.get(result.method))
        return f"{figure}\ncontaminated" if result.flags else figure

    def _panels(self, result: Result, found: Sequence[Hard]) -> dict[str, bytes]:
        try:
            return read_panels(self.store / result.run, [hard.id for hard in found])
        except P3MError as error:  # the numbers are in rows.csv
            why = published(str(error), self.store)
            self.unshown.append(f"The mattes of {result.method} are not shown: {why}")
            return {}

    def _figure(self, value: float | None) -> str:
        return "no score" if value is None else f"{TITLES[self.metric]} {value:.{PLACES.get(self.metric, 2)}f}"

    def _worst_said(self) -> str:
        if not self.worst:
            return "None yet: no run has been scored."
        trained = dict.fromkeys(one.trained_on for one in self.shown)
        kinds = [_TRAINED[one] for one in ("B", "N", "X", "") if one in trained]
        return " ".join(
            [
                f"The pictures of {self.shown[0].test} with the largest mean {TITLES[self.metric]} over the methods: "
                f"image, ground truth, and one run of each method ({', '.join(kinds)}; first seed).",
                *(f"{line}." for line in self.unshown),
            ]
        )

    def _markdown(self) -> str:
        grid, *others = map(table_grid, self.layouts)
        parts = [PRIVATE] if self.clear else []
        parts += [f"# {markdown.escaped(self.study.title)}", "\n".join(f"- {markdown.escaped(s)}." for s in self.said)]
        parts += [f"## {markdown.escaped(grid.title)}", markdown.table(grid), "## Gaps of privacy-preserving training"]
        parts.append(markdown.table(gaps_grid(self.gap_layout, self.gaps)) if self.gaps else f"{NO_GAPS}.")
        parts += ["## Plots", *(f"{markdown.escaped(line)}." for line in self.missing)]
        parts += [f"![{markdown.escaped(plot.said)}](plots/{plot.name}.png)" for plot in self.plots]
        parts += ["## The hardest pictures", markdown.escaped(self._worst_said())]
        for number, one in enumerate(self.worst, 1):
            parts.append(f"![{markdown.escaped(f'{one.id}: {one.figure}')}](worst/{number}.jpg)")
        for other in others:
            parts += [f"## {markdown.escaped(other.title)}", markdown.table(other)]
        parts += ["## Where each number comes from", markdown.source_table(self.sources, UP)]
        return "\n\n".join(parts)

    def _page(self) -> StudyPage:
        grid, *others = map(table_grid, self.layouts)
        return StudyPage(
            title=self.study.title,
            said=self.said,
            table=grid,
            gaps=gaps_grid(self.gap_layout, self.gaps) if self.gaps else None,
            no_gaps=f"{NO_GAPS}.",
            others=others,
            plots=self.plots,
            missing=[f"{line}." for line in self.missing],
            worst=self.worst,
            worst_said=self._worst_said(),
            source_titles=SOURCE_TITLES,
            sources=[_source_line(one, self.store) for one in self.sources],
            shows_clear_faces=self.clear,
        )


_TRAINED = {"B": "trained on blurred", "N": "trained on normal", "X": "training not known", "": "not trained"}


def _gaps(layouts: Sequence[Layout]) -> tuple[list[Gap], Layout]:
    """From the paper's table where it has both trainings, else from the one of all metrics."""
    for layout in layouts:
        found = gaps(layout)
        if found:
            return found, layout
    return [], layouts[0]


def _source_line(source: Source, store: Path) -> SourceLine:
    page = source.run and (store / source.run / "eval.html").is_file()
    run = f"{UP}{source.run}/{'eval.html' if page else ''}" if source.run else ""
    return SourceLine(source.name, source.cells, run, source.run)
