"""The command line's entry: which commands there are, and how errors end.

No command is imported before it runs or its own help is asked for, so `p3m-anon --help` is quick.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Any

import click

from p3m_anon import __version__
from p3m_anon.errors import MissingExtra, P3MError, Stopped, UsageError, WeightsError

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("p3m_anon.commands.demo:demo", "Try it: blur real portraits that came with the installation."),
    "blur": ("p3m_anon.commands.blur:blur", "Blur the faces of a folder of portraits."),
    "review": ("p3m_anon.commands.review:review", "Decide on a local page about the pictures that wait."),
    "masks": ("p3m_anon.commands.masks:masks", "Masks out to LabelMe, COCO or PNG, and back."),
    "audit": ("p3m_anon.commands.audit:audit", "Re-read a release and attack it."),
    "trimap": ("p3m_anon.commands.trimap:trimap", "Trimaps from alphas."),
    "foreground": ("p3m_anon.commands.foreground:foreground", "Foreground and background layers for training."),
    "split": ("p3m_anon.commands.split:split", "Divide a release into train, P3M-500-P and P3M-500-NP."),
    "manifest": ("p3m_anon.commands.manifest:manifest", "Index, verify, compare, show and export a dataset."),
    "withdraw": ("p3m_anon.commands.withdraw:withdraw", "Remove pictures and all that was made from them."),
    "matte": ("p3m_anon.commands.matte:matte", "Alpha mattes and cut-outs of pictures."),
    "train": ("p3m_anon.commands.train:train", "Train a matting method."),
    "eval": ("p3m_anon.commands.eval:eval", "Score mattes in the paper's metrics."),
    "study": ("p3m_anon.commands.study:study", "Methods x protocols: the paper's tables, run and reported."),
    "export": ("p3m_anon.commands.export_model:export", "A network as an ONNX file."),
    "weights": ("p3m_anon.commands.weights:weights", "Model weights: list, fetch, import, verify."),
    "doctor": ("p3m_anon.commands.doctor:doctor", "What works on this machine, and what to do about what does not."),
}
"""Name -> (module:object, one line of help). A command is one file and one line here."""

INTERRUPTED = 130


class ErrorLine(click.ClickException):
    """One of our own errors as one line on stderr."""


class UsageLine(ErrorLine):
    exit_code = 2


class StoppedLine(ErrorLine):
    exit_code = 4


def error_line(error: P3MError) -> ErrorLine:
    """The line that ends the command, with the exit code that belongs to this error."""
    message = " ".join(str(error).split())
    if isinstance(error, (UsageError, WeightsError, MissingExtra)):  # nothing was done
        return UsageLine(message)
    return StoppedLine(message) if isinstance(error, Stopped) else ErrorLine(message)


def _system_line(error: OSError) -> str:
    """What the system refused, and where."""
    reason = error.strerror or str(error)
    if error.filename is None and error.errno == errno.ENOSPC:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - else Python fails once more when it ends
        return f"the output cannot be written ({reason}); make room and run the same command again"
    return f"{error.filename or 'a file or folder'} cannot be used ({reason}); check the path, its rights and the disk"


class LazyGroup(click.Group):
    """A group whose commands are imported on use; our own errors become one line, others keep their traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from p3m_anon.commands.paths import keep_local

        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        keep_local(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except P3MError as error:
            raise error_line(error) from error
        except MemoryError as error:
            raise StoppedLine("not enough memory; free some, or give the command less to do at once") from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # `| head`: click ends quietly
                raise
            raise StoppedLine(_system_line(error)) from error
        except KeyboardInterrupt:
            click.echo("stopped; run the same command again to resume", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="p3m-anon")
def cli() -> None:
    """Turn portrait photos and their alpha mattes into an anonymized matting dataset.

    \b
    Example:
      p3m-anon demo demo
      p3m-anon blur photos --alpha alphas --out release

    Exit codes: 0 all done; 1 some items failed or a finding; 2 wrong usage; 3 done, but items wait for review;
    4 stopped early; 130 and 143 on signals. Whatever was stopped can be run again and goes on where it was.
    """
