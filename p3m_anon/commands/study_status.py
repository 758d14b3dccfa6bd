"""`p3m-anon study status`: the grid of a study."""

from __future__ import annotations

import json
from pathlib import Path

import click

from p3m_anon.commands.study_run import STORE


@click.command()
@click.argument("study")
@STORE
@click.option("--watch", is_flag=True, help="Stay, and show it anew every few seconds; Ctrl-C ends it.")
@click.option("--json", "as_json", is_flag=True, help="Print all cells as JSON on stdout.")
def status(study: str, out: Path, watch: bool, as_json: bool) -> None:
    """How far STUDY is: a line for each method and what it is trained on, a column for each test.

    It only looks: beside runs that are under way, after one was killed, and without the dataset.

    \b
    Examples:
      p3m-anon study status table3
      p3m-anon study status table3 --watch

    Exit codes: 0 shown; 2 usage.
    """
    from p3m_anon.commands.counter import printable
    from p3m_anon.commands.study_view import show_grid, watch_grid
    from p3m_anon.jobs.study.run import standings
    from p3m_anon.studies.predictions import with_predictions
    from p3m_anon.studies.store import Store

    store, name = Store(out), Path(study).name.removesuffix(".toml")
    said, own = store.grid(name)
    shown = with_predictions(own, said, store)
    cells = [one for one, _ in shown]
    if as_json:
        click.echo(json.dumps({"study": name, "cells": [one.to_dict() for one in standings(cells, store)]}))
    elif watch:
        watch_grid(said, lambda: standings(cells, store))
    else:
        show_grid(said, standings(cells, store))
    for one, flags in () if as_json else shown:
        for flag in flags:
            click.echo(printable(f"flagged, no fair test: {one.cell.method}: {flag}"))
