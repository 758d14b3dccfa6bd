"""The pictures of one split, from the dataset's manifest or, where it has none, from its folders."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from p3m_anon.dataset import layout
from p3m_anon.dataset.rows import Split
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.files.private import private_folder
from p3m_anon.jobs.eval.files import NamedFiles, hidden_in, id_of
from p3m_anon.jobs.split.files import ORIGINALS

Face = Literal["blurred", "clear", ""]


@dataclass(frozen=True)
class Picture:
    """One picture. stem: of its files, where that is not its id. listed: role -> sha256 that the manifest gives.

    face: what the manifest says of it, as far as it says anything; in P3M-500-NP nothing is asked. blurred: sha256 of
    the blurred picture, where `image` is to be its original. problem: why it cannot be scored, whatever the prediction
    is.
    """

    id: str
    stem: str
    image: Path | None
    alpha: Path | None
    trimap: Path | None
    listed: Mapping[str, str] = field(default_factory=dict)
    face: Face = ""
    blurred: str = ""
    problem: str = ""

    @property
    def names(self) -> frozenset[str]:
        """What its files may be called; an id that was made from a name stands for that name alone."""
        return frozenset({self.stem} if self.id == id_of(self.stem) else {self.id, self.stem})


def pictures(root: Path, split: Split) -> Iterator[Picture]:
    """Every picture of the split once: in the order of the manifest, or by stem.

    Raises UsageError where the dataset has no such split, or has it twice.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder")
    listed = _listed(root, split) if (root / MANIFEST).is_file() else _found(root, split)
    first = next(listed, None)
    if first is None:
        raise UsageError(
            f"{root} holds no pictures of {split}; name the own folder of a dataset that has some, as split makes it"
        )
    yield first
    yield from listed


class Originals:
    """The clear pictures of train or P3M-500-P, which lie beside the dataset and never in it."""

    def __init__(self, root: Path, split: Split, asked: Path | None) -> None:
        """asked: a folder of pictures by id, or one that holds a folder for each split; default `ROOT.private`'s.

        Raises UsageError where there are none, and for a folder inside the dataset: what lies there is blurred.
        """
        folder = asked or private_folder(root.resolve()) / ORIGINALS
        folder = folder / split if asked is None or (folder / split).is_dir() else folder
        if folder.resolve().is_relative_to(root.resolve()):
            raise UsageError(f"{folder}: clear pictures lie outside of the dataset; move them, and name them again")
        if not folder.is_dir():
            raise UsageError(
                f"there are no originals of {split} in {folder}: a test on normal pictures (B:N, N:N) needs them; name"
                " them with --originals DIR (the public P3M-10k has none)"
            )
        self._files = NamedFiles(folder)

    def of(self, picture: Picture) -> Picture:
        """The picture with its original in the place of its image."""
        found = self._files.find(*picture.names)
        listed = {role: sha256 for role, sha256 in picture.listed.items() if role != "image"}
        problem = picture.problem or ("" if found else "no original of this name") or _twins("originals", found)
        blurred = picture.listed.get("image", "") if picture.face == "blurred" else ""
        image = found[0] if found else None
        return replace(picture, image=image, listed=listed, face="", blurred=blurred, problem=problem)


def absent(picture: Picture, *, image: bool) -> str:
    """Which of the picture's files is not there, or "". image: whether it is needed."""
    files = {"image": picture.image, "alpha": picture.alpha, "trimap": picture.trimap}
    needed = {"image": image, "alpha": True, "trimap": picture.trimap is not None}
    gone = (role for role, path in files.items() if needed[role] and (path is None or not path.is_file()))
    return next((f"there is no {role} of it" for role in gone), "")


def hidden(root: Path, split: Split) -> int:
    """Files of a split without a manifest that are left out, as their names begin with a dot."""
    if (root / MANIFEST).is_file():
        return 0
    return sum(hidden_in(folder) for role, folder in _folders(root, split).items() if role != "trimap")


def _listed(root: Path, split: Split) -> Iterator[Picture]:
    seen: set[str] = set()
    for row in read_rows(root / MANIFEST):
        if row.get("split") != split or row["id"] in seen:
            if row.get("split") == split:
                raise UsageError(f"{root / MANIFEST} has two rows {row['id']}; manifest verify lists what is wrong")
            continue
        seen.add(row["id"])
        image = root / row["image"]
        place = layout.place(row["image"])
        stem = place.stem if place else layout.stem(image.name)
        trimap = root / row["trimap"] if row.get("trimap") else image.parent.with_name("trimap") / f"{stem}.png"
        yield Picture(
            row["id"],
            stem,
            image,
            root / row["alpha"] if row.get("alpha") else None,
            trimap if row.get("trimap") or trimap.is_file() else None,
            {role: row[f"{role}_sha256"] for role in ("image", "alpha", "trimap") if row.get(f"{role}_sha256")},
            _face(row, split),
            problem="" if row.get("alpha") else f"{MANIFEST} names no alpha",
        )


def _face(row: Mapping[str, Any], split: Split) -> Face:
    """A picture that lies where blurred ones do not is taken for a clear one, whatever its row says."""
    if split == "P3M-500-NP":
        return ""
    place = layout.place(row["image"])
    if row["status"] == "normal" or place is None or (place.split, place.role) != (split, "image"):
        return "clear"
    return "blurred" if row["status"].startswith("anonymized") else ""


def _found(root: Path, split: Split) -> Iterator[Picture]:
    folders = _folders(root, split)
    files = {role: NamedFiles(folder if folder.is_dir() else None) for role, folder in folders.items()}
    for stem, _ in groupby(heapq.merge(files["image"].stems(), files["alpha"].stems())):
        found = {role: of_role.find(stem) for role, of_role in files.items()}
        problem = "" if found["alpha"] else "no alpha of this name"
        for role in found:
            problem = problem or _twins(f"{role}s", found[role])
        image, alpha, trimap = (paths[0] if paths else None for paths in found.values())
        yield Picture(id_of(stem), stem, image, alpha, trimap, problem=problem)


def _folders(root: Path, split: Split) -> dict[str, Path]:
    base = _base(root, split)
    return {role: base / layout.folder(split, role).rpartition("/")[2] for role in ("image", "alpha", "trimap")}


def _base(root: Path, split: Split) -> Path:
    places = sorted({root / layout.split_folder(split, validation=level) for level in (True, False)})
    there = [one for one in places if one.is_dir()]
    if len(there) > 1:
        raise UsageError(f"{split} lies in {root} twice, also without {layout.VALIDATION}/; remove one")
    if not there:
        raise UsageError(
            f"{root} holds no {split}: neither a {MANIFEST} nor the folder {places[-1].relative_to(root)}; name the"
            " dataset's own folder, in the form of P3M-10k"
        )
    return there[0]


def _twins(what: str, found: list[Path]) -> str:
    return f"several {what} of this name: {', '.join(path.name for path in found)}; keep one" if len(found) > 1 else ""
