"""Hugging Face: an image folder that `datasets.load_dataset` loads, with alphas and layers as further image columns.

    README.md                                   the dataset card
    train/metadata.jsonl                        a line a picture: file_name, mask_file_name, ..., and what its row says
    train/image/0000/<name>.jpg                 at most 5,000 files in a folder, as the Hub takes 10,000
    train/mask/0000/<name>.png
    test-P3M-500-P/..., test-P3M-500-NP/...     both begin with a word that `datasets` takes for a test set

`datasets` guesses the type of a column from the first lines of each metadata file, and wants it to be the same in all
of them; JSON's null has no type. So columns that are null everywhere are left out, text that is null somewhere is
written as "", and where a number or a file is null somewhere (trimaps of the test sets only), or a text
looks like a date (`datasets` would make a time of it), `metadata.parquet`, which has types, is written instead of
`metadata.jsonl`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p3m_anon.dataset.rows import FILE_KEYS, KEYS
from p3m_anon.files.atomic import replacing, write_bytes
from p3m_anon.files.dataset_facts import UNSPLIT
from p3m_anon.files.export_card import card
from p3m_anon.files.export_source import files_of, place_listed, safe_name
from p3m_anon.files.export_tables import COUNTS, ParquetRows
from p3m_anon.files.place import Link

if TYPE_CHECKING:
    from p3m_anon.files.export_source import OnDone, Row, Source, Spread

FOLDERS = {"train": "train", "P3M-500-P": "test-P3M-500-P", "P3M-500-NP": "test-P3M-500-NP", UNSPLIT: "train"}
"""Split -> folder. A release that is not split is one `train`, as `datasets` calls what has no name."""

NAMES = {"image": "image", "alpha": "mask", "trimap": "trimap", "foreground": "foreground", "background": "background"}
"""Key of a row -> the column that `datasets` shows, and the folder."""

_IN_A_FOLDER = 5_000


def write_imagefolder(source: Source, folder: Path, link: Link, spread: Spread, on_done: OnDone) -> None:
    """Place the files, write metadata and, last, README.md.

    Raises ImageError for a file that is not what its row says.
    """
    for split in source.splits:
        home = folder / FOLDERS[split]

        def place(numbered: tuple[int, Row], home: Path = home) -> dict[str, Any]:
            """Runs in a thread."""
            number, row = numbered
            files = _names(number, row)
            for one in files_of(row):
                place_listed(source.root, one, home / files[one.key], link)
            return _metadata(source, row, files)

        with _metadata_file(source, home) as add:
            for line in spread(place, enumerate(source.rows(split))):
                add(line)
                on_done()
    write_bytes(folder / "README.md", card(source, FOLDERS, _columns(source)).encode())


def is_typed(source: Source) -> bool:
    """Whether the metadata need types: a number or a file is null in some rows only, or a text looks like a date."""
    return bool(source.dated) or any(0 < source.filled[key] < source.pictures for key in (*FILE_KEYS, *COUNTS))


def _names(number: int, row: Row) -> dict[str, str]:
    """Key of FILE_KEYS -> path below the split's folder."""
    part, name = f"{number // _IN_A_FOLDER:04d}", safe_name(row["id"])
    return {one.key: f"{NAMES[one.key]}/{part}/{name}.{one.ending}" for one in files_of(row)}


def _columns(source: Source) -> list[str]:
    """`file_name` first: `datasets` gives what comes first to the first image column that it meets."""
    files = [_column(key) for key in FILE_KEYS if source.filled[key]]
    return files + [key for key in KEYS if key not in FILE_KEYS and source.filled[key]]


def _column(key: str) -> str:
    return "file_name" if key == "image" else f"{NAMES[key]}_file_name"


def _metadata(source: Source, row: Row, files: dict[str, str]) -> dict[str, Any]:
    said = {_column(key): file for key, file in files.items()} | {k: v for k, v in row.items() if k not in FILE_KEYS}
    return {name: said.get(name) for name in _columns(source)}


@contextlib.contextmanager
def _metadata_file(source: Source, home: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """What writes one line of the split's metadata."""
    if is_typed(source):
        with replacing(home / "metadata.parquet") as stream, ParquetRows(stream, _columns(source), {}) as table:
            yield table.add
        return
    with replacing(home / "metadata.jsonl") as stream:

        def add(line: dict[str, Any]) -> None:
            texts = {name: "" if value is None else value for name, value in line.items()}
            stream.write(json.dumps(texts, ensure_ascii=False).encode() + b"\n")

        yield add
