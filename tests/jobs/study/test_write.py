"""The whole report: right in every format, whole again on every run, and private where it has to be."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from p3m_anon.errors import Stopped
from p3m_anon.jobs.study.write import MARKDOWN, PAGE, WORST, write_report
from p3m_anon.studies.results import Result
from p3m_anon.studies.study import Study, read_study
from tests.studies.report_cases import NP_N, ODD, P_B, P_N, all_of, done, runs, slow_mean, study
from tests.studies.test_layout import NAMED, paper_rows

PLACES = {"mse": 4, "mad": 4, "mse_t": 4, "mad_t": 4}


class Tables(HTMLParser):
    """The cells of all tables of a page; what covers several columns is repeated."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._span, self._in, self._sup = 1, False, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1] += [""] * int(dict(attrs).get("colspan") or 1)
            self._span, self._in = int(dict(attrs).get("colspan") or 1), True
        self._sup = tag == "sup"

    def handle_endtag(self, tag: str) -> None:
        self._in = self._in and tag != "table"
        self._sup = False

    def handle_data(self, data: str) -> None:
        if self._in and not self._sup:
            cells = self.tables[-1][-1]
            cells[-self._span :] = [cells[-1] + data] * self._span


def from_html(folder: Path, number: int) -> list[list[str]]:
    parser = Tables()
    parser.feed((folder / PAGE).read_text("utf-8"))
    return parser.tables[0]


def from_markdown(folder: Path, number: int) -> list[list[str]]:
    text = (folder / MARKDOWN).read_text("utf-8").split("## Table")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [[re.sub(r" <sup>.*", "", cell) for cell in line] for line in cells]


def from_latex(folder: Path, number: int) -> list[list[str]]:
    """All floats of the file beside each other; each begins with the labels."""
    parts = []
    for text in (folder / "tables" / f"table{number}.tex").read_text("utf-8").split(r"\begin{tabular}{")[1:]:
        labels = len(text[: text.index("r")])
        lines = [line.removesuffix(r" \\") for line in text.splitlines() if line.endswith(r" \\")]
        rows = [[cell for part in re.split(r"(?<!\\)&", line) for cell in _latex(part)] for line in lines]
        parts.append([row[labels:] if parts else row for row in rows])
    return [[cell for part in line for cell in part] for line in zip(*parts, strict=True)]


def _latex(cell: str) -> list[str]:
    found = re.fullmatch(r"\s*\\multicolumn\{(\d+)\}\{\w\}\{(.*)\}\s*", cell)
    text = re.sub(r"\$\^\{.*?\}\$", "", found[2] if found else cell)
    text = text.replace(r"$\pm$", "±").replace("$", "").replace(r"\star", "★").replace(r"\surd", "✓").strip()
    return [text] * (int(found[1]) if found else 1)


READERS = {"html": from_html, "markdown": from_markdown, "latex": from_latex}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Path, list[Result]]]:
    """Of the paper's five tables, with every cell done; two seeds for those that are trained. Without plots."""
    made = {}
    patch = pytest.MonkeyPatch()
    patch.setattr("p3m_anon.jobs.study.write.plots_of", lambda *_: ([], []))
    for number in range(1, 6):
        wanted, store = replace(read_study(f"table{number}"), seeds=(0, 1)), tmp_path_factory.mktemp("store")
        found = [done(store, m, "", t, None) for m in wanted.methods for t in wanted.tested_on]
        found = found if number == 1 else all_of(wanted, store)
        made[number] = store / write_report(wanted, found, store).study / "report", found
    patch.undo()
    return made


