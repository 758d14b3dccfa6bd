"""What a run works on: its folders, its pictures and what lies beside them, and what is left of earlier runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from p3m_anon.errors import UsageError
from p3m_anon.faces.reasons import Finding, Reason
from p3m_anon.files.decisions import Decisions
from p3m_anon.files.folders import find_pictures, locate, stem_of, walk_stems
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_rows import Row
from p3m_anon.files.private import opaque_id, private_folder, private_key
from p3m_anon.files.release import IMAGE_FOLDERS, Release
from p3m_anon.jobs.blur.request import BlurRequest, Summary
from p3m_anon.jobs.blur.tasks import Task

NAMED = 5  # how many of a kind a note names
LEDGER = "ledger.sqlite"


@dataclass(frozen=True)
class Folders:
    """Where a run reads and writes. beside: role (alpha, manual_mask, landmarks) -> folder. unused: never walked."""

    pictures: Path
    out: Path
    private: Path
    beside: dict[str, Path]
    unused: Path | None

    @property
    def alphas(self) -> Path | None:
        """The folder of alphas, if they are used."""
        return self.beside.get("alpha")


def find_folders(request: BlurRequest) -> Folders:
    """All folders of a run. Raises UsageError where one is missing, or where outputs and inputs would mix."""
    if not request.folder.is_dir():
        raise UsageError(f"{request.folder} is not a folder; give the folder that holds the pictures")
    found = locate(request.folder)
    whole = request.folder.resolve()
    if request.out is None and not whole.name:
        raise UsageError("the whole file system cannot be blurred; give a folder of pictures")
    out = (request.out or whole.with_name(whole.name + "-anonymized")).absolute()
    alphas = None if request.alpha_policy == "none" else request.alphas or found.alphas
    if request.alpha_policy == "required" and alphas is None:
        raise UsageError(f"--require-alpha, but no alphas: give --alpha DIR or put them into {request.folder}/mask")
    wanted = {"alpha": alphas, "manual_mask": request.masks, "landmarks": request.landmarks}
    beside = {role: folder.absolute() for role, folder in wanted.items() if folder is not None}
    private = private_folder(out, request.private).absolute()
    folders = Folders(found.pictures.absolute(), out, private, beside, found.alphas)
    _check(request, folders)
    return folders


def _check(request: BlurRequest, folders: Folders) -> None:
    """Outputs must never be read as inputs, nor inputs be overwritten."""
    for role, folder in (("pictures", folders.pictures), *folders.beside.items()):
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder; it should hold the {role.replace('_', ' ')} files")
        for ours in (folders.out, folders.private):
            inner, outer = folder.resolve(), ours.resolve()
            if inner.is_relative_to(outer) or outer.is_relative_to(inner):
                raise UsageError(f"{ours} and {folder} lie inside one another; choose another --out or --private")
    for folder in (folders.pictures, folders.out, folders.private):
        try:
            str(folder.absolute()).encode()
        except UnicodeEncodeError as error:
            raise UsageError("a folder's name is not valid UTF-8; rename it") from error
    if folders.out.exists() and not folders.out.is_dir():
        raise UsageError(f"{folders.out} is a file; choose another --out")
    known = (folders.private / LEDGER).exists()
    for folder in (folders.out, folders.private):
        if not known and folder.is_dir() and any(one.suffix != ".lock" for one in folder.iterdir()):
            raise UsageError(f"{folder} is not empty and no earlier run made it; choose a new folder")
    if request.format and request.format.lower() not in ("jpeg", "png", "webp", "tiff", "bmp"):
        raise UsageError(f"--format {request.format}: choose jpeg, png, webp, tiff or bmp")


def register(request: BlurRequest, folders: Folders, ledger: Ledger, summary: Summary) -> None:
    """Note all inputs and what lies beside them; what fits nothing is said."""
    ledger.companions(_companions(folders, summary))
    for role, folder in folders.beside.items():
        if not ledger.has_companions(role):
            hint = ", or --no-alpha" if role == "alpha" else ""
            raise UsageError(f"{folder} holds no {role.replace('_', ' ')} files; give the right folder{hint}")
    summary.inputs = ledger.register(_paths(request, folders, summary), _ids(request, folders.private))
    if not summary.inputs:
        raise UsageError(
            f"no pictures in {folders.pictures} (links that lead out of it are followed with --follow-links only)"
        )
    gone = ledger.count_gone()
    if request.prune and gone > summary.inputs:
        raise UsageError(f"--prune: {gone} inputs are gone and {summary.inputs} there; is it the right folder?")
    for role in ("manual_mask", "landmarks"):
        lonely = ledger.lonely(role, NAMED + 1)
        if lonely:
            summary.warn(f"{role.replace('_', ' ')} files that fit no picture's name: {_some(lonely)}")
    unknown = sorted(name for name in request.no_face if not ledger.knows(name))
    if unknown:
        summary.warn(f"on the no-face list, but no picture's path or id: {_some(unknown)}")


def _some(names: list[str]) -> str:
    return ", ".join(Path(name).name for name in names[:NAMED]) + (", and more" if len(names) > NAMED else "")


def _paths(request: BlurRequest, folders: Folders, summary: Summary) -> Iterator[tuple[str, str]]:
    """Path, relative and posix, and stem of all pictures; names that are no text are counted and reported."""
    public: set[str] = set()
    beside = [*folders.beside.values(), *([folders.unused] if folders.unused else [])]
    for path in find_pictures(folders.pictures, exclude=beside, follow_links=request.follow_links):
        name = path.relative_to(folders.pictures).as_posix()
        if _is_text(name, summary):
            if request.ids == "keep":
                public.update(str(parent) for parent in PurePosixPath(name).parents if parent.name)
            yield name, stem_of(Path(name))
    summary.public_folders = len(public)


def _companions(folders: Folders, summary: Summary) -> Iterator[tuple[str, str, str]]:
    """(role, stem, file) of everything that lies beside the pictures."""
    for role, folder in folders.beside.items():
        for stem, path in walk_stems(folder, role):
            if _is_text(str(path.relative_to(folder)), summary):
                yield role, stem, str(path)


def _is_text(name: str, summary: Summary) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = name.encode("utf-8", "backslashreplace").decode()
        summary.warn(f"{shown}: left out, its name is not valid UTF-8; rename it")
        return False
    return True


def _ids(request: BlurRequest, private: Path) -> Callable[[str, bool], str]:
    """A path's id: the path without its ending (with it, if another file has the same), or an opaque one."""
    if request.ids == "opaque":
        key = private_key(private, make=not request.dry_run)
        return lambda path, _shared: opaque_id(key, path)

    def keep(path: str, shared: bool) -> str:
        stem = stem_of(Path(path))
        return f"{stem}_{path[len(stem) + 1 :]}" if shared and len(path) > len(stem) else stem

    return keep


