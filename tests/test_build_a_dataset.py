"""The script of docs/build-a-dataset.md, as it stands there, on the demo and, where they are, on our samples."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

PAGE = Path(__file__).parents[1] / "docs/build-a-dataset.md"
WAITING = 3  # some pictures wait for a person


def script() -> list[str]:
    found = re.search(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found
    return found[1].splitlines()


def samples() -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get("P3M_SHARED", beside)) / "data/p3m_samples"


def test_every_line_of_the_script_works(tmp_path):
    commands = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    (tmp_path / "work").mkdir()
    for line in script():
        done = subprocess.run(line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
        allowed = {0, WAITING} if " blur " in line or "--write" in line else {0}
        assert done.returncode in allowed, f"{line}\n{done.stdout}\n{done.stderr}"
        if line == "p3m-anon demo demo" and samples().is_dir():
            for source, target in (("image", "photos"), ("alpha", "alphas")):
                for file in sorted((samples() / source).iterdir()):
                    shutil.copy(file, tmp_path / "demo" / target)
    work = tmp_path / "work"
    exports = ("my-portraits.csv", "my-portraits.parquet", "hf", "shards", "croissant", "dataset/DATASHEET.md")
    assert [name for name in exports if not (work / name).exists()] == []
    released = (work / "release/manifest.jsonl").read_text().splitlines()
    listed = (work / "dataset/manifest.jsonl").read_text().splitlines()
    assert len(released) == len(listed) >= 4
