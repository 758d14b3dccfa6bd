"""What an audit looks at: one item per picture, with everything that is known about it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p3m_anon.dataset.integrity import Discrepancy, row_discrepancies, rows_discrepancies
from p3m_anon.errors import UsageError
from p3m_anon.faces.audit_findings import A_FACE
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.files.decisions import Decisions
from p3m_anon.files.folders import find_pictures, locate, stem_of, walk_stems
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.release_index import Listed, ReleaseIndex, ledger_view
from p3m_anon.jobs.audit.eyes import UsedByBlur

if TYPE_CHECKING:
    from p3m_anon.arrays import Box
    from p3m_anon.files.icc import IccWay
    from p3m_anon.files.ledger_rows import Row

UNKNOWN = UsedByBlur()
GUESSES = (0.1, 0.2, 0.3)  # sigma in face widths, tried where the blur's strength is unknown
_ENDS = re.compile(r"[_\-. ][^_\-. /]*$")  # "anna_anonymized" is anna


@dataclass(frozen=True)
class Item:
    """A picture to audit. `name` and `alpha_name` are relative to the audited folder; paths are None where unknown.

    sigmas: strengths of the blur in face widths that the inverse filter tries; empty for no blur. basis: why a person
    has released the picture without blur. faces: as the ledger keeps them. dismissed: places of which a person said
    that they need no mask; decided_by: who has answered for this picture, so that nothing else is excused. flat: how
    the matte was made flat inside the masks, None where an older version wrote it. icc: whether its
    colours were converted to sRGB. used: how the blur looked at the picture. said: discrepancies found so far.
    """

    name: str
    image: Path
    sha256: str | None = None
    alpha_name: str | None = None
    alpha: Path | None = None
    alpha_sha256: str | None = None
    fidelity: str | None = None
    basis: str | None = None
    sigmas: tuple[float, ...] = GUESSES
    source: Path | None = None
    source_sha256: str | None = None
    source_alpha: Path | None = None
    source_alpha_sha256: str | None = None
    mask: Path | None = None
    mask_sha256: str | None = None
    faces: tuple[dict[str, Any], ...] = ()
    dismissed: tuple[Box, ...] = ()
    decided_by: str | None = None
    flat: dict[str, int] | None = None
    icc: IccWay = "keep"
    used: UsedByBlur = UNKNOWN
    said: tuple[Discrepancy, ...] = field(default=())


class Stems:
    """Files of a folder by stem, for finding the one that belongs to a picture whose name may have grown a suffix."""

    def __init__(self, folder: Path | None, role: str = "alpha") -> None:
        """An unknown folder has no files."""
        self._files: dict[str, Path] = {}
        if folder is None:
            return
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder")
        if role == "picture":
            pictures = locate(folder).pictures
            self._files = {stem_of(path.relative_to(pictures)): path for path in find_pictures(pictures)}
        else:
            self._files = dict(walk_stems(folder, "alpha"))

    def find(self, stem: str) -> Path | None:
        """The file of this stem, or of the longest beginning of it that ends before one of `_-. `."""
        while stem:
            if stem in self._files:
                return self._files[stem]
            shorter = _ENDS.sub("", stem)
            if shorter == stem:
                return None
            stem = shorter
        return None

    def exactly(self, stem: str) -> Path | None:
        """The file of this stem and no other."""
        return self._files.get(stem)


def foreign_items(images: Path, originals: Stems, masks: Stems) -> Iterator[Item]:
    """Pictures of a folder that another tool wrote."""
    for path in find_pictures(images):
        stem = stem_of(path.relative_to(images))
        name = path.relative_to(images).as_posix()
        yield Item(name, path, source=originals.find(stem), mask=masks.find(stem))


def own_items(
    out: Path, private: Path | None, index: ReleaseIndex, ledger: Ledger | None, originals: Stems, masks: Stems
) -> Iterator[Item]:
    """Pictures of a release of ours."""
    settings = _settings(ledger)
    for listed in index.pairs():
        item = _own(out, private, listed, settings, ledger, (originals, masks))
        yield replace(item, said=(*item.said, *_undone(listed, ledger)))


def _undone(listed: Listed, ledger: Ledger | None) -> list[Discrepancy]:
    """A person has said something else since the picture was released."""
    if ledger is None or listed.ledger is None:
        return []
    row, decision = listed.ledger, Decisions(ledger).of(listed.ledger.path)
    done = row.decision if decision is None or decision.is_binding or decision.verdict == "open" else None
    wanted = decision.version if decision is not None and decision.is_binding else None
    if done == wanted or not row.outputs:
        return []
    said = decision.verdict if decision is not None else "open"
    image = next(one.file for one in row.outputs if one.role == "image")
    return [Discrepancy("leak", "review", image, f"released otherwise than a person decided since ({said}); run blur")]


def _settings(ledger: Ledger | None) -> dict[str, BlurSettings]:
    """Digest -> settings, of the runs that the ledger remembers and of a run that was asked for nothing special."""
    known = {one.digest(): one for one in (BlurSettings(), BlurSettings(blur_profile="strict"))}
    for values in ledger.run_settings() if ledger is not None else ():
        with contextlib.suppress(TypeError, ValueError):  # settings of another version
            settings = BlurSettings(**values)
            known[settings.digest()] = settings
    return known


def _own(
    out: Path,
    private: Path | None,
    listed: Listed,
    settings: dict[str, BlurSettings],
    ledger: Ledger | None,
    folders: tuple[Stems, Stems],
) -> Item:
    row = listed.ledger
    view = ledger_view(row) if row is not None else None
    said = row_discrepancies(listed.manifest) if listed.manifest else []
    if ledger is not None:
        said += rows_discrepancies(listed.manifest, view)
    facts = listed.manifest or view or {}
    outputs = {o.role: o for o in row.outputs} if row else {}
    sources = {s.role: s for s in row.sources} if row else {}
    stem = stem_of(Path(facts["image"])).partition("/")[2]  # without blurred_image/ or original_image/
    original, mask = folders[0].exactly(listed.id) or folders[0].exactly(stem), folders[1].exactly(stem)
    facemask = outputs.get("facemask")
    public = out / "facemask" / f"{stem}.png"
    if mask is None and facemask is not None and private is not None:
        mask = private / facemask.file
    elif mask is None and public.is_file():
        mask = public
    alpha = facts.get("alpha")
    source, source_alpha = sources.get("image"), sources.get("alpha")
    return Item(
        name=facts["image"],
        image=out / facts["image"],
        sha256=facts["image_sha256"],
        alpha_name=alpha,
        alpha=out / alpha if alpha else None,
        alpha_sha256=facts.get("alpha_sha256"),
        fidelity=facts.get("fidelity"),
        basis=facts.get("release_basis") if facts.get("status") in ("no_face", "normal") else None,
        sigmas=_sigmas(facts, settings),
        source=original or (Path(source.file) if source else None),
        source_sha256=source.sha256 if source else None,
        source_alpha=Path(source_alpha.file) if source_alpha else None,
        source_alpha_sha256=source_alpha.sha256 if source_alpha else None,
        mask=mask,
        mask_sha256=facemask.sha256 if facemask is not None and mask == (private or out) / facemask.file else None,
        faces=_known_faces(row) if row else (),
        dismissed=tuple((b[0], b[1], b[2], b[3]) for b in row.facts.get("dismissed", ())) if row else (),
        decided_by=_decider(row, ledger),
        flat=row.facts.get("alpha_flat") if row else None,
        icc="srgb" if row and row.facts.get("icc") == "srgb" else "keep",
        used=UsedByBlur(row.versions.get("detector"), row.versions.get("second"))
        if row
        else UsedByBlur(facts.get("detector")),
        said=tuple(said),
    )


def _known_faces(row: Row) -> tuple[dict[str, Any], ...]:
    """What any look of the blur saw, the first look's with landmarks; all of it was masked, or left by a person."""
    gate = {"first": A_FACE, "second": A_FACE, **row.facts.get("gate", {})}
    second = {"detector": row.versions.get("second"), "landmarks": None, "view": "unknown", "gate": gate["second"]}
    boxes = row.facts.get("second") or ()
    return (*({"gate": gate["first"], **face} for face in row.faces), *({**second, **box} for box in boxes))


def _decider(row: Row | None, ledger: Ledger | None) -> str | None:
    """Who answered for a picture, "" if the ledger does not say; None if nobody has."""
    if row is None or row.decision is None:
        return None
    decision = Decisions(ledger).of(row.path) if ledger is not None else None
    return decision.who if decision is not None and decision.version == row.decision else ""


def _sigmas(facts: dict[str, Any], settings: dict[str, BlurSettings]) -> tuple[float, ...]:
    """The strengths that an attacker would try: the known one, or a guess; none for a face that was replaced."""
    if facts.get("profile") == "strict":
        return ()
    known = settings.get(str(facts.get("settings_digest")))
    return (known.sigma,) if known is not None else GUESSES
