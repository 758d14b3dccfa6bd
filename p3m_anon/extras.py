"""Optional imports: the error names the extra to install."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from p3m_anon.errors import MissingExtra

EXTRAS: dict[str, tuple[str, ...]] = {
    "review": ("starlette", "uvicorn"),
    "ray": ("ray",),
    "export": ("onnx", "onnxscript", "pyarrow"),
    "remote": ("fsspec",),
}
"""The modules that each extra of setup.cfg brings."""


def import_extra(module: str, extra: str) -> ModuleType:
    """Import `module`, which the extra `extra` installs.

    Raises MissingExtra when it is not installed. A module that is installed but broken keeps its own ImportError:
    to install it again would not help.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingExtra(f"{package} is not installed; get it with: pip install 'p3m-anon[{extra}]'") from error
