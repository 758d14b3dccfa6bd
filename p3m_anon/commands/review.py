"""`p3m-anon review`: a local page on which a person decides what no detector can."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from p3m_anon.jobs.review.bulk import BulkSummary
    from p3m_anon.jobs.review.desk import ReviewDesk

LOCAL = "127.0.0.1"
LISTED = 20  # pictures named per reason


@click.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--private", type=click.Path(file_okay=False, path_type=Path), help="Private folder [default: OUT.private]."
)
@click.option("--who", help="Your name, for the record [default: the name you are logged in with].")
@click.option("--host", default=LOCAL, show_default=True, help="Address to listen on; another one lets others in.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on [default: any free one].")
@click.option("--sample", type=click.IntRange(1), help="Draw so many released pictures at random and check them.")
@click.option("--seed", type=click.IntRange(0), help="For --sample: draw the same ones again [default: random].")
@click.option(
    "--no-face",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="No page: paths or ids, one a line, of waiting pictures in which you saw no identifiable face. Pictures in"
    " which a look is sure of a face are left out.",
)
@click.option(
    "--accept-suggestions",
    is_flag=True,
    help="No page: blur all that was seen, in pictures that wait for --reason and would be released so.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    help="For --accept-suggestions: leave pictures with less; at least 0.4, or say why with --below.",
)
@click.option("--below", metavar="REASON", help="For --min-score under 0.4: why that will do; it is recorded.")
@click.option("--reason", help="For --accept-suggestions: the reason that they wait for.")
@click.option("--write", is_flag=True, help="No page: carry all answers out, as the last `blur` would.")
@click.option(
    "--dry-run", is_flag=True, help="For bulk answers: say how many, and which will not pass and why; write nothing."
)
@click.option("--json", "as_json", is_flag=True, help="For bulk answers: print a machine-readable summary on stdout.")
def review(out: Path, private: Path | None, who: str | None, **options: Any) -> None:
    """Decide about the pictures of the release OUT that wait, on a page in your browser.

    Draw what is to be blurred, say that there is no identifiable face, let a face stay, or leave a picture out.
    Every answer is saved at once and holds for this very file. `Write now` on the page, or --write, carries them out.

    \b
    Examples:
      p3m-anon review photos-anonymized
      p3m-anon review photos-anonymized --write
      p3m-anon review photos-anonymized --sample 300
      p3m-anon review photos-anonymized --no-face LIST.txt --dry-run
      p3m-anon review photos-anonymized --accept-suggestions --min-score 0.4 --reason detectors_disagree
    """
    from p3m_anon.commands.blur import read_lines, user_name

    person = who or user_name()
    _check(options)
    if options["no_face"]:
        from p3m_anon.jobs.review.bulk import confirm_no_face

        names = read_lines(options["no_face"], "--no-face")
        _conclude(confirm_no_face(out, private, names, person, dry_run=options["dry_run"]), options)
    elif options["accept_suggestions"]:
        from p3m_anon.jobs.review.bulk import Wanted, accept_suggestions

        wanted = Wanted(options["reason"], options["min_score"], options["below"])
        _conclude(accept_suggestions(out, private, wanted, person, dry_run=options["dry_run"]), options)
    elif options["write"]:
        _write(out, private, person)
    else:
        _serve(out, private, person, options)


def _check(options: dict[str, Any]) -> None:
    """Options that say nothing without another one are mistakes."""
    from p3m_anon.errors import UsageError
    from p3m_anon.faces.reasons import Reason

    bulk = bool(options["no_face"]) + options["accept_suggestions"]
    if bulk + options["write"] + bool(options["sample"]) > 1:
        raise UsageError("--no-face, --accept-suggestions, --write and --sample are four ways to go; choose one")
    if not bulk and (options["dry_run"] or options["as_json"]):
        raise UsageError("--dry-run and --json go with --no-face or --accept-suggestions")
    if options["seed"] is not None and not options["sample"]:
        raise UsageError("--seed goes with --sample")
    details = options["min_score"] is not None, options["reason"] is not None
    if options["accept_suggestions"] != any(details) or any(details) != all(details):
        raise UsageError("--accept-suggestions, --min-score and --reason go together")
    if options["below"] is not None and not options["accept_suggestions"]:
        raise UsageError("--below goes with --accept-suggestions")
    if options["reason"] is not None and options["reason"] not in {one.value for one in Reason}:
        raise UsageError(f"--reason is one of {', '.join(one.value for one in Reason)}")


def _write(out: Path, private: Path | None, who: str) -> None:
    """The very run of `blur` that made the release, again."""
    from dataclasses import replace

    from p3m_anon.commands.progress import Reporter
    from p3m_anon.jobs.blur.run import blur_folder
    from p3m_anon.jobs.review.request import last_request

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with Reporter() as reporter:
        summary = blur_folder(replace(last_request(out, private), who=who), reporter.start, reporter.row)
    reporter.conclude(summary)
    sys.exit(summary.exit_code)


def _serve(out: Path, private: Path | None, who: str, options: dict[str, Any]) -> None:
    """The page, until Ctrl-C."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from p3m_anon.extras import import_extra

    for module in ("starlette", "uvicorn"):
        import_extra(module, "review")
    from p3m_anon.jobs.review.desk import ReviewDesk
    from p3m_anon.review.server import serve

    if options["host"] != LOCAL:
        click.echo(
            "warning: whoever has the address below sees unblurred faces, and they travel unencrypted; "
            "only on a network that you trust",
            err=True,
        )
    with closing(ReviewDesk(out, private, who)) as desk:
        if options["sample"]:
            desk.begin_sample(options["sample"], options["seed"])

        def ready(url: str) -> None:
            _announce(desk, url + ("#f=sample" if options["sample"] else ""), sample=bool(options["sample"]))

        serve(desk, options["host"], options["port"], ready)
        _farewell(desk)


