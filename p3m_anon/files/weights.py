"""Model weights: which files there are, where they are looked for, and the proof that they are the published ones.

A file is used only when its sha256 is the one in our table. Nothing here runs unasked: a batch run looks and checks,
only `fetch_weight` and `import_weight` write. torch is not imported, so that `weights list` and `doctor` stay quick.

The table is in `weights_table`. A file without a published digest is used only once the user pins one in weights.json.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import importlib.util
import json
import os
import re
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TypeAlias

from p3m_anon.errors import Stopped, UsageError, WeightsError
from p3m_anon.files.atomic import remove_leftovers, temporary_in
from p3m_anon.files.weights_table import WEIGHTS, Weight
from p3m_anon.files.weights_words import HEAD, cure, lacking, mismatch, no_url, unpinned

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes in all (None when the sender does not say)."""

CHUNK = 1 << 20
TIMEOUT_S = 30.0
USER_TABLE = "weights.json"


@dataclass(frozen=True)
class Checked:
    """A file whose digest was found to be right; sha256 is the full digest of what lies at path."""

    weight: Weight
    path: Path
    sha256: str


def checkpoints_dir() -> Path:
    """The folder in which torch.hub keeps checkpoints, by torch.hub's rules for TORCH_HOME and XDG_CACHE_HOME."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(os.path.expanduser(home)) / "hub" / "checkpoints"


def weights_folder(weights_dir: Path | None = None) -> Path:
    """The one folder that is looked in: `weights_dir` if the user named it, else torch.hub's."""
    return checkpoints_dir() if weights_dir is None else weights_dir


def known_weights(weights_dir: Path | None = None) -> dict[str, Weight]:
    """Our table, completed by `weights.json` of the weights folder: {"file name": "64 hex digits", ...}.

    The user's table can turn a prefix into a full digest and add files of its own (their name is the file name); it
    cannot make us accept another file in place of a published one.
    Raises WeightsError when it is no such table or contradicts ours.
    """
    table = dict(WEIGHTS)
    ours = {weight.file: weight for weight in WEIGHTS.values()}
    path = weights_folder(weights_dir) / USER_TABLE
    for file, sha256 in _read_user_table(path).items():
        if file not in ours:
            table[file] = Weight(file, file, sha256, f"from {USER_TABLE}")
            continue
        weight = ours[file]
        if not sha256.startswith(weight.sha256):
            raise WeightsError(f"{path}: the digest of {file} is not the published one, which begins {weight.sha256}")
        table[weight.name] = replace(weight, sha256=sha256)
    return table


def _read_user_table(path: Path) -> dict[str, str]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read: {error}") from error
    if not isinstance(rows, dict):
        raise WeightsError(f'{path} must be one JSON object {{"file name": "sha256", ...}}')
    for file, sha256 in rows.items():
        if not isinstance(sha256, str) or not re.fullmatch("[0-9a-fA-F]{64}", sha256):
            raise WeightsError(f"{path}: {file} needs its full sha256, 64 hex digits, got {sha256!r}")
        if not file or Path(file).name != file or "\\" in file:
            raise WeightsError(f"{path}: {file!r} must be a bare file name")
    return {file: sha256.lower() for file, sha256 in rows.items()}


def select_weights(names: Iterable[str], weights_dir: Path | None = None) -> list[Weight]:
    """The weights of these names (or file names), all of them for no names. Raises UsageError for an unknown one."""
    table = known_weights(weights_dir)
    by_file = {weight.file: weight for weight in table.values()}
    chosen = []
    for name in names:
        weight = table.get(name) or by_file.get(name)
        if weight is None:
            raise UsageError(f"unknown weights {name!r}; choose from {', '.join(table)}")
        chosen.append(weight)
    return list(dict.fromkeys(chosen)) or list(table.values())


def find_weight(weight: Weight, weights_dir: Path | None = None) -> Path | None:
    """Where the file lies, unchecked, or None. A package that brings a file is looked up, not imported."""
    if not weight.package:
        path = weights_folder(weights_dir) / weight.file
        return path if path.is_file() else None
    spec = importlib.util.find_spec(weight.package)
    places = spec.submodule_search_locations if spec is not None else None
    paths = [Path(place) / weight.file for place in places or ()]
    return next((path for path in paths if path.is_file()), None)


def missing_weights(names: Iterable[str], weights_dir: Path | None = None) -> list[Weight]:
    """Those of `names` whose file is not there; cheap, since nothing is hashed."""
    return [weight for weight in select_weights(names, weights_dir) if find_weight(weight, weights_dir) is None]


def combined_digest(weights: dict[str, Checked]) -> str:
    """One sha256 for all files that a detector uses: the file's own if it is one; "" for none."""
    if len(weights) == 1:
        return next(iter(weights.values())).sha256
    lines = "".join(f"{name} {weights[name].sha256}\n" for name in sorted(weights))
    return hashlib.sha256(lines.encode("ascii")).hexdigest() if weights else ""