def expected(number: int, row: dict, found: list[Result], store: Path) -> list[tuple[str, str, str]]:
    """Ours, the paper's, and the difference of each metric, by the slow way."""
    method = NAMED.get((row["method"], " ".join(row.get("modules", []))), row["method"])
    its = [one for one in found if (one.method, one.trained_on) == (method, row["trained_on"] or "")]
    folders = [one.run for one in its if (one.test.split, one.test.pictures) == (row["split"], row["tested_on"])]
    said = []
    for metric, paper in zip(row["metrics"], row["values"], strict=True):
        places = PLACES.get(metric, 4 if number < 3 else 2)
        values = [slow_mean(store / folder / "rows.csv", metric) for folder in folders]
        mean = sum(values) / len(values)
        spread = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5 if len(values) > 1 else None
        ours = f"{mean:.{places}f}" + (f" ± {spread:.{places}f}" if spread is not None else "")
        said.append((ours, str(paper), f"{mean - float(paper):+.{places}f}"))
    return said


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_all_numbers_stand_where_the_paper_has_them(number: int, format: str, reports: dict) -> None:
    folder, found = reports[number]
    table = READERS[format](folder, number)
    labels = 5 if number == 5 else 2
    rows = paper_rows(number)
    order = list(dict.fromkeys((row["method"], *row.get("modules", [])) for row in rows))
    starts = [n for n, line in enumerate(table) if line[labels - 1].startswith("ours")]
    assert len(starts) == len(order)
    for start, key in zip(starts, order, strict=True):
        its = [row for row in rows if (row["method"], *row.get("modules", [])) == key]  # blocks from left to right
        wanted = [one for row in its for one in expected(number, row, found, folder.parents[1])]
        assert [tuple(line[labels + n] for line in table[start : start + 3]) for n in range(len(wanted))] == wanted
        assert len(table[start]) == labels + len(wanted)
        if number == 5:
            assert ["✓" if one in key else "" for one in ("TFI", "sBFI", "dBFI")] == table[start][1:4]