def _announce(desk: ReviewDesk, url: str, *, sample: bool) -> None:
    from p3m_anon.commands.counter import count

    state = desk.state()
    progress, drawn = state["progress"], state["sample"]
    if sample and drawn:
        begun = "going on with an unfinished sample check" if drawn["continued"] else "a new sample check"
        click.echo(f"{begun}: {drawn['answered']} of {drawn['size']} pictures looked at, seed {drawn['seed']}")
    else:
        click.echo(f"{count(progress['total'] - progress['decided'], 'picture')} to be decided")
    click.echo(f"open   {url}")
    click.echo("Ctrl-C ends it; every answer is saved at once")


def _farewell(desk: ReviewDesk) -> None:
    from p3m_anon.commands.counter import count

    state = desk.state()
    sample = state["sample"]
    if sample and sample["statement"]:
        click.echo(sample["statement"])
    if state["unwritten"]:
        click.echo(
            f"{count(state['unwritten'], 'answer')} not carried out yet: p3m-anon review {desk.folders.out} --write"
        )


def _conclude(summary: BulkSummary, options: dict[str, Any]) -> None:
    """What was answered, and what still waits and why."""
    import json

    from p3m_anon.commands.counter import printable

    if options["as_json"]:
        click.echo(json.dumps({**vars(summary), "exit_code": summary.exit_code}, sort_keys=True))
        sys.exit(summary.exit_code)
    for note in summary.notes:
        click.echo(note, err=True)
    would = "would be answered (dry run, nothing was written)" if options["dry_run"] else "answered"
    click.echo(f"{summary.answered} {would}")
    for why, pictures in sorted(summary.left.items()):
        click.echo(f"{pictures} {why}")
        shown = summary.pictures[why][:LISTED] if options["dry_run"] else []
        for path in shown:
            click.echo(f"  {printable(path)}")
        if shown and pictures > len(shown):
            click.echo(f"  and {pictures - len(shown)} more; --json has more of them")
    if summary.answered and not options["dry_run"]:
        click.echo("--write carries them out")
    sys.exit(summary.exit_code)
