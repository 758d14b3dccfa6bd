"""Releases in, a dataset in P3M-10k form out: train, P3M-500-P and P3M-500-NP.

Decided once: files are placed first and the manifest is written last, in the folder itself and not in a temporary one,
so that a run over a million files goes on where it was stopped. A folder without `manifest.jsonl` is not finished.
Pictures without an alpha cannot be in a matting dataset: they are left out and named, the rest goes on, and the
command ends with 1. Blurred ones among them still keep their clear twins out, as they may be published elsewhere.
A picture of --normal without a release basis stops the command before anything is written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from p3m_anon.dataset.groups import NEAR, find_groups, nearest
from p3m_anon.dataset.rows import SPLITS
from p3m_anon.dataset.split import BLURRED, NP, OUTSIDE, REFUSED, UNUSED, Division, P, divide
from p3m_anon.dataset.split_record import SplitRecord
from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import remove_leftovers
from p3m_anon.files.dataset_facts import DatasetFacts, seal, write_facts
from p3m_anon.files.dataset_rows import MANIFEST, write_rows
from p3m_anon.files.place import settle
from p3m_anon.files.private import locked, opaque_id, private_folder, private_key
from p3m_anon.jobs.split.candidates import Origin, Pool, candidates_of, items, open_origins, read_pool
from p3m_anon.jobs.split.check import check_folders, check_request, known_settings
from p3m_anon.jobs.split.files import Places, named_files, place_all
from p3m_anon.jobs.split.left_out import LEFT_OUT, REFUSED_AS, LeftOut, read_left_out, write_left_out
from p3m_anon.jobs.split.plan import PLAN, Picture, Plan
from p3m_anon.jobs.split.request import LISTED, SplitRequest, SplitSummary

TEST_SPLITS = {P: SPLITS[P], NP: SPLITS[NP]}
OnStart = Callable[[SplitSummary], None]


def split_release(
    request: SplitRequest, on_start: OnStart = lambda _: None, on_picture: Callable[[], None] = lambda: None
) -> SplitSummary:
    """Divide the pictures of a release, place their files, and write the manifest.

    on_start is called when the division is known, on_picture for every picture whose files are in place. Raises
    UsageError before anything is placed, Stopped when the run cannot go on; the same command then completes it.
    """
    start = time.monotonic()
    check_request(request)
    out = request.out.absolute()
    private = private_folder(out, request.private and request.private.absolute()).absolute()
    summary = SplitSummary(out, private, asked={SPLITS[P]: request.p, SPLITS[NP]: request.np})
    with open_origins(request, private) as origins:
        check_folders(out, private, origins)
        pool = read_pool(request, origins, summary)
        if request.dry_run:
            _name_refused(_left_out(origins, pool, _divide(request, pool, summary)), summary)
            on_start(summary)
            return summary
        with locked(private):
            check_folders(out, private, origins)
            with _plan(request, pool, origins, summary) as plan:
                _name_refused(read_left_out(private / LEFT_OUT), summary)
                on_start(summary)
                _complete(request, plan, origins, summary, on_picture)
    summary.seconds = time.monotonic() - start
    return summary


def _divide(request: SplitRequest, pool: Pool, summary: SplitSummary) -> Division:
    """Groups first, then a place for each picture; the summary tells both."""
    groups = find_groups(pool.hashes, pool.shared)
    pool.candidates = replace(pool.candidates, groups=groups.labels)
    division = divide(pool.candidates, request.p, request.np)
    places = division.places
    summary.counts = {split: int((places == place).sum()) for place, split in enumerate(SPLITS)}
    summary.near_duplicate_pairs = groups.pairs
    summary.groups, summary.largest_group = division.groups, division.largest
    summary.groups_too_large = division.too_large
    summary.deviation = {
        split: {"pictures": round(one.pictures, 3), "share": round(one.share, 5)}
        for place, split in TEST_SPLITS.items()
        if (one := division.deviations[place])
    }
    summary.refused = int((places == REFUSED).sum())
    summary.unused = int(((places == UNUSED) & (pool.candidates.kinds != OUTSIDE)).sum())
    _say_sizes(request, division, summary)
    return division


def _say_sizes(request: SplitRequest, division: Division, summary: SplitSummary) -> None:
    """Where the counts are not those asked for."""
    summary.scaled = division.sizes.scaled
    aims = {P: division.sizes.p, NP: division.sizes.np}
    asked = {P: request.p, NP: request.np}
    if summary.scaled:
        summary.notes.append(
            f"small set: {aims[P]} and {aims[NP]} pictures for {SPLITS[P]} and {SPLITS[NP]} instead of {asked[P]} and"
            f" {asked[NP]}, in the ratio of P3M-10k, so that most are left to train on"
        )
    for place, split in TEST_SPLITS.items():
        got = summary.counts[split]
        if asked[place] and not got:
            hint = "clear some in the review or give --normal" if place == NP else "there are too few pictures"
            summary.warnings.append(f"{split} is empty, {asked[place]} pictures were asked for: {hint}, or ask for 0")
        elif got < aims[place]:
            summary.warnings.append(
                f"{split} has {got} pictures and not {aims[place]}: its groups are too large to fit"
            )
        elif not summary.scaled and aims[place] < asked[place]:
            summary.warnings.append(f"{split} has {got} pictures and not {asked[place]}: no more are cleared")


def _plan(request: SplitRequest, pool: Pool, origins: list[Origin], summary: SplitSummary) -> Plan:
    """The plan of an earlier run with the same inputs, or a new one."""
    file = summary.private / PLAN
    if file.exists():
        plan = Plan(file)
        if plan.fact("inputs") != pool.digest:
            plan.close()
            raise UsageError(
                f"{request.out} was made from other pictures, decisions or settings; choose a new --out, or remove"
                f" {request.out} and {summary.private} if nobody uses them"
            )
        summary.recall(plan.fact("division") or "{}")
        return plan
    division = _divide(request, pool, summary)
    write_left_out(summary.private / LEFT_OUT, _left_out(origins, pool, division))
    pictures = _pictures(request, origins, pool, division, summary.private)
    folders = json.dumps({origin.name: str(origin.out) for origin in origins})  # `withdraw` asks which release it was
    facts = {"inputs": pool.digest, "division": summary.division(), "folders": folders}
    return Plan.write(file, pictures, facts)


def _pictures(
    request: SplitRequest, origins: list[Origin], pool: Pool, division: Division, private: Path
) -> Iterator[Picture]:
    key = private_key(private)
    for index, item in enumerate(candidates_of(origins)):
        place = int(division.places[index])
        if place >= len(SPLITS):
            continue
        split, row = SPLITS[place], item.row
        name = row.id if request.ids == "keep" else opaque_id(key, f"{item.origin.name}:{row.path}")
        image, alpha = named_files(split, name, item.public["image"])
        sizes = {one.role: one.size for one in row.outputs}
        source = next((one for one in row.sources if one.role == "image"), None)
        yield Picture(
            id=name,
            split=split,
            origin=item.origin.name,
            path=row.path,
            release_id=row.id,
            row={**item.public, "id": name, "split": split, "image": image, "alpha": alpha},
            image=item.public["image"],
            image_size=sizes["image"],
            alpha=item.public["alpha"],
            alpha_size=sizes["alpha"],
            source=source.file if source else None,
            source_size=source.size if source else None,
            source_sha256=source.sha256 if source else None,
            grouped=int(pool.candidates.groups[index]),
        )


def _left_out(origins: list[Origin], pool: Pool, division: Division) -> Iterator[LeftOut]:
    """Every picture that is in no split, with why, and because of which other one."""
    twins = _twins(pool, division)
    wanted = {other for other, _, _ in twins.values()}
    named = {
        i: (item.name, item.row.id) for i, item in enumerate(candidates_of(origins) if wanted else ()) if i in wanted
    }
    index = -1
    for item in items(origins):
        index += item.kind is not None
        own = item.origin.name, item.row.path, item.row.id
        if item.problem:
            yield LeftOut(*own, item.problem)
        elif index in twins:
            other, bits, mirrored = twins[index]
            how = (
                f"{bits} of 64 bits away{', mirrored' if mirrored else ''}" if bits <= NEAR else "in one group with it"
            )
            yield LeftOut(*own, f"{REFUSED_AS}{how}", *named[other])
        elif division.places[index] == UNUSED:
            yield LeftOut(*own, "cleared, but not drawn for P3M-500-NP")


def _name_refused(lines: Iterator[LeftOut], summary: SplitSummary) -> None:
    for line in lines:
        if line.why.startswith(REFUSED_AS):
            how = line.why.removeprefix(REFUSED_AS)
            summary.name("refused", f"{line.release}: {line.path} <-> {line.other} ({how})")
            if len(summary.pairs) < LISTED:
                summary.pairs.append((line.id, line.other_id))


def _twins(pool: Pool, division: Division) -> dict[int, tuple[int, int, bool]]:
    """Refused picture -> the blurred one of its group that is most like it, the bits between them, mirrored or not."""
    labels, kinds = pool.candidates.groups, pool.candidates.kinds
    refused = np.flatnonzero(division.places == REFUSED)
    blurred = np.flatnonzero(np.isin(labels, labels[refused]) & ((kinds == BLURRED) | (kinds == OUTSIDE)))
    blurred = blurred[np.argsort(labels[blurred], kind="stable")]
    found = {}
    for one in refused.tolist():
        start, end = (int(np.searchsorted(labels[blurred], labels[one], side)) for side in ("left", "right"))
        twin = nearest(pool.hashes[one], pool.hashes[blurred[start:end]])
        found[one] = int(blurred[start + twin.place]), twin.bits, twin.mirrored
    return found


def _complete(
    request: SplitRequest, plan: Plan, origins: list[Origin], summary: SplitSummary, on_picture: Callable[[], None]
) -> None:
    """Place what is missing; then, if it is not there, write what is said of the whole."""
    for folder in (summary.out, summary.private):
        remove_leftovers(folder)
    releases = {origin.name: origin.out for origin in origins}
    places = Places(summary.out, summary.private, releases, request.originals is not False, request.link)
    done = place_all(plan, places, on_picture)
    summary.placed, summary.originals = dict(done.placed), done.originals
    if done.lost:
        said = f"{done.lost} originals are gone or changed, so the protocols that train on clear faces lack them"
        (summary.warnings if request.originals else summary.notes).append(said)
    if plan.fact("finished") and (summary.out / MANIFEST).is_file():
        summary.complete = True
        return
    settle(summary.out)
    write_rows(summary.out / MANIFEST, (picture.row for picture in plan.pictures()))
    settings = known_settings(origins, plan.digests())
    write_facts(
        summary.out, DatasetFacts(counts=plan.counts(), settings=settings, split=_record(request, plan, summary))
    )
    seal(summary.out)
    plan.note("finished", "yes")
    summary.complete = True


def _record(request: SplitRequest, plan: Plan, summary: SplitSummary) -> SplitRecord:
    """What the public may know of it."""
    groups, largest = plan.groups()
    return SplitRecord(
        seed=request.seed,
        asked={SPLITS[P]: request.p, SPLITS[NP]: request.np},
        scaled=summary.scaled,
        stratified_by=request.stratify,
        grouped_by=request.group_by,
        near_duplicate_bits=NEAR,
        groups=groups,
        largest_group=largest,
    )
