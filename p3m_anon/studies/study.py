"""A study: which methods are trained and tested on what, as a TOML file says it."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from p3m_anon.dataset.rows import Split
from p3m_anon.errors import UsageError
from p3m_anon.evaluation.tables import paper_methods
from p3m_anon.methods.registry import METHODS
from p3m_anon.studies.settings import EVALUATION, TRAINING, check_options, run_settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TESTS = ("P3M-500-P:B", "P3M-500-P:N", "P3M-500-NP:N")
TABLES = (1, 2, 3, 4, 5)
_SEED = 2**63 - 1  # what a generator takes
_FOLDERS = ("cells", "runs", "predictions")  # of a store, beside which each study has its own
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_KEYS = ("title", "table", "data", "methods", "trained_on", "tested_on", "seeds", "training", "evaluation")


class TestSet(NamedTuple):
    """What is tested on: a split, with its blurred pictures (B) or normal ones (N)."""

    split: Split
    pictures: Literal["B", "N"]

    def __str__(self) -> str:
        """As in `P3M-500-P:B`."""
        return f"{self.split}:{self.pictures}"

    @classmethod
    def parse(cls, text: str) -> TestSet:
        """The other way round. text: one of TESTS."""
        split, _, pictures = text.partition(":")
        return cls(cast(Split, split), cast(Literal["B", "N"], pictures))


@dataclass(frozen=True)
class Study:
    """What a study asks for.

    name: of its file. table: of the paper, whose layout the report has; None: one table of all metrics. data: the
    dataset's ROOT, "" if the command line has to say. methods: of METHODS or of the paper's tables. trained_on: B, N.
    training: options of `train`, evaluation: of `eval`, by their names; those that are not there are the defaults.
    """

    name: str
    title: str
    table: int | None
    data: str
    methods: tuple[str, ...]
    trained_on: tuple[str, ...]
    tested_on: tuple[TestSet, ...]
    seeds: tuple[int, ...]
    training: Mapping[str, Any]
    evaluation: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Of JSON's kinds."""
        return {**vars(self), "tested_on": [str(one) for one in self.tested_on]}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Study:
        """The other way round."""
        lists = {name: tuple(said[name]) for name in ("methods", "trained_on", "seeds")}
        return cls(**{**said, **lists, "tested_on": tuple(map(TestSet.parse, said["tested_on"]))})


def shipped() -> list[str]:
    """Names of the studies that come with the package."""
    folder = files("p3m_anon.manifests").joinpath("studies")
    names = (one.name for one in folder.iterdir()) if folder.is_dir() else ()
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def read_study(file_or_name: str | Path) -> Study:
    """The study of a TOML file, or a shipped one by its name. Raises UsageError that names file and key."""
    text = str(file_or_name)
    if not text.endswith(".toml") and text in shipped():
        file = files("p3m_anon.manifests").joinpath("studies", f"{text}.toml")
        return _study(text, text, file.read_bytes())
    path = Path(file_or_name)
    if path.is_file() and path.suffix != ".toml":
        raise UsageError(f"{text}: a study is a TOML file; call it {path.stem}.toml")
    try:
        return _study(path.stem, text, path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{text}: cannot be read as a study ({error.strerror}); name a TOML file, or one of {', '.join(shipped())}"
        ) from error


def _study(name: str, file: str, content: bytes) -> Study:
    try:
        said = tomllib.loads(content.decode())
    except (UnicodeDecodeError, RecursionError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file} is not a valid TOML file ({error})") from error
    if not _NAME.fullmatch(name) or name in _FOLDERS:
        raise UsageError(
            f"{file}: a study is called as its file; use letters, digits, _ and -, and not {', '.join(_FOLDERS)}"
        )
    try:
        return _checked(name, said)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error


def _checked(name: str, said: dict[str, Any]) -> Study:
    unknown = [key for key in said if key not in _KEYS]
    if unknown:
        raise UsageError(f"there is no key {unknown[0]}; there are {', '.join(_KEYS)}")
    for key, default in (("title", name), ("data", ""), ("table", None), ("training", {}), ("evaluation", {})):
        said.setdefault(key, default)
    for key in ("title", "data"):
        if not isinstance(said[key], str):
            raise UsageError(f"{key} must be text, got {said[key]!r}")
    if said["table"] is not None and (said["table"] not in TABLES or isinstance(said["table"], bool)):
        raise UsageError(f"table must be one of 1 to 5, got {said['table']!r}")
    known = dict.fromkeys([*METHODS, *paper_methods()])
    methods = cast(tuple[str, ...], _list(said, "methods", known))
    study = Study(
        name,
        said["title"],
        said["table"],
        said["data"],
        methods,
        cast(tuple[str, ...], _list(said, "trained_on", ("B", "N"), ("B",))),
        tuple(TestSet.parse(str(one)) for one in _list(said, "tested_on", TESTS)),
        cast(tuple[int, ...], _seeds(said)),
        said["training"],
        said["evaluation"],
    )
    check_options("training", study.training, TRAINING)
    check_options("evaluation", study.evaluation, EVALUATION)
    for method in _trained(methods):
        run_settings(study.training, method, seed=0)
    return study


def _trained(methods: Collection[str]) -> Iterator[str]:
    return (name for name in methods if name in METHODS and METHODS[name].build is not None)


def _list(
    said: Mapping[str, Any], key: str, allowed: Collection[object], default: tuple[object, ...] = ()
) -> tuple[object, ...]:
    values = said.get(key, list(default))
    if not isinstance(values, list) or not values:
        raise UsageError(f"{key} must be a list of at least one of {', '.join(map(str, allowed))}")
    wrong = [one for one in values if not isinstance(one, str) or one not in allowed]
    if wrong:
        raise UsageError(f"{key} has {wrong[0]!r}; allowed are {', '.join(map(str, allowed))}")
    if len(set(values)) < len(values):
        raise UsageError(f"{key} names something twice: {values}")
    return tuple(values)


def _seeds(said: Mapping[str, Any]) -> tuple[object, ...]:
    values = said.get("seeds", [0])
    fine = isinstance(values, list) and values and all(type(one) is int and 0 <= one <= _SEED for one in values)
    if not fine or len(set(values)) < len(values):
        raise UsageError(f"seeds must be a list of different numbers from 0 to 2**63 - 1, got {values!r}")
    return tuple(values)