def make_task(request: BlurRequest, folders: Folders, ledger: Ledger, row: Row) -> Task:
    """A row with its files; two alphas for one picture, or none where one is due, are a finding."""
    files, problem = {"image": folders.pictures / row.path}, None
    spare = []
    for role, found in ledger.beside(stem_of(Path(row.path))).items():
        files[role] = Path(found[0])
        if len(found) > 1 and role == "alpha":
            names = " and ".join(Path(one).name for one in found)
            problem = Finding(Reason.ALPHA_MISMATCH, f"several alphas for one picture: {names}; leave one")
        elif len(found) > 1:
            spare.append(role)
    if "alpha" not in files and "alpha" in folders.beside:
        problem = Finding(Reason.ALPHA_MISSING, "there is no alpha with this picture's name")
    decision = Decisions(ledger).of(row.path)
    counts = decision is not None and (decision.is_binding or decision.unsettled is not None)
    return Task(row, files, problem, tuple(spare), decision if counts else None)


def remove_gone(request: BlurRequest, ledger: Ledger, store: Release, summary: Summary) -> None:
    """Inputs that are not there any more are counted; with `prune` their outputs are removed.

    An output that belongs to another picture by now, which took over the id, is left alone.
    """
    summary.gone = ledger.count_gone()
    if not request.prune:
        return
    for row in ledger.rows(gone=True):
        if row.status == "withdrawn":
            continue
        heir = ledger.row_of_id(row.id)
        if heir is None:
            store.clear(row.id, row.outputs)
        ledger.forget(row.path)
        summary.pruned += 1


def find_strangers(out: Path, ledger: Ledger, summary: Summary) -> None:
    """Files in the release folder that no accepted picture of this run accounts for."""
    strangers = []
    for folder in (*IMAGE_FOLDERS, "mask", "facemask"):
        for parent, _, names in os.walk(out / folder):
            for name in sorted(names):
                file = Path(parent, name).relative_to(out).as_posix()
                if not ledger.accounts_for(file):
                    strangers.append(file)
        if len(strangers) > NAMED:
            break
    if strangers:
        summary.warn(f"in the release folder, but of no picture of this run: {_some(strangers)}; look, and remove them")
