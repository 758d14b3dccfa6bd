"""WebDataset: tar shards that are read from front to back, and an index of them.

Members of a picture stand together: `<key>.jpg`, `<key>.mask.png`, `<key>.trimap.png`, `<key>.fg.png`, `<key>.bg.jpg`
as far as there are such, and `<key>.json`, its manifest row. The key is the id as `export_source.safe_name` writes it,
as a dot would end the key.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from p3m_anon import __version__
from p3m_anon.dataset.rows import row_line
from p3m_anon.files.atomic import replacing, write_bytes
from p3m_anon.files.export_source import (
    VERIFY,
    Digesting,
    Listed,
    Unfit,
    check_digest,
    files_of,
    listed_size,
    open_listed,
    safe_name,
)

if TYPE_CHECKING:
    from p3m_anon.files.export_source import OnDone, Row, Source
    from p3m_anon.files.remote import Location

INDEX = "index.json"
_MEMBER = {"image": "", "alpha": "mask.", "trimap": "trimap.", "foreground": "fg.", "background": "bg."}
_BLOCK = 512


@dataclass(frozen=True)
class ShardLimits:
    """A shard ends before it would exceed either; a picture that is larger by itself has a shard of its own."""

    bytes: int = 1_000_000_000
    pictures: int = 10_000

    def __post_init__(self) -> None:
        """Raises ValueError for limits below 1."""
        if self.bytes < 1 or self.pictures < 1:
            raise ValueError(f"a shard holds at least 1 byte and 1 picture, got {self.bytes} and {self.pictures}")


def write_shards(source: Source, folder: Path, limits: ShardLimits, on_done: OnDone) -> int:
    """Write `{split}-{000000}.tar` and, last, index.json; returns the number of shards.

    The same rows, files and limits give the same bytes. Raises Unfit for a file that is not what its row says.
    """
    shards = []
    for split in source.splits:
        for number, batch in enumerate(_batches(source, split, limits)):
            shards.append(_write_shard(source.root, folder / f"{split}-{number:06d}.tar", batch, on_done))
            shards[-1] = {"name": f"{split}-{number:06d}.tar", "split": split, **shards[-1]}
    facts = json.loads(source.facts.to_json())
    said = {
        "format": "webdataset",
        "tool_version": __version__,
        "pictures": source.pictures,
        "splits": {split: _pattern(split, shards) for split in source.splits},
        "shards": shards,
        "dataset": {key: facts[key] for key in ("name", "version", "license", "citation")},
    }
    write_bytes(folder / INDEX, (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode())
    return len(shards)


def _pattern(split: str, shards: list[dict[str, Any]]) -> dict[str, Any]:
    """What `webdataset.WebDataset` takes, and how many pictures it finds there."""
    mine = [one for one in shards if one["split"] == split]
    urls = f"{split}-{{000000..{len(mine) - 1:06d}}}.tar" if len(mine) > 1 else mine[0]["name"]
    return {"urls": urls, "shards": len(mine), "pictures": sum(one["pictures"] for one in mine)}


def _batches(source: Source, split: str, limits: ShardLimits) -> Iterator[list[Row]]:
    """The rows of one shard after the other; at most `limits.pictures` are in memory."""
    batch: list[Row] = []
    size = 0
    for row in source.rows(split):
        more = _tar_size(source.root, row)
        if batch and (size + more > limits.bytes or len(batch) == limits.pictures):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += more
    if batch:
        yield batch


def _tar_size(root: Location, row: Row) -> int:
    """About what the picture takes in a tar."""
    sizes = [len(row_line(row).encode()) + 1]
    for one in files_of(row):
        sizes.append(listed_size(root, one))
    return sum(_BLOCK + -(-size // _BLOCK) * _BLOCK for size in sizes)


def _write_shard(root: Location, file: Path, rows: list[Row], on_done: OnDone) -> dict[str, Any]:
    with replacing(file) as stream:
        out = Digesting(stream)
        with tarfile.open(fileobj=cast("IO[bytes]", out), mode="w", format=tarfile.PAX_FORMAT) as tar:
            for row in rows:
                _add_picture(tar, root, row)
                on_done()
    return {"pictures": len(rows), "bytes": out.size, "sha256": out.sha256}


def _add_picture(tar: tarfile.TarFile, root: Location, row: Row) -> None:
    key = safe_name(row["id"])
    for one in files_of(row):
        _add_file(tar, root, one, f"{key}.{_MEMBER[one.key]}{one.ending}")
    line = row_line(row).encode() + b"\n"
    tar.addfile(_header(f"{key}.json", len(line)), io.BytesIO(line))


def _add_file(tar: tarfile.TarFile, root: Location, listed: Listed, name: str) -> None:
    with open_listed(root, listed) as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        reader = Digesting(stream)
        try:
            tar.addfile(_header(name, size), cast("IO[bytes]", reader))
        except OSError as error:
            if error.errno is not None:  # the disk's error; tarfile's own, for a file that became shorter, has none
                raise
            raise Unfit(f"{listed.file}: changed while it was read; {VERIFY}") from error
    check_digest(listed, reader.sha256)


def _header(name: str, size: int) -> tarfile.TarInfo:
    """Nothing of this machine: no owner, no time."""
    header = tarfile.TarInfo(name)
    header.size, header.mode, header.mtime = size, 0o644, 0
    header.uid = header.gid = 0
    header.uname = header.gname = ""
    return header