def digest(path: Path) -> str:
    """The sha256 of a file, lower-case hex, read in pieces."""
    sha256 = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            sha256.update(chunk)
    return sha256.hexdigest()


def verify_weight(weight: Weight, path: Path) -> Checked:
    """Hash the file at `path`. Raises WeightsError, with what to do, when it is not the published file."""
    if not weight.sha256:
        raise WeightsError(unpinned(weight, path, digest(path), path.parent / USER_TABLE))
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    found, size = digest(path), path.stat().st_size
    if problem := mismatch(weight, found, size, head):
        raise WeightsError(f"{path} is not {weight.name}: {problem}; {cure(weight, USER_TABLE)}")
    return Checked(weight, path, found)


def require_weights(names: Iterable[str], wanted_by: str, weights_dir: Path | None = None) -> dict[str, Checked]:
    """Name -> the checked file. Raises one WeightsError that names every missing file, or the first wrong one.

    Nothing is ever downloaded here: a run on a cluster node must not hang on the network half way.
    """
    chosen = select_weights(names, weights_dir)
    missing = [weight for weight in chosen if find_weight(weight, weights_dir) is None]
    if missing:
        option = "" if weights_dir is None else f" --weights-dir {weights_dir}"
        raise WeightsError(f"{wanted_by} lacks weights in {weights_folder(weights_dir)}: {lacking(missing, option)}")
    paths = {weight: find_weight(weight, weights_dir) for weight in chosen}
    return {weight.name: verify_weight(weight, path) for weight, path in paths.items() if path is not None}


def fetch_weight(weight: Weight, weights_dir: Path | None = None, progress: Progress | None = None) -> Checked:
    """Download into the weights folder; the name appears there only after the digest was found right.

    Raises WeightsError when it has no URL, the network fails or the bytes are not the published ones; Stopped on a
    full disk. A file that is already there is replaced, and stays as it was when this fails.
    """
    if not weight.url:
        raise WeightsError(f"{weight.name} cannot be fetched: {no_url(weight)}")
    try:
        with urllib.request.urlopen(weight.url, timeout=TIMEOUT_S) as reply:
            size = int(reply.headers.get("Content-Length") or 0) or None
            return _store(reply, weight, weights_folder(weights_dir), size, progress)
    except (OSError, http.client.HTTPException) as error:
        todo = "fetch it elsewhere and use `p3m-anon weights import DIR`"
        raise WeightsError(f"{weight.url} could not be fetched ({error}); {todo}") from error


def weights_in(source: Path, names: Iterable[str] = (), weights_dir: Path | None = None) -> list[Weight]:
    """The known weights whose files lie in the folder `source`. Raises WeightsError when there are none."""
    wanted = [weight for weight in select_weights(names, weights_dir) if not weight.package]
    here = [weight for weight in wanted if (source / weight.file).is_file()]
    if not here:
        raise WeightsError(f"{source} holds none of: {', '.join(weight.file for weight in wanted)}")
    return here


def import_weight(weight: Weight, source: Path, weights_dir: Path | None = None) -> Checked:
    """Copy the file from the folder `source` into the weights folder, checked before it appears there.

    Raises WeightsError when it is not the published file or cannot be copied; Stopped on a full disk.
    """
    path = source / weight.file
    try:
        if not weight.sha256:
            raise WeightsError(unpinned(weight, path, digest(path), weights_folder(weights_dir) / USER_TABLE))
        with path.open("rb") as stream:
            return _store(stream, weight, weights_folder(weights_dir), path.stat().st_size, None)
    except OSError as error:
        raise WeightsError(f"{path} could not be copied: {error}") from error


def _store(
    stream: IO[bytes] | http.client.HTTPResponse,
    weight: Weight,
    folder: Path,
    size: int | None,
    progress: Progress | None,
) -> Checked:
    """Write the stream beside its place, check the digest, then rename. Stops at the first byte too many."""
    sha256, count, head = hashlib.sha256(), 0, b""
    with _temporary(folder, weight.file) as part:
        with part.open("xb") as out:
            while chunk := stream.read(CHUNK):
                out.write(chunk)
                sha256.update(chunk)
                count += len(chunk)
                head = head or chunk[:HEAD]
                if weight.size and count > weight.size:
                    break
                if progress is not None:
                    progress(count, size)
        found = sha256.hexdigest()
        if problem := mismatch(weight, found, count, head):
            raise WeightsError(f"what came for {weight.file} is not the published file: {problem}; not kept")
        target = folder / weight.file
        part.replace(target)
        return Checked(weight, target, found)


@contextmanager
def _temporary(folder: Path, file: str) -> Iterator[Path]:
    """A path in `folder` that is gone afterwards; a random name, so that two fetches cannot meet."""
    part = temporary_in(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder, below=False)
        yield part
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Stopped(f"no room for {file} in {folder}") from error
        raise
    finally:
        part.unlink(missing_ok=True)
