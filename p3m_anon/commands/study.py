"""`p3m-anon study`: methods, protocols and seeds in one command, and the paper's tables of them."""

from __future__ import annotations

from importlib import import_module

import click

SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "run": ("p3m_anon.commands.study_run:run", "Train and test all that is not done yet."),
    "status": ("p3m_anon.commands.study_status:status", "How far it is, also while it runs."),
    "report": ("p3m_anon.commands.study_report:report", "Tables, gaps and plots beside the paper's numbers."),
    "add-predictions": ("p3m_anon.commands.study_predictions:add_predictions", "Other people's mattes as a row."),
}
"""Name -> (module:object, one line of help)."""


class LazyStudy(click.Group):
    """Its commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        from p3m_anon.commands.paths import keep_local

        module, _, attribute = SUBCOMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        keep_local(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in SUBCOMMANDS.items()])


@click.group(cls=LazyStudy)
def study() -> None:
    """Train and test many methods under many protocols, and set the numbers beside the paper's.

    A study is a TOML file, or the name of one that comes along: table1 to table5 are the paper's tables, smoke is a
    trial that a processor finishes in minutes.

    \b
    Examples:
      p3m-anon study run smoke --data dataset
      p3m-anon study run table3 --data P3M-10k --backbone resnet34.pth
      p3m-anon study status table3 --watch
      p3m-anon study report table3
    """