@pytest.mark.parametrize("format", READERS)
def test_table_1_stands_as_in_the_paper(format: str, reports: dict) -> None:
    folder, found = reports[1]
    table = [line for line in READERS[format](folder, 1) if line[2] in ("ours", "paper", "difference")]
    rows = paper_rows(1)
    methods = [row["method"] for row in rows if row["tested_on"] == "B"]
    columns = [*methods[:3], "knn", *methods[3:]]  # knn_hsv has the paper's numbers, too
    assert len(table) == 2 * 3 * 3
    for block, tested_on in enumerate("BN"):
        for column, method in enumerate(columns):
            row = next(row for row in rows if (row["method"], row["tested_on"]) == (method, tested_on))
            wanted = expected(1, {**row, "method": "knn_hsv" if column == 3 else method}, found, folder.parents[1])
            for metric in range(3):
                lines = table[9 * block + 3 * metric : 9 * block + 3 * metric + 3]
                assert tuple(line[3 + column] for line in lines) == wanted[metric]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_the_csv_has_all_of_it(number: int, reports: dict) -> None:
    folder, _ = reports[number]
    with (folder / "tables" / f"table{number}.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    for row in paper_rows(number):
        method = NAMED.get((row["method"], " ".join(row.get("modules", []))), row["method"])
        for metric, paper in zip(row["metrics"], row["values"], strict=True):
            wanted = (method, row["trained_on"] or "", row["tested_on"], row["split"], metric)
            names = ("method", "trained_on", "tested_on", "split", "metric")
            (line,) = [line for line in lines if tuple(line[name] for name in names) == wanted]
            assert line["paper"] == str(paper)
            folders = line["runs"].split(" | ")
            slow = [slow_mean(folder.parents[1] / one / "rows.csv", metric) for one in folders]
            assert float(line["ours"]) == pytest.approx(sum(slow) / len(slow), rel=1e-14)
    assert len(lines) == sum(len(row["values"]) for row in paper_rows(number)) + (6 if number == 1 else 0)


@pytest.mark.parametrize("number", [1, 3, 4])
def test_no_number_is_without_its_run_folder(number: int, reports: dict) -> None:
    folder, found = reports[number]
    for name in (PAGE, MARKDOWN):
        text = (folder / name).read_text("utf-8")
        assert all(f"../../{run}/" in text for run in runs(found))
    page = (folder / PAGE).read_text("utf-8")
    anchors = set(re.findall(r" id=(s\d+)", page))
    ours = re.findall(r"<td class='ours[^>]*>(?:<a href='#(s\d+)'>)?", page)
    assert ours
    assert set(ours) <= anchors


def test_a_study_without_a_table_has_all_metrics(tmp_path: Path) -> None:
    wanted = study(table=None, methods=("gfm", "closed_form"), tested_on=(P_B,), trained_on=("B",))
    found = [done(tmp_path, "gfm", "B", P_B), done(tmp_path, "closed_form", "", P_B, None)]
    write_report(wanted, found, tmp_path)
    (head, gfm, *_), *_ = [table for table in _tables(tmp_path / "tried/report" / PAGE) if len(table[0]) == 14]
    assert head[4:] == ["SAD", "MSE", "MAD", "SAD-T", "MSE-T", "MAD-T", "SAD-FG", "SAD-BG", "GRAD", "CONN"]
    assert gfm[:4] == ["GFM", "B:B", "P3M-500-P", "ours"]
    assert gfm[4] == f"{found[0].means['sad']:.2f}"
    assert not (tmp_path / "tried/report/tables/table3.csv").exists()


def _tables(page: Path) -> list[list[list[str]]]:
    parser = Tables()
    parser.feed(page.read_text("utf-8"))
    return parser.tables


@pytest.fixture
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take most of the time, and have tests of their own."""
    monkeypatch.setattr("p3m_anon.jobs.study.write.plots_of", lambda *_: ([], []))


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_rerun_replaces_all_of_an_older_report_and_nothing_else(tmp_path: Path) -> None:
    wanted = study(seeds=(0,))
    write_report(wanted, all_of(wanted, tmp_path, panels=True, pictures=WORST + 2), tmp_path)
    folder = tmp_path / "tried/report"
    full = files(folder)
    assert f"worst/{WORST}.jpg" in full
    (folder / "notes.txt").write_text("mine")
    own = ("tables/mine.csv", "tables/table3 (copy).tex", "plots/mine.png", "worst/mine.jpg")
    for name in own:
        (folder / name).write_text("mine")
    summary = write_report(wanted, [], tmp_path)
    assert set(files(folder)) == {*summary.files, "notes.txt", *own}
    assert not [name for name in summary.files if name.endswith((".png", ".jpg"))]
    assert f"worst/{WORST}.jpg" in full
    assert "plots/from_blurred_to_normal_sad.png" in full
    write_report(wanted, all_of(wanted, tmp_path, panels=True, pictures=WORST + 2), tmp_path)
    assert {**full, **dict.fromkeys(["notes.txt", *own], b"mine")} == files(folder)


@pytest.mark.usefixtures("without_plots")
def test_an_older_report_is_gone_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While report.html is there, all that it shows is of one report."""
    write_report(study(), all_of(study(), tmp_path), tmp_path)
    folder = tmp_path / "tried/report"
    assert (folder / PAGE).exists()

    def full(*_: object, **__: object) -> None:
        raise Stopped("the disk is full")

    monkeypatch.setattr("p3m_anon.jobs.study.write.write_bytes", full)
    with pytest.raises(Stopped):
        write_report(study(), all_of(study(), tmp_path), tmp_path)
    assert not (folder / PAGE).exists()
    assert not (folder / MARKDOWN).exists()


@pytest.mark.parametrize("number", [None, 1, 2, 3, 4, 5])
def test_nothing_run_is_a_report_too(number: int | None, tmp_path: Path) -> None:
    wanted = replace(read_study(f"table{number}") if number else study(table=None), name="tried")
    found = [Result(m, "B", t, 0, "absent") for m in wanted.methods for t in wanted.tested_on]
    summary = write_report(wanted, found, tmp_path)
    text = (tmp_path / "tried/report" / PAGE).read_text("utf-8")
    assert summary.cells == {"absent": len(found)}
    missing = (tmp_path / "tried/report" / MARKDOWN).read_text("utf-8").split("## Plots")[1]
    assert all(re.sub(r"\W", "", line) in re.sub(r"\W", "", missing) for line in summary.missing)
    assert summary.missing
    assert "Nothing was run to its end yet" in text
    assert "not run" in text
    assert "there is no number of ours" in text
    assert summary.hardest == []


@pytest.mark.usefixtures("without_plots")
def test_what_failed_or_runs_stands_in_every_format(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",))
    bb, bn, nb, nn = all_of(wanted, tmp_path)
    bb = replace(bb, state="failed", note="it broke; log: runs/x.log", means={})
    nn = replace(nn, state="impossible", note="needs originals", means={})
    write_report(wanted, [bb, replace(bn, state="running", note="", means={}), nb, nn], tmp_path)
    folder = tmp_path / "tried/report"
    for name in (PAGE, MARKDOWN, "tables/table3.tex", "tables/table3.csv"):
        text = (folder / name).read_text("utf-8")
        assert "it broke; log: runs/x.log" in text.replace(r"\_", "_")
        assert all(word in text for word in ("failed", "running", "impossible", "needs originals"))


@pytest.mark.usefixtures("without_plots")
def test_an_odd_name_and_its_flag_are_in_every_format(tmp_path: Path) -> None:
    flagged = replace(done(tmp_path, ODD, "X", P_B, None, panels=True), flags=("trained on the test pictures: <card>",))
    summary = write_report(study(), [flagged], tmp_path)
    assert summary.contaminated == [f"{ODD}: trained on the test pictures: <card>"]
    folder = tmp_path / "tried/report"
    page, text = (folder / PAGE).read_text("utf-8"), (folder / MARKDOWN).read_text("utf-8")
    assert "a_b &amp; &lt;x&gt;|y, contaminated" in page
    assert "trained on the test pictures: &lt;card&gt;" in page
    tile = page.split("The hardest pictures")[1].split("</figcaption>")[2]
    assert re.search(r"a_b &amp; &lt;x&gt;\|y<br><span class=dim>SAD [\d.]+<br>contaminated<", tile)
    assert f"Contaminated, so no fair test: {ODD} on P3M-500-P" in summary.said
    assert r"a\_b &amp; &lt;x&gt;\|y, contaminated" in text
    assert "trained on the test pictures: &lt;card&gt;" in text
    assert r"a\_b \& \textless{}x\textgreater{}\textbar{}y, contaminated" in (folder / "tables/table3.tex").read_text()
    with (folder / "tables/table3.csv").open(newline="") as stream:
        lines = [line for line in csv.DictReader(stream) if line["method"] == ODD and line["ours"]]
    assert {line["flags"] for line in lines} == {"trained on the test pictures: <card>"}


@pytest.mark.usefixtures("without_plots")
def test_the_worst_pictures_come_in_order_with_their_mattes(tmp_path: Path) -> None:
    wanted = study(trained_on=("B",), tested_on=(P_B,))
    found = all_of(wanted, tmp_path, panels=True, pictures=9)
    summary = write_report(wanted, found, tmp_path)
    means: dict[str, list[float]] = {}
    for one in found:
        with (tmp_path / one.run / "rows.csv").open(newline="") as stream:
            for line in csv.DictReader(stream):
                means.setdefault(line["id"], []).append(float(line["sad"]))
    order = sorted(means, key=lambda id: -sum(means[id]))
    assert summary.hardest == order[:WORST]
    page = (tmp_path / "tried/report" / PAGE).read_text("utf-8")
    assert page.count("data:image/jpeg") == WORST * (2 + len(found))
    assert "unblurred" not in page
    assert "unblurred" not in (tmp_path / "tried/report" / MARKDOWN).read_text("utf-8")


@pytest.mark.usefixtures("without_plots")
def test_clear_faces_are_shown_only_where_there_is_nothing_else(tmp_path: Path) -> None:
    wanted = study(tested_on=(P_B, P_N), trained_on=("B",))
    found = all_of(wanted, tmp_path, panels=True)
    assert not write_report(wanted, found, tmp_path).shows_clear_faces
    clear = [one for one in found if one.test.pictures == "N"]
    assert write_report(wanted, clear, tmp_path).shows_clear_faces
    folder = tmp_path / "tried/report"
    assert "contains unblurred faces" in (folder / PAGE).read_text("utf-8")
    assert (folder / MARKDOWN).read_text("utf-8").startswith("**Private: this report shows unblurred faces.")
    modes = {path.stat().st_mode & 0o777 for path in [folder / PAGE, *(folder / "worst").iterdir()]}
    assert modes == {0o600}


@pytest.mark.usefixtures("without_plots")
def test_mattes_that_cannot_be_read_cost_no_number(tmp_path: Path) -> None:
    wanted: Study = study(methods=("gfm",), trained_on=("B",), tested_on=(P_B, NP_N))
    found = all_of(wanted, tmp_path, panels=True)
    (tmp_path / found[0].run / "record.sqlite").write_bytes(b"no database")
    summary = write_report(wanted, found, tmp_path)
    assert len(summary.hardest) == 3
    assert any(line.startswith("The mattes of gfm are not shown") for line in summary.missing)
    assert f"{found[0].means['sad']:.2f}" in (tmp_path / "tried/report" / MARKDOWN).read_text("utf-8")
