"""The run folder: what a run is made of, and whether it may go on."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p3m_anon import __version__
from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.dataset_rows import MANIFEST
from p3m_anon.jobs.split.files import ORIGINALS
from p3m_anon.training.checkpoints import NOT_FINITE, kept_step
from p3m_anon.training.run_settings import RunSettings, changes

if TYPE_CHECKING:
    import torch

    from p3m_anon.jobs.train.inputs import TrainingSet
    from p3m_anon.jobs.train.request import TrainRequest

SETTINGS, ENVIRONMENT, PICTURES = "settings.json", "environment.json", "pictures.json"
_CHECKPOINT = "last.ckpt"
_PACKAGES = ("torch", "lightning-fabric", "numpy", "opencv-python", "pillow", "pymatting", "tensorboard")
_WRITTEN = {"settings", "devices", "pictures_sha256", "manifest_sha256"}
_NEEDED = {"schedule", "batch_size"}
_REMEDIES = ("learning_rate", "clip", "precision")  # for a loss that is not finite
_NAMED = 5  # pictures in a difference


def keep_apart(request: TrainRequest) -> None:
    """Raises UsageError for a run folder inside a dataset or its originals: it is neither; and for one that is none."""
    out = request.out.resolve()
    above = [out, *out.parents]
    if request.inputs.root.resolve() in above or any((one / MANIFEST).exists() for one in above):
        raise UsageError(f"the run folder {request.out} lies inside a dataset; choose another --out")
    if {request.inputs.originals_folder.resolve(), request.inputs.private_folder.resolve() / ORIGINALS} & set(above):
        raise UsageError(f"the run folder {request.out} lies among the originals; choose another --out")
    if out.is_file() or (out.is_dir() and _holds_something(out)):
        _read_run(out)
    if (out / _CHECKPOINT).exists() and not request.resume:
        raise UsageError(f"{request.out} holds a run; go on with it with --resume, or choose another --out")


def describe(request: TrainRequest, settings: RunSettings, found: TrainingSet, world: int) -> dict[str, Any]:
    """What a run is made of, as settings.json has it."""
    return {
        "version": __version__,
        "settings": json.loads(json.dumps(asdict(settings))),
        "protocol": request.inputs.protocol,
        "pictures": len(found.rows),
        "pictures_sha256": found.digest,
        "manifest_sha256": found.manifest_sha256,
        "validate": request.validate,
        "validate_count": request.validate_count,
        "devices": world,
    }


def check_unchanged(
    folder: Path, said: dict[str, Any], files: dict[str, list[str]], *, any_manifest: bool = False
) -> None:
    """Raises UsageError, with the difference, where the run in `folder` was made of something else.

    What may differ: how long it goes on, unless the learning rate hangs on it; over how many devices its batches are
    spread; whether it is compiled; the version of this package; after a loss that was not finite, what helps; with
    `any_manifest` also what manifest.jsonl says beside the pictures.
    """
    before, files_before = _read_run(folder)
    remedies = _REMEDIES if any(folder.glob(NOT_FINITE.format(step="*", rank="*"))) else ()
    if any_manifest:
        before = {**before, "manifest_sha256": said["manifest_sha256"]}
    lines = changes(_binding(before, remedies), _binding(said, remedies))
    pictures = ("pictures", "pictures_sha256", "manifest_sha256")
    if any(line.startswith(pictures) for line in lines):
        lines = [line for line in lines if not line.startswith(pictures)]
        changed = _changed_pictures(files_before, files)
        changed += [MANIFEST] if before["manifest_sha256"] != said["manifest_sha256"] else []
        lines += changed or [PICTURES]
    if lines:
        raise UsageError(
            f"{folder} cannot go on, as it was begun with other settings or pictures: {'; '.join(lines)}. Put them"
            " back, or begin another run with another --out"
        )


def goes_on_with(folder: Path, said: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`said` with what was changed since the run in `folder` began, and a line for the user on what now changes."""
    before, _ = _read_run(folder)
    old, new = ({name: one["settings"].get(name) for name in _REMEDIES} for one in (before, said))
    lines = changes(old, new)
    step = kept_step(folder)
    changed = before.get("changed", []) + ([{"after_step": step, "settings": lines}] if lines else [])
    notices = [f"from step {step} on with other settings than before: {'; '.join(lines)}"] if lines else []
    return ({**said, "changed": changed} if changed else said), notices


def write_description(folder: Path, said: dict[str, Any], files: dict[str, list[str]], device: torch.device) -> None:
    """pictures.json, environment.json and settings.json."""
    for name, content in ((PICTURES, files), (ENVIRONMENT, environment(device)), (SETTINGS, said)):
        write_bytes(folder / name, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode(), private=True)


def note_of(said: dict[str, Any]) -> dict[str, Any]:
    """What checkpoints say of themselves; they may be published, so it names no file."""
    own = {name: said["settings"][name] for name in ("method", "width")}
    return {**own, **{name: value for name, value in said.items() if name != "version"}, **_revision()}


def environment(device: torch.device) -> dict[str, Any]:
    """What a run depends on that is not ours."""
    import torch

    return {
        "p3m_anon": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": {name: _version(name) for name in _PACKAGES},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        **_revision(),
    }


def _read_run(folder: Path) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What was written of the run in `folder`; other folders have a settings.json, too. Raises UsageError."""
    try:
        said = json.loads((folder / SETTINGS).read_bytes())
        files = json.loads((folder / PICTURES).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} is no run folder, or is damaged; choose another --out") from error
    known = isinstance(said, dict) and isinstance(files, dict) and said.keys() >= _WRITTEN
    if not known or not isinstance(said["settings"], dict) or not said["settings"].keys() >= _NEEDED:
        raise UsageError(f"{folder} is no run folder; choose another --out")
    return said, files


def _holds_something(folder: Path) -> bool:
    return any(one.suffix != ".lock" and not one.name.startswith(".") for one in folder.iterdir())


def _binding(said: dict[str, Any], remedies: Sequence[str]) -> dict[str, Any]:
    """What must stay as it is for the run to go on. remedies: settings that may change."""
    settings = {"pipeline": "p3m", **said["settings"]}  # earlier versions had no other
    free = ["compile", "batch_size", *remedies] + (["epochs", "max_steps"] if settings["schedule"] == "fixed" else [])
    kept = {name: value for name, value in settings.items() if name not in free}
    kept["pictures of a batch on all devices"] = settings["batch_size"] * said["devices"]
    apart = ("version", "devices", "changed")
    return {name: kept if name == "settings" else one for name, one in said.items() if name not in apart}


def _changed_pictures(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    both = before.keys() & after.keys()
    lines = []
    for what, ids in (
        ("new", after.keys() - before.keys()),
        ("gone", before.keys() - after.keys()),
        ("changed", {id for id in both if before[id] != after[id]}),
    ):
        if ids:
            named = ", ".join(sorted(ids)[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")
            lines.append(f"{len(ids)} {'picture' if len(ids) == 1 else 'pictures'} {what}: {named}")
    return lines


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _revision() -> dict[str, str]:
    """Of the checkout that this package lies in, if it does: `-dirty` where something was changed."""
    folder = Path(__file__).parents[3]
    if not (folder / ".git").exists():
        return {}
    try:
        asked = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"git_revision": done.stdout.strip()}
