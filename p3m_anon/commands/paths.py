"""Paths on the command line: those that may be URLs, and all others, which may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from p3m_anon.files.remote import RemotePath, is_url, location

READERS = "manifest build, verify, diff, show and export read URLs"


class PathOrUrl(click.Path):
    """A folder or file that is there, as a Path, or an fsspec URL, as a RemotePath, which is not looked up yet."""

    def __init__(self, *, file_okay: bool = True) -> None:
        """file_okay: a file will do, too."""
        super().__init__(exists=True, file_okay=file_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises as `files.remote.location` does."""
        found = location(value) if isinstance(value, str) and is_url(value) else value
        return found if isinstance(found, RemotePath) else super().convert(found, param, ctx)


class LocalPath(click.Path):
    """As the click.Path that it is made of, but a URL is refused: click would take `s3://bucket` for a folder's name,
    and a command would make it.
    """

    def __init__(self, path: click.Path) -> None:
        """path: what the command asks for."""
        vars(self).update(vars(path))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click.Path."""
        if isinstance(value, str) and is_url(value):
            self.fail(f"{value} is a URL, and this must be a local {self.name}; {READERS}", param, ctx)
        return super().convert(value, param, ctx)


def keep_local(command: click.Command) -> None:
    """Refuse URLs in all paths of a command and of its own commands, but for those declared as PathOrUrl."""
    for inner in getattr(command, "commands", {}).values():
        keep_local(inner)
    for param in command.params:
        if type(param.type) is click.Path:
            param.type = LocalPath(param.type)
