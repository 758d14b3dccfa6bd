"""The sections of `audit.html`: a record by audit.schema.json in words and tables, for readers from outside."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

NOT_RUN = "<b>Not run.</b>"
Record = Mapping[str, Any]


def text(value: Any) -> str:
    """Escaped; None reads as `not stated`."""
    return html.escape("not stated" if value is None else str(value))


def in_short(record: Record) -> Iterator[str]:
    """What was checked, what was not, what remains: three cards at the top."""
    ran = [one for one in record["threats"] if one["state"] != "not run"]
    absent = [one["name"] for one in record["threats"] if one["state"] == "not run"]
    sample = record["scope"]["sample"]
    pictures = f"{record['pictures']} pictures"
    if sample is not None:
        pictures = f"a random sample of {sample['size']} of {sample['of']} pictures"
    yield "<div class=grid>"
    yield _card(
        "Checked", [f"{pictures}, {record['faces']} places", *(f"attacker, {one['name']}: {one['how']}" for one in ran)]
    )
    skipped = list(record["skipped"])
    more = [f"and {len(skipped) - 5} more, listed below"] if len(skipped) > 5 else []
    yield _card("Not checked", [*(f"attacker, {name}" for name in absent), *skipped[:5], *more])
    yield _card("What remains", [record["residual_risk"][key] for key in ("maximum", "average", "always")])
    yield "</div>"


def scope(record: Record) -> Iterator[str]:
    """Which release, when, by whom, with what."""
    what, sample = record["scope"], record["scope"]["sample"]
    yield "<h2>Scope</h2><p class=dim>Everything below is about exactly these files, on this date.</p>"
    rows: list[tuple[str, Any]] = [
        ("Audited", f"a {what['kind']} with {what['pictures']} pictures"),
        ("Release id (sha256 of checksums.txt)", what["release_id"] or "none: there is no checksums.txt"),
        ("sha256 of manifest.jsonl", what["manifest_sha256"] or "none"),
        ("Date", record["date"]),
        ("Audited by", record["who"]),
        ("Tool", f"{record['tool']['name']} {record['tool']['version']}"),
        ("Blur settings (digests)", ", ".join(what["settings_digests"]) or None),
        ("Detectors", ", ".join(record["detectors"])),
        ("Weights (sha256)", "; ".join(f"{k}: {v}" for k, v in record["weights"].items()) or None),
    ]
    if sample is not None:
        bound = "" if sample["bound"] is None else f"; at most {sample['bound']:.2%} of all have one (95 % confidence)"
        rows.append(
            (
                "Random sample",
                f"{sample['size']} of {sample['of']}, seed {sample['seed']}: {sample['with_leak']} with a leak{bound}",
            )
        )
    yield from _pairs(rows)


def threat_models(record: Record) -> Iterator[str]:
    """Five attackers, and which of them the audit stood in for."""
    yield "<h2>Attackers</h2><p class=dim>An audit can only say something about an attacker that it played.</p>"
    rows = [(one["name"], one["has"], one["state"], one["how"]) for one in record["threats"]]
    yield from _table(("attacker", "what it has", "played", "how, or why not"), rows)


def detection(record: Record) -> Iterator[str]:
    """Who looked for faces, and how many faces such looks miss."""
    yield "<h2>Faces that nobody noticed</h2><p class=dim>A face that no detector sees is not blurred. These networks "
    yield "looked at the pictures again:</p>"
    yield from _table(("look", "pictures"), record["detection"]["looks"].items())
    recall = record["detection"]["recall"]
    yield f"<p>How many faces are missed, from {text(recall['source'])}: {text(recall['measured'])}.</p>"
    rows = [
        (one["group"].replace("_", " "), one["value"], f"{one['missed']} of {one['of']}", f"{one['bound']:.1%}")
        for one in recall["rows"]
    ]
    yield from _table(("group", "value", "missed", "at most (95 %)"), rows)
    labelled = {one["group"] for one in recall["rows"]}
    absent = [name for name in ("pose", "light", "skin_tone") if name not in labelled]
    if absent:
        names = ", ".join(absent).replace("_", " ")
        yield f"<p>{NOT_RUN} Recall by {names}: no labels (audit --reference DIR takes a labelled set).</p>"


def human(record: Record) -> Iterator[str]:
    """What people looked at."""
    yield "<h2>What people looked at</h2>"
    facts = record["human"]
    if facts is None:
        yield f"<p>{NOT_RUN} There is no record of a review beside these pictures.</p>"
        return
    sample = facts["sample"]
    if sample is None:
        yield f"<p>{NOT_RUN} No random sample of the released pictures was looked through by a person, so nothing "
        yield "bounds how many faces all networks missed (review --sample N).</p>"
    else:
        said = f"{sample['answered']} of {sample['size']} pictures, drawn from {sample['population']}"
        end = "not finished" if sample["bound"] is None else f"at most {sample['bound']:.2%} of all have one (95 %)"
        yield f"<p>Random sample of {text(sample['date'])}: {said}; a missed face in {sample['missed']}; {end}.</p>"
    sheets = facts["sheets"]
    rows: list[tuple[str, Any]] = [(f"Answers, pictures seen: {key}", n) for key, n in facts["answers"].items()]
    rows.append(("Sheets of thumbnails: handed in, failed control", f"{sheets['sheets']}, {sheets['failed_controls']}"))
    rows.append(("Pictures once released with a clear face, or waiting again", facts["recalled"]))
    rows.append(("Smallest faces looked for", facts["searched"]))
    rows.append(("Missed by both looks (an estimate, too low)", facts["missed_by_both"]))
    yield from _pairs(rows)


def strength(record: Record) -> Iterator[str]:
    """What is left of each face."""
    left = record["strength"]
    yield "<h2>How well each face is hidden</h2><p class=dim>Detail: of eyes, nose and mouth, compared with the source "
    yield f"(100 % is a clear face, {left['limit']:.0%} is a leak). Effective sigma: the blur as the pixels show it, "
    yield "in face widths (more is stronger).</p>"
    kept, sigma = left["detail_kept"], left["effective_sigma"]
    rows: list[tuple[Any, ...]] = []
    if kept is not None:
        rows.append(("detail kept", *(f"{max(kept[key], 0):.0%}" for key in ("median", "worst_tenth", "worst"))))
    if sigma is not None:
        rows.append(("effective sigma", *(f"{sigma[key]:.2f}" for key in ("median", "worst_tenth", "worst"))))
    yield f"<p>{left['faces']} faces were to be hidden.</p>"
    yield from _table(("", "half of them", "nine of ten", "the worst"), rows) if rows else ()
    if kept is None:
        yield f"<p>{NOT_RUN} Detail: no face could be compared with its source.</p>"
    if sigma is None:
        yield f"<p>{NOT_RUN} Effective sigma was not estimated.</p>"
    groups = [
        (
            one["width"],
            one["faces"],
            one["still_seen"],
            *(_share(one["detail_kept"], key) for key in ("median", "worst")),
        )
        for one in left["by_width"]
    ]
    yield from _table(("face width", "faces", "a network still fires", "detail, median", "worst"), groups)


def inversion(record: Record) -> Iterator[str]:
    """What a filter takes off the blur."""
    yield "<h2>Undoing the blur with a filter</h2>"
    found = record["inversion"]
    if found is None:
        yield f"<p>{NOT_RUN} No blurred face with a known mask, or --quick.</p>"
        return
    like = found["likeness"]
    yield f"<p>{found['faces']} faces were restored as far as a linear filter can. Correlation with the source: median "
    yield f"{like['median']:.2f}, worst {like['worst']:.2f}; {found['over_three_quarters']} come back (over 0.75), "
    yield f"{found['over_half']} lie over 0.5, which chance gives for about one face in ten.</p>"


def identity(record: Record) -> Iterator[str]:
    """Who a face recogniser takes the faces for."""
    yield "<h2>Recognising people</h2>"
    found = record["identity"]
    if found is None:
        yield f"<p>{NOT_RUN} No face recogniser was there (--embedder), or no source to compare with.</p>"
        return
    yield f"<p>{text(found['embedder'])} compared {found['faces']} faces of {found['persons']} people in "
    yield f"{found['pictures']} pictures; {found['left_out']} faces were left out as too narrow or without landmarks. "
    yield "First hit: how often the likeliest other face is the same person's. Accepted: how often two pictures of a "
    yield "person are linked where 1 % of the pairs of two people are. In brackets: 95 % interval; then chance.</p>"
    rows = [
        (
            f"{name} to its own original",
            _rate(one["rank1"]),
            f"{one['accepted']:.0%} at its own threshold",
            one["rank1"]["faces"],
        )
        for name, one in found["originals"].items()
    ]
    rows += [
        (name, _rate(one["rank1"]), _rate(one["true_accept"]), (one["rank1"] or {"faces": ""})["faces"])
        for name, one in found["linkage"].items()
    ]
    yield from _table(("faces", "first hit", "accepted", "number of faces"), rows)
    yield "<p class=dim>painted: the same mask painted grey, so that only hair, forehead and outline are left; what "
    yield "links these pictures is not the blur. restored: after the inverse filter.</p>"


def files(record: Record) -> Iterator[str]:
    """Outside the masks, and what else the files hold."""
    yield "<h2>Outside the masks, and hidden bytes</h2><p class=dim>Whether files hold more than the picture "
    yield "(metadata, thumbnails, surplus bytes), are the ones that were written, and differ from the source "
    yield "only inside the masks.</p>"
    rows = [
        (one["check"], "never" if one["pictures"] is None else one["pictures"], *one["found"].values())
        for one in record["files"]
    ]
    yield from _table(("check", "pictures", "leaks", "warnings", "notes"), rows)


def utility(record: Record) -> Iterator[str]:
    """What the pictures are still good for."""
    yield "<h2>Use of the pictures</h2>"
    found = record["utility"]
    if found["outside_compared"]:
        yield f"<p>{found['outside_compared']} pictures were compared with their sources outside the masks; "
        yield f"{found['outside_changed']} differ by more than their file format explains.</p>"
    if found["matting_delta"] is None:
        yield f"<p>{NOT_RUN} What training on these pictures costs a matting network: no study was named.</p>"


def residual(record: Record) -> Iterator[str]:
    """What remains, in words."""
    risk = record["residual_risk"]
    yield "<h2>Residual risk</h2>"
    yield from _pairs([("Maximum", risk["maximum"]), ("Average", risk["average"]), ("Always", risk["always"])])
    yield from _pairs([("Contact for withdrawal", record["contact"]), ("Next look", record["next_look"])])


def skipped(record: Record) -> Iterator[str]:
    """What could not be done, and why."""
    yield "<h2>Skipped, and why</h2>"
    rows = record["skipped"].items()
    yield from _table(("what: why", "times"), rows) if rows else ("<p>Nothing.</p>",)


def clauses(record: Record) -> Iterator[str]:
    """The standard's clauses and our parts."""
    yield "<h2>ISO/IEC 27559:2022</h2><p class=dim>Where the parts of this report belong in the standard. This table "
    yield "is a reading aid and claims no conformity.</p>"
    rows = [(one["clause"], one["title"], one["parts"]) for one in record["iso_27559"]]
    yield from _table(("clause", "title", "parts of this report"), rows)


def _rate(rate: Mapping[str, Any] | None) -> str:
    """A share with its interval and what chance gives."""
    if rate is None:
        return "too few faces"
    return f"{rate['value']:.0%} ({rate['low']:.0%} to {rate['high']:.0%}); {rate['chance']:.0%}"


def _share(quantiles: Mapping[str, float] | None, key: str) -> str:
    return "" if quantiles is None else f"{max(quantiles[key], 0):.0%}"


def _card(title: str, lines: Iterable[str]) -> str:
    items = "".join(f"<li>{text(line)}" for line in lines) or "<li>nothing"
    return f"<figure class=short><h2>{text(title)}</h2><ul>{items}</ul></figure>"


def _pairs(rows: Sequence[tuple[str, Any]]) -> Iterator[str]:
    yield "<table>"
    yield from (f"<tr><th>{text(name)}<td>{text(value)}" for name, value in rows)
    yield "</table>"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield "<table><tr>" + "".join(f"<th>{text(name)}" for name in head)
    yield from ("<tr>" + "".join(f"<td>{text(cell)}" for cell in row) for row in rows)
    yield "</table>"
