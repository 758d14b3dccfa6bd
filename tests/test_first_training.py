"""The mission's chain as docs/first-training.md tells it: from photos to a row of Table 4."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.drawn_portraits import write_portraits

PAGE = Path(__file__).parents[1] / "docs/first-training.md"
WAITING = 3  # some pictures wait for a person
STEPS = 20


def script() -> list[str]:
    """The page's commands, with fewer steps and a smaller network."""
    found = re.search(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found
    shorter = re.sub(r"--max-steps \d+", f"--max-steps {STEPS}", found[1])
    shorter = re.sub(r"--width \d+ --size \d+", "--width 8 --size 64 --crops 64,128 --workers 0", shorter)
    return shorter.splitlines()


def test_every_line_of_the_script_works(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run(line: str, *allowed: int) -> str:
        done = subprocess.run(line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode in (0, *allowed), f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run("p3m-anon demo .")
    names = write_portraits(8, tmp_path / "photos", tmp_path / "alphas")
    (tmp_path / "no-face.txt").write_text("\n".join(["chelsea", "rocket", *names]) + "\n")
    said = {line: run(line, *([WAITING] if " blur " in line or "--write" in line else [])) for line in script()}

    rows = list(csv.DictReader((tmp_path / "work/run/metrics.csv").open()))
    assert int(rows[-1]["step"]) == STEPS
    for where, protocol in (("bb", "B:B"), ("bn", "B:N"), ("np", None)):
        row = [line for line in said if f"eval-{where}" in line]
        assert len(row) == 1
        assert "SAD" in said[row[0]]
        assert "P3M-Net" in said[row[0]]
        assert protocol is None or protocol in said[row[0]]
        scored = list(csv.DictReader((tmp_path / f"work/eval-{where}/rows.csv").open()))
        assert scored
        assert all(float(one["sad"]) > 0 for one in scored)
    mattes = sorted(path.stem for path in (tmp_path / "work/mattes").glob("*.png"))
    tested = (tmp_path / "work/dataset/validation/P3M-500-P/blurred_image").iterdir()
    assert mattes == sorted(path.stem for path in tested) != []
