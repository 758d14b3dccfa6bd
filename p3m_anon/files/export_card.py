"""The README.md of a Hugging Face dataset: YAML that the Hub reads, then text that people read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from p3m_anon.files.audit_facts import audit_words
from p3m_anon.files.dataset_facts import UNSPLIT
from p3m_anon.files.export_words import (
    LIMIT,
    NO_REIDENTIFICATION,
    NOT_STATED,
    STATUSES,
    blurred_words,
    one_line,
    processing_words,
    title,
)

if TYPE_CHECKING:
    from p3m_anon.files.export_source import Source

LICENSES = frozenset(
    (
        *("apache-2.0", "mit", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
        *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0"),
        *("odbl", "odc-by", "pddl", "unlicense", "cdla-permissive-2.0"),
    )
)
"""Those of the Hub's identifiers that datasets bear; any other licence is `other`, with its name."""

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGER = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"))


def card(source: Source, folders: Mapping[str, str], columns: Sequence[str]) -> str:
    """folders: split -> its folder. columns: of the metadata, as written."""
    return "\n".join(("---", *_front(source, folders), "---", "", *_body(source, columns))) + "\n"


def split_name(split: str) -> str:
    """As `datasets` takes it: no hyphens."""
    return "train" if split == UNSPLIT else split.replace("-", "_")


def _front(source: Source, folders: Mapping[str, str]) -> Iterator[str]:
    """A JSON text is YAML too, so every value that is not ours is quoted as one."""
    yield from _license(source.facts.license)
    yield f"pretty_name: {json.dumps(title(source.facts), ensure_ascii=False)}"
    yield "task_categories:\n- image-segmentation"
    yield f"size_categories:\n- {size_category(source.pictures)}"
    yield "tags:\n- image-matting\n- portrait\n- privacy\n- anonymization"
    yield "configs:\n- config_name: default\n  data_files:"
    for split in source.splits:
        yield f"  - split: {split_name(split)}\n    path: {json.dumps(folders[split] + '/**')}"


def _license(said: str | None) -> Iterator[str]:
    """The Hub wants an identifier, or `other` and a name in letters, digits and hyphens."""
    if said is None:
        yield "license: unknown"
    elif said.lower() in LICENSES:
        yield f"license: {said.lower()}"
    else:
        yield "license: other"
        yield f"license_name: {re.sub(r'[^a-z0-9.]+', '-', said.lower())[:60].strip('-') or 'own'}"


def size_category(pictures: int) -> str:
    """The Hub's word for a number of pictures."""
    return next((word for least, word in (*_SIZES, *_LARGER) if pictures < least), "n>100M")


def _body(source: Source, columns: Sequence[str]) -> Iterator[str]:
    facts = source.facts
    yield f"# {one_line(title(facts))}\n"
    yield f"Portraits and their alpha mattes, {blurred_words(source)}. Each row is a picture with its mask (the"
    yield f"alpha matte, one channel). Licence: {one_line(facts.license or NOT_STATED)}.\n"
    yield from _counts(source)
    yield "\n## Use\n\n```python\nfrom datasets import load_dataset\n"
    yield f'pictures = load_dataset("path/to/this", split="{split_name(source.splits[0])}")'
    yield 'pictures[0]["image"], pictures[0].get("mask")\n```\n'
    images = [name.removesuffix("file_name").rstrip("_") or "image" for name in columns if name.endswith("file_name")]
    yield f"Image columns: {', '.join(images)}. Others: {', '.join(n for n in columns if not n.endswith('file_name'))}."
    yield "Digests are SHA-256 of the files beside this card. An empty text means: nothing is said."
    yield "\n## How faces were treated\n"
    yield from (f"- {sentence}" for sentence in processing_words(facts))
    yield "\n## What an audit found\n"
    if source.audit is None:
        yield f"{NOT_STATED.capitalize()}."
    else:
        yield from (f"- {sentence}" for sentence in audit_words(source.audit))
        yield f"- Whom to ask to have a picture taken out: {one_line(source.audit.record['contact'] or NOT_STATED)}."
    yield f"\n## Limits\n\n{LIMIT}\n{NO_REIDENTIFICATION}"
    yield f"\n## Citation\n\n{one_line(facts.citation or NOT_STATED)}"


def _counts(source: Source) -> Iterator[str]:
    yield "| split | status | pictures | |\n|---|---|---|---|"
    for split in source.splits:
        for status, count in sorted(source.counts[split].items()):
            yield f"| {split_name(split)} | {status} | {count} | {STATUSES.get(status, '')} |"
