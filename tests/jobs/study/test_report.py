"""`study report` of a store: as the study was last run."""

from __future__ import annotations

import html
import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from p3m_anon.cli import cli
from p3m_anon.errors import UsageError
from p3m_anon.evaluation.rows import read_csv, write_csv
from p3m_anon.jobs.study.report import report
from p3m_anon.studies.cells import Cell, Planned
from p3m_anon.studies.predictions import Prediction, write_prediction
from p3m_anon.studies.store import State, Store
from p3m_anon.studies.study import read_study
from tests.studies.report_cases import P_B, P_N, row

TOML = """
title = "Mine"
table = 3
methods = ["gfm", "p3mnet", "closed_form", "lf"]
trained_on = ["B"]
tested_on = ["P3M-500-P:B", "P3M-500-P:N"]
"""


@pytest.fixture(autouse=True)
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3m_anon.jobs.study.write.plots_of", lambda *_: ([], []))


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(TOML)
    return tmp_path / "mine.toml"


def planned(method: str, *tests: object, backbone: str = "", impossible: str = "") -> list[Planned]:
    """A training and its evaluations."""
    id = f"train-{method}" if not impossible else ""
    settings = {"settings": {"backbone": backbone} if backbone else {}}
    cells = [Cell(id, "train", method, "B", 0, None, None, settings)]
    ids = [f"eval-{method}-{test.pictures}" if id else "" for test in tests]
    cells += [Cell(own, "eval", method, "B", 0, test, id or None) for own, test in zip(ids, tests, strict=True)]
    return [Planned(cell, impossible) for cell in cells]


def run_folder(store: Store, id: str, test: object) -> None:
    store.run(id).mkdir(parents=True)
    write_csv(store.run(id) / "rows.csv", [row(id, n, test) for n in range(3)])
    store.write_state(id, State("done"))


