"""Models that are known to have been trained on pictures of a test set: manifests/contaminated.json."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


def contaminations(name: str, split: str) -> tuple[str, ...]:
    """Why figures of the model of this name on this split are no test; none where nothing is known.

    name: as people write it; case, spaces and punctuation do not matter, but all of it has to be there. An owner
    before it, as in `ZhengPeng7/BiRefNet`, may be.
    """
    asked = {_bare(name), _bare(name.rpartition("/")[2])}
    return tuple(
        f"trained on pictures of {split}: {model['fact']} ({model['source']})"
        for model in _models()
        if split in model["trained_on"] and not asked.isdisjoint(map(_bare, model["names"]))
    )


def _bare(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


@cache
def _models() -> list[dict[str, Any]]:
    said = json.loads(files("p3m_anon.manifests").joinpath("contaminated.json").read_bytes())
    models: list[dict[str, Any]] = said["models"]
    return models
