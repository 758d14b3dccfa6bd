"""What the last `blur` of a release was asked, so that a review can go on from it."""

from __future__ import annotations

from pathlib import Path

from p3m_anon.errors import UsageError
from p3m_anon.files.private import private_folder
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import LEDGER, REQUEST


def last_request(out: Path, private: Path | None) -> BlurRequest:
    """What the last `blur` of a release was asked; raises UsageError where there was none."""
    folder = private_folder(out.absolute(), private and private.absolute())
    if not (folder / LEDGER).is_file():
        raise UsageError(f"{folder} holds no ledger; run `p3m-anon blur` first, or name the folder with --private")
    try:
        return BlurRequest.from_json((folder / REQUEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder / REQUEST} cannot be used ({error}); run `p3m-anon blur` once more") from error
