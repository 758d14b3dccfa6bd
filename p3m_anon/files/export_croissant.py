"""Croissant 1.1: the dataset with its files as they lie in the manifest, and a description that machines read.

    croissant.json       JSON-LD: what the files are and what the columns mean
    manifest.jsonl       the rows that went out
    manifest.parquet     the same with types, for the record set `pictures`: without them an id `0001` reads as 1
    train/..., ...       pictures, alphas and layers under the names that the rows say

No record set joins another: `mlcroissant` reads one that does into memory as a whole. `pictures/image` is the
`images/path` of the same picture, `pictures/alpha` the `masks/path`, and so on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p3m_anon import __version__
from p3m_anon.dataset.rows import FILE_KEYS, KEYS, OPTIONAL, row_line
from p3m_anon.files.atomic import replacing, write_bytes
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.files.dataset_rows import MANIFEST
from p3m_anon.files.export_croissant_rai import responsible
from p3m_anon.files.export_croissant_terms import CONTEXT, ENCODINGS, MEANINGS, SETS
from p3m_anon.files.export_source import files_of, place_listed
from p3m_anon.files.export_tables import COUNTS, ParquetRows
from p3m_anon.files.export_words import blurred_words, title
from p3m_anon.files.place import Link

if TYPE_CHECKING:
    from p3m_anon.files.export_source import OnDone, Row, Source, Spread

DESCRIPTION, TABLE = "croissant.json", "manifest.parquet"
Json = dict[str, Any]


def write_croissant(source: Source, folder: Path, link: Link, spread: Spread, on_done: OnDone) -> None:
    """Place the files, write both manifests and, last, croissant.json.

    Raises ImageError for a file that is not what its row says.
    """

    def place(row: Row) -> Row:
        """Runs in a thread."""
        for one in files_of(row):
            place_listed(source.root, one, folder / one.file, link)
        return row

    with (
        replacing(folder / MANIFEST) as lines,
        replacing(folder / TABLE) as stream,
        ParquetRows(stream, _columns(source), {"p3m_anon.dataset": source.facts.to_json()}) as table,
    ):
        for row in spread(place, source.rows()):
            lines.write(row_line(row).encode() + b"\n")
            table.add(row)
            on_done()
    said = describe(source, folder)
    write_bytes(folder / DESCRIPTION, (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode())


def describe(source: Source, folder: Path) -> Json:
    """The JSON-LD object; `folder` holds both manifests. What is not known is left out."""
    facts = source.facts
    known = {
        "name": facts.name or title(facts),
        "description": f"{title(facts)}: {source.pictures} portraits with alpha mattes, {blurred_words(source)}.",
        "version": facts.version,
        "license": facts.license,
        "citeAs": facts.citation,
        "datePublished": facts.created,
        "keywords": ["image matting", "portrait", "privacy", "face anonymization"],
        **responsible(source),
        "distribution": [_file(MANIFEST, folder), _file(TABLE, folder), *_file_sets(source)],
        "recordSet": [_pictures(source), *(_images(key) for key in FILE_KEYS if source.filled[key])],
    }
    head = {"@context": CONTEXT, "@type": "sc:Dataset"}
    conforms = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
    return {**head, "conformsTo": conforms, **{key: value for key, value in known.items() if value is not None}}


def _columns(source: Source) -> list[str]:
    return [key for key in KEYS if key not in OPTIONAL or source.filled[key]]


def _file(name: str, folder: Path) -> Json:
    """A FileObject."""
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{(folder / name).stat().st_size} B",
        "encodingFormat": "application/jsonlines" if name == MANIFEST else "application/x-parquet",
        "sha256": file_sha256(folder / name),
    }


def _file_sets(source: Source) -> Iterator[Json]:
    """A FileSet for each kind of file."""
    for key in FILE_KEYS:
        if source.filled[key]:
            formats = sorted({ENCODINGS.get(ending, "application/octet-stream") for ending in source.endings[key]})
            yield {
                "@type": "cr:FileSet",
                "@id": f"{SETS[key]}-files",
                "name": f"{SETS[key]}-files",
                "description": MEANINGS[key],
                "encodingFormat": formats if len(formats) > 1 else formats[0],
                "includes": sorted(f"{folder}/*" for folder in source.folders[key]),
            }


def _pictures(source: Source) -> Json:
    """The rows."""
    return {
        "@type": "cr:RecordSet",
        "@id": "pictures",
        "name": "pictures",
        "description": f"One record a picture, written by p3m-anon {__version__}.",
        "key": {"@id": "pictures/id"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"pictures/{key}",
                "name": key,
                "description": MEANINGS[key],
                "dataType": "sc:Integer" if key in COUNTS else "sc:Text",
                "source": {"fileObject": {"@id": TABLE}, "extract": {"column": key}},
            }
            for key in _columns(source)
        ],
    }


def _images(key: str) -> Json:
    """The files of one kind: path and content."""
    name = SETS[key]
    said = (("path", "sc:Text", "fullpath"), ("content", "sc:ImageObject", "content"))
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"{MEANINGS[key]} `path` is what `pictures/{key}` says.",
        "key": {"@id": f"{name}/path"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{field}",
                "name": field,
                "dataType": kind,
                "source": {"fileSet": {"@id": f"{name}-files"}, "extract": {"fileProperty": extract}},
            }
            for field, kind, extract in said
        ],
    }