def test_all_that_a_store_knows(study_file: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    cells = [
        *planned("gfm", P_B, P_N, backbone="ab"),
        *planned("p3mnet", P_B, P_N),
        *planned("lf", P_B, P_N, impossible="no such method here yet"),
    ]
    store.write_grid(read_study(study_file), cells)
    run_folder(store, "eval-gfm-B", P_B)
    store.write_state("eval-gfm-N", State("failed", "no originals"))
    store.log("eval-gfm-N").write_text("why")
    store.write_state("train-p3mnet", State("failed", "loss is not finite"))
    store.log("train-p3mnet").write_text("why")
    summary = report(str(study_file), store.root)
    text = (store.root / "mine/report/report.md").read_text("utf-8")
    mean = sum(one.sad for one in read_csv(store.run("eval-gfm-B") / "rows.csv")) / 3
    assert f"| GFM | ours | {mean:.2f}" in text
    assert "GFM B:N P3M-500-P: failed: no originals; log: runs/eval-gfm-N.log" in text
    assert "its training failed: loss is not finite; log: runs/train-p3mnet.log" in text
    assert "impossible: no such method here yet" in text
    assert summary.cells == {"done": 1, "failed": 1, "absent": 2, "impossible": 2}
    encoders = [line for line in summary.said if line.startswith("Encoders")]
    assert encoders == ["Encoders start from random weights, and not from ImageNet's as in the paper: P3M-Net"]
    assert str(tmp_path) not in text


def test_a_study_that_was_never_run_has_no_report(study_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="knows nothing of the study mine"):
        report(str(study_file), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_the_report_is_of_the_study_as_it_was_run(study_file: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.write_grid(read_study(study_file), planned("gfm", P_B))
    study_file.write_text(TOML.replace("Mine", "Other"))
    assert report(str(study_file), store.root).title == "Mine"


def test_the_store_alone_is_enough(study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")
    store.write_grid(read_study(study_file), planned("gfm", P_B))
    study_file.unlink()
    assert report("mine", store.root).title == "Mine"
    assert report(str(study_file), store.root).title == "Mine"
    monkeypatch.chdir(store.root)  # where the study's folder is
    assert report("mine", store.root).title == "Mine"
    with pytest.raises(UsageError, match="other"):
        report("other", store.root)


def test_a_picture_that_left_the_dataset_is_shown_no_more(study_file: Path, tmp_path: Path) -> None:
    """By mattes that were added before; p_2 is withdrawn."""
    store = Store(tmp_path / "store")
    store.write_grid(read_study(study_file), planned("gfm", P_B))
    run_folder(store, "eval-gfm-B", P_B)
    run_folder(store, "theirs", P_B)
    write_prediction(store, Prediction("Theirs", "X", P_B, "theirs"))
    assert sorted(report("mine", store.root).hardest) == ["p_0", "p_1", "p_2"]
    rows = [one for one in read_csv(store.run("eval-gfm-B") / "rows.csv") if one.id != "p_2"]
    write_csv(store.run("eval-gfm-B") / "rows.csv", rows)
    assert sorted(report("mine", store.root).hardest) == ["p_0", "p_1"]
    for name in ("report.html", "report.md"):
        text = (store.root / "mine/report" / name).read_text("utf-8")
        assert "over other pictures than the study" in text
        assert "p_2" not in html.unescape(text).replace("\\", "")
    (store.run("eval-gfm-B") / "rows.csv").unlink()  # nothing to compare with
    assert sorted(report("mine", store.root).hardest) == ["p_0", "p_1", "p_2"]


def test_the_documented_command_lists_run_folders_that_nothing_names(study_file: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.write_grid(read_study(study_file), planned("gfm", P_B))
    for id in ("train-gfm", "eval-gfm-B", "eval-gfm", "theirs", "old one"):
        store.run(id).mkdir(parents=True)
    write_prediction(store, Prediction("Theirs", "X", P_B, "theirs"))
    text = (Path(__file__).parents[3] / "docs/privacy.md").read_text("utf-8")
    (command,) = (line.strip() for line in text.splitlines() if line.strip().startswith("for one in runs"))
    listed = subprocess.run(["sh", "-c", command], cwd=store.root, capture_output=True, text=True, check=True)
    assert listed.stdout.splitlines() == ["runs/eval-gfm/", "runs/old one/"]


def test_no_path_of_a_run_stands_in_the_report(study_file: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "home/bob")
    store.write_grid(read_study(study_file), [*planned("gfm", P_B, P_N), *planned("p3mnet", P_B)])
    run_folder(store, "eval-gfm-B", P_B)  # without a record of its mattes
    run_folder(store, "eval-gfm-N", P_N)
    (store.run("eval-gfm-N") / "rows.csv").write_text("junk")
    store.write_state("train-p3mnet", State("failed", f"{store.root}/runs/x: broke, /home/eve/data/a.png too"))
    summary = report("mine", store.root)
    (line,) = (line for line in summary.missing if line.startswith("The mattes of gfm are not shown"))
    assert "runs/eval-gfm-B" in line
    for name in ("report.md", "report.html", "tables/table3.csv", "tables/table3.tex"):
        text = (store.root / "mine/report" / name).read_text("utf-8")
        assert not any(word in text for word in (str(tmp_path), "home/"))
    text = (store.root / "mine/report/report.md").read_text("utf-8")
    assert "are not shown" in text.split("## The hardest pictures")[1]


def test_an_unknown_study_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none"):
        report("none", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command(study_file: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.write_grid(read_study(study_file), [*planned("gfm", P_B, P_N), *planned("p3mnet", P_B, P_N)])
    arguments = ["study", "report", str(study_file), "--out", str(store.root)]
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    said = json.loads(done.output)
    assert (done.exit_code, said["study"], said["cells"]) == (0, "mine", {"absent": 4})
    assert all((Path(said["folder"]) / name).is_file() for name in said["files"])
    plain = CliRunner().invoke(cli, arguments)
    assert "Nothing was run to its end yet: 4 not run." in plain.output
    assert "report.html" in plain.output
    assert CliRunner().invoke(cli, ["study", "report", "none"]).exit_code == 2
