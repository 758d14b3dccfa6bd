"""Small datasets for the tests of exports."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from p3m_anon.dataset import layout
from p3m_anon.files.dataset_facts import DatasetFacts, seal, write_facts
from p3m_anon.files.dataset_rows import MANIFEST, write_rows
from p3m_anon.jobs.manifest.pool import ordered

BLUR = {"blur_profile": "p3m", "region": "p3m", "sigma": 0.3, "transition_lo": 5, "transition_hi": 250}
DIGEST = "0123456789abcdef"


def spread(work, items):
    return ordered(work, items, workers=2)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def jpg(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def level(number: int) -> int:
    """The grey level of picture `number` and, plus one, of its mask: so that a wrong pair is seen."""
    return 10 + 7 * number % 200


def build_dataset(root: Path, names: dict[str, list[str]], layers=("alpha", "trimap"), size=(40, 30)) -> Path:
    """names: split -> ids; "release" for a release that is not split. layers may be a dict: split -> layers."""
    rows, number = [], 0
    for split, ids in names.items():
        mine = layers[split] if isinstance(layers, dict) else layers
        for name in ids:
            rows.append(add_picture(root, split, name, number, mine, size))
            number += 1
    write_rows(root / MANIFEST, rows)
    if "release" not in names:
        counts = {split: dict(Counter(r["status"] for r in rows if r["split"] == split)) for split in names}
        said = {"license": "CC-BY-4.0", "citation": "Ana & Ben (2026). <Portraits>."}
        settings = ({"digest": DIGEST, "blur": BLUR},)
        write_facts(root, DatasetFacts("small", "1.2.0", **said, counts=counts, settings=settings))
        seal(root)
    return root


def add_picture(root, split, name, number, layers, size) -> dict:
    """Write the files of one picture and return its row."""
    width, height = size
    clear = split == "P3M-500-NP"
    row = {"id": name, "split": None if split == "release" else split, "status": "normal" if clear else "anonymized"}
    grey = np.full((height, width), level(number), np.uint8)
    made = {
        "image": ("jpg", jpg(np.stack([grey] * 3, 2))),
        "alpha": ("png", png(grey + 1)),
        "foreground": ("png", png(np.stack([grey + 3] * 3, 2))),
        "background": ("jpg", jpg(np.stack([grey] * 3, 2))),
    }
    made["trimap"] = ("png", png(np.where(np.arange(width) < number, 255, 128).astype(np.uint8) * np.ones_like(grey)))
    for key in ("image", *layers):
        ending, data = made[key]
        folder = {"image": "blurred_image", "alpha": "mask"}[key] if split == "release" else layout.folder(split, key)
        file = f"{folder}/{name}.{ending}"
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(data)
        row |= {key: file, f"{key}_sha256": hashlib.sha256(data).hexdigest()}
    row |= {"width": width, "height": height, "faces": number % 3, "detector": "centerface", "profile": "p3m"}
    row |= {"fidelity": "mcu", "settings_digest": DIGEST, "release_basis": "consent" if clear else None}
    return row
