"""How far mattes move when they are made flat inside the face masks: blur a folder, then compare.

    python -m tools.measure_matte_change FOLDER

FOLDER has pictures with mattes, as `p3m-anon blur` takes it. Prints, for each picture whose matte was judged, pixels
that moved and the SAD (sum of absolute differences / 1000, as in the paper's tables) of the changed to the original.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from p3m_anon.files.alphas import orient_alpha, read_alpha
from p3m_anon.files.images import read
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.matting.metrics import sad


def main() -> None:
    """Print one line for each picture."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "release"
        summary = blur_folder(BlurRequest(folder, out=out, detector="centerface"))
        with Ledger.copy_of(summary.private / "ledger.sqlite") as ledger:
            for row in ledger.rows("accepted"):
                files = {source.role: Path(source.file) for source in row.sources}
                released = next((out / output.file for output in row.outputs if output.role == "alpha"), None)
                if "alpha" not in files or released is None:
                    continue
                picture = read(files["image"])
                before = orient_alpha(
                    read_alpha(files["alpha"]).pixels, picture.size, picture.stored_size, picture.orientation, []
                )
                assert before is not None
                full = float(np.iinfo(before.dtype).max)
                after = read_alpha(released).pixels
                moved = int(np.count_nonzero(before != after))
                print(f"{row.path}: {moved} pixels moved, SAD {sad(after / full, before / full):.4f}")
        print(f"released {summary.counts['accepted']} of {summary.inputs}")


if __name__ == "__main__":
    main()
