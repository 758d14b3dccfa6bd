"""The datasheet's words: the questions of Gebru et al., Datasheets for Datasets (2021), in ours."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from p3m_anon import __version__
from p3m_anon.dataset.integrity import UNBLURRED
from p3m_anon.dataset.rows import FILE_KEYS, SPLITS
from p3m_anon.dataset.split_record import HASH_BITS
from p3m_anon.files.audit_facts import audit_words, recall_words
from p3m_anon.files.dataset_facts import SEAL, UNSPLIT, DatasetFacts
from p3m_anon.files.export_words import (
    LIMIT,
    NO_REIDENTIFICATION,
    NOT_STATED,
    STATUSES,
    VIEWED,
    many,
    one_line,
    processing_words,
    title,
)

if TYPE_CHECKING:
    from p3m_anon.files.audit_facts import AuditFacts
    from p3m_anon.jobs.manifest.known import Contents, Reviewed

LAYERS = {
    "alpha": "alpha mattes",
    "trimap": "trimaps",
    "foreground": "foreground layers",
    "background": "background layers",
}
_VERDICTS = {
    "mask": "a person drew what is blurred",
    "no_face": "no identifiable face",
    "normal": "a face may stay, on a stated basis",
    "exclude": "left out of the dataset",
}
_SUGGESTED = "a person accepted a suggested mask; nobody drew"
_SHOWN = 10  # values of a field that are named
_MANY = 4  # faces in a picture from which they are counted together


def render(facts: DatasetFacts, contents: Contents, reviewed: Reviewed | None, audited: AuditFacts | None) -> str:
    """The whole sheet, Markdown; the same facts give the same text."""
    parts = [
        *_head(facts),
        *_purpose(),
        *_composition(contents, reviewed),
        *_collection(contents),
        *_processing(facts, contents),
        *_review(reviewed),
        *_audit(audited),
        *_use(contents),
        *_distribution(facts, contents, audited),
    ]
    return "\n".join(parts) + "\n"


def _head(facts: DatasetFacts) -> Iterator[str]:
    yield f"# Datasheet: {one_line(title(facts))}\n"
    yield "After the questions of Gebru et al., *Datasheets for Datasets* (Communications of the ACM, 2021). Written by"
    yield f"p3m-anon {__version__} from the manifest and the records of the work; what nobody told it is {NOT_STATED}."


def _purpose() -> Iterator[str]:
    yield "\n## Why it was made\n"
    yield "- Its form is that of portrait matting: pictures of people, and how much of each pixel is the person."
    yield f"- Who made it, for whom and with whose money: {NOT_STATED}."


def _composition(contents: Contents, reviewed: Reviewed | None) -> Iterator[str]:
    yield "\n## What is in it\n"
    yield f"{many(contents.pictures, 'picture')}.\n\n| split | status | pictures | what that means |\n|---|---|---|---|"
    for split in (*SPLITS, UNSPLIT):
        for status, count in sorted(contents.counts.get(split, {}).items()):
            yield f"| {split} | {status} | {count} | {STATUSES.get(status, NOT_STATED)} |"
    yield "\n| size in pixels | smallest | median | largest |\n|---|---|---|---|"
    for name, values in (("width", contents.widths), ("height", contents.heights)):
        yield f"| {name} | {' | '.join(_spread(values))} |"
    yield f"\nSizes are known of {many(len(contents.widths), 'picture')}.\n"
    for key in FILE_KEYS[1:]:
        yield f"- {LAYERS[key].capitalize()}: {contents.filled[key]} of {contents.pictures} pictures."
    yield f"- {_faces(contents.faces)}"
    if reviewed is not None and reviewed.widths:
        low, middle, high = _spread(reviewed.widths)
        yield f"- Widths of the faces that were found: {low} to {high} pixels, median {middle}."
    if contents.filled["viewed"]:
        said = ", ".join(f"{words} ({contents.tally['viewed'][key]})" for key, words in VIEWED.items())
        yield f"- How people saw the pictures that they decided about: {said}."
    yield f"- Ages, sexes, origins, skin tones of the people shown, and whom is missing: {NOT_STATED}."


def _faces(faces: Counter[int]) -> str:
    if not faces:
        return f"Faces in a picture: {NOT_STATED}."
    few = {str(n): faces[n] for n in range(_MANY) if faces[n]}
    more = sum(count for n, count in faces.items() if n >= _MANY)
    said = [f"{n} in {many(count, 'picture')}" for n, count in few.items()] + (
        [f"{_MANY} or more in {more}"] if more else []
    )
    return f"Faces that were blurred: {sum(n * count for n, count in faces.items())}; {', '.join(said)}."


def _collection(contents: Contents) -> Iterator[str]:
    yield "\n## How it came together\n"
    yield f"- Where the pictures come from: {_tally(contents, 'source')}"
    yield f"- Whom to name: {_tally(contents, 'attribution')}"
    unblurred = sum(counts[status] for counts in contents.counts.values() for status in UNBLURRED)
    if unblurred:
        basis = _tally(contents, "release_basis", unblurred)
        yield f"- On what basis pictures that are not blurred may be shown: {basis}"
    yield f"- Whether the people shown were asked, when the pictures were taken, who chose them: {NOT_STATED}."


def _processing(facts: DatasetFacts, contents: Contents) -> Iterator[str]:
    yield "\n## What was done to the faces\n"
    yield from (f"- {one_line(sentence)}" for sentence in processing_words(facts))
    yield f"- Blur profile: {_tally(contents, 'profile')}"
    yield f"- Faces were found by: {_tally(contents, 'detector')}"
    yield f"- What was kept outside of the masks: {_tally(contents, 'fidelity')} (exact: every pixel; mcu: every JPEG"
    yield "  block that no mask touches; reencoded: the whole picture was encoded again)"
    if contents.filled["settings_digest"]:  # what we wrote ourselves
        yield "- Metadata (EXIF, places, thumbnails) were removed, but for the colour profile."
    yield from _splitting(facts, contents)
    yield f"- Whether the pictures before the blur are kept, and by whom: {NOT_STATED}."


def _splitting(facts: DatasetFacts, contents: Contents) -> Iterator[str]:
    """How pictures came into their splits, by `SplitRecord`."""
    said = facts.split
    if said is None:
        yield f"- How pictures came into their splits, and near-duplicates into the same one: {NOT_STATED}."
        return
    shares = ", ".join(map(one_line, said.stratified_by))
    kept = f"; shares of {shares} were kept" if shares else ""
    yield f"- Pictures were drawn for the splits by `p3m-anon split`, seed {said.seed}{kept}."
    for split, asked in said.asked.items():
        got = contents.counts.get(split, Counter()).total()
        few = ", as the set was too small for more" if said.scaled and got < asked else ""
        yield f"- {split}: {asked} asked for, {got} there{few}."
    if said.near_duplicate_bits is None:
        yield f"- Near-duplicates in different splits: {NOT_STATED}; nobody looked for them."
    else:
        most = f"at most {said.near_duplicate_bits} of {HASH_BITS} bits"
        yield f"- Near-duplicates are in one split: pictures whose perceptual hashes before the blur differ in {most},"
        yield "  mirrored ones too. That finds copies; not every picture of one scene."
    if said.grouped_by is None:
        yield f"- Pictures of one person or shoot in different splits: {NOT_STATED}; nobody said which those are."
    else:
        column = one_line(said.grouped_by)
        yield f"- Pictures with one value in the column {column} of the maker's list are in one split."
    most = many(said.largest_group, "picture")
    yield f"- Pictures that stay together make up {many(said.groups, 'group')}, the largest of {most}."


def _review(reviewed: Reviewed | None) -> Iterator[str]:
    yield "\n## What people looked at\n"
    if reviewed is None:
        yield f"{NOT_STATED.capitalize()} (`manifest datasheet --release OUT` reads the record of the review)."
        return
    yield "Of the release that this was made from:\n"
    inputs = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(reviewed.statuses.items()))
    yield f"- Pictures that went in: {sum(reviewed.statuses.values())} ({inputs})."
    total = sum(reviewed.answers.values())
    who = "1 person" if reviewed.people == 1 else f"{reviewed.people} people"
    yield f"- {who} decided about {many(total, 'picture')}{':' if total else '.'}"
    for answer, count in sorted(reviewed.answers.items()):
        said = _SUGGESTED if answer.suggested else _VERDICTS[answer.verdict]
        yield f"    - {count}: {said}; seen {VIEWED.get(answer.viewed, NOT_STATED)}"
    yield from _sheets(reviewed.sheets)
    if reviewed.waiting:
        yield f"- {reviewed.waiting} of these answers have not been carried out yet."
    yield from _looks(reviewed)
    if reviewed.sample is not None:
        yield f"- Spot check: {reviewed.sample}"
    elif reviewed.sample_open is not None:
        yield "- Spot check: not finished, {} of {} pictures looked at.".format(*reviewed.sample_open)
    else:
        yield "- Spot check of what was released: none."


def _sheets(sheets: Mapping[str, Any]) -> Iterator[str]:
    """What is known of the sheets of thumbnails, by `Sheets.summary`."""
    if not sheets["sheets"]:
        return
    seconds = sheets["median_seconds"]
    shown = f"; an accepted sheet was shown for {seconds:g} s (median)" if seconds is not None else ""
    yield f"- Sheets of thumbnails: {sheets['sheets']} handed in, {sheets['accepted']} accepted{shown}."
    yield "  Each held a hidden control, a picture with a face; a sheet whose control was not marked answered nothing:"
    yield f"  that happened {many(sheets['failed_controls'], 'time')}."


def _looks(reviewed: Reviewed) -> Iterator[str]:
    """What the detectors looked for in the released pictures, and what they may have missed."""
    bound = reviewed.searched.words() if reviewed.searched is not None else NOT_STATED
    yield f"- Smallest faces that were looked for, by size of picture: {bound}."
    if reviewed.second_looks:
        said = ", ".join(f"{one_line(name)} ({count})" for name, count in reviewed.second_looks.items())
        yield f"- Second look: {said}."
    agreed = reviewed.agreement.words() if reviewed.agreement is not None else f"{NOT_STATED}."
    yield f"- Faces that both looks missed: {agreed}"
    yield "  Only a spot check by people bounds their number; the next line has it."


def _audit(audited: AuditFacts | None) -> Iterator[str]:
    yield "\n## What an audit found\n"
    if audited is None:
        yield f"{NOT_STATED.capitalize()}: no audit was given."
        yield "`p3m-anon audit OUT` writes OUT.private/audit.json, `manifest datasheet --audit` takes it."
        return
    yield from (f"- {sentence}" for sentence in audit_words(audited))
    yield f"- {recall_words(audited)}"


def _use(contents: Contents) -> Iterator[str]:
    clear = sum(counts["normal"] for counts in contents.counts.values())
    yield "\n## What it is good for, and what not\n"
    yield "- Training and testing methods that tell a person from the background."
    yield f"- {NO_REIDENTIFICATION}"
    yield f"- {LIMIT}"
    if clear:
        yield f"- Faces are not blurred, on purpose, in {clear} of the pictures."
    yield "- What was trained on blurred faces alone may do worse on clear ones (Li et al. 2021 measure how much)."
    yield f"- What it has been used for: {NOT_STATED}."


def _distribution(facts: DatasetFacts, contents: Contents, audited: AuditFacts | None) -> Iterator[str]:
    yield "\n## Who may have it, and who looks after it\n"
    yield f"- Licence: {one_line(facts.license or NOT_STATED)}."
    yield f"- Licences of single pictures: {_tally(contents, 'license')}"
    yield f"- Citation: {one_line(facts.citation or NOT_STATED).removesuffix('.')}."
    yield f"- Version: {one_line(facts.version or NOT_STATED)}."
    yield f"- Whole? `p3m-anon manifest verify` compares every file; `sha256sum -c {SEAL}` what no row lists."
    contact = audited.record["contact"] if audited is not None else None
    yield f"- Whom to ask to have a picture taken out: {one_line(contact or NOT_STATED)}."
    yield "  `p3m-anon withdraw` takes it out."
    yield ""


def _tally(contents: Contents, key: str, of: int | None = None) -> str:
    """The values of a field and how many rows have them, most frequent first; of: rows that should have one."""
    tally: Mapping[str, int] = contents.tally[key]
    if not tally:
        return f"{NOT_STATED}."
    ranked = sorted(tally.items(), key=lambda one: (-one[1], one[0]))
    said = [f"{one_line(value)} ({count})" for value, count in ranked[:_SHOWN]]
    more = f", and {len(ranked) - _SHOWN} others" if len(ranked) > _SHOWN else ""
    silent = (contents.pictures if of is None else of) - contents.filled[key]
    return f"{', '.join(said)}{more}{f'; {NOT_STATED} for {silent}' if silent > 0 else ''}."


def _spread(values: Sequence[int]) -> tuple[str, str, str]:
    """Least, median, largest."""
    if not len(values):
        return NOT_STATED, NOT_STATED, NOT_STATED
    return str(min(values)), f"{statistics.median(values):g}", str(max(values))
