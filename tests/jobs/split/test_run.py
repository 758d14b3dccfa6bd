"""`split_release` on small releases: what goes where, what is refused, what comes out, and what never does."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.decisions import Decision, Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.tombstones import Tombstones
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.split.request import SplitRequest
from p3m_anon.jobs.split.run import split_release
from tests.jobs.conftest import SIZE, drawn_face

SPLITS = ("train", "P3M-500-P", "P3M-500-NP")
PLACES = {
    "train": "train/blurred_image",
    "P3M-500-P": "validation/P3M-500-P/blurred_image",
    "P3M-500-NP": "validation/P3M-500-NP/original_image",
}


def scene(seed: int, *, face: bool = True) -> np.ndarray:
    """A picture of large blots, unlike all others; the stub detector sees a face in it, or none."""
    blots = np.random.default_rng(seed).integers(1, 256, (12, 16, 3), dtype=np.uint8)
    rgb = np.asarray(Image.fromarray(blots).resize(SIZE, Image.Resampling.BICUBIC)).copy()
    rgb[[0, 0, -1, -1], [0, -1, 0, -1]] = 1 if face else 0
    return rgb


def add(folder: Path, name: str, rgb: np.ndarray, *, alpha: bool = True) -> None:
    for kind in ("image", "mask"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(folder / "image" / f"{name}.png")
    if alpha:
        Image.fromarray(np.full(rgb.shape[:2], 255, np.uint8)).save(folder / "mask" / f"{name}.png")


def decide(summary, paths: dict[str, tuple[str, str | None]]) -> None:
    """path -> (verdict, basis), as the review writes it."""
    with Ledger(summary.private / "ledger.sqlite") as ledger:
        for path, (verdict, basis) in paths.items():
            sha256 = next(one.sha256 for one in ledger.row(path).sources if one.role == "image")
            more = {"basis": basis, "reference": "form 17", "dismissed": (drawn_face().box,)} if basis else {}
            decision = Decision(path, sha256, verdict, **more)
            Decisions(ledger).record(decision, "anna", 0)


def blurred(folder: Path, decisions: dict[str, tuple[str, str | None]], **options):
    request = BlurRequest(folder=folder, **options)
    decide(blur_folder(request), decisions)
    return blur_folder(request).out


@pytest.fixture
def release(tmp_path, stub):
    """24 faces, 4 pictures without one, and a public figure; of two faces there is an edited twin."""
    folder = tmp_path / "secret photos"
    for number in range(22):
        add(folder, f"anna {number}", scene(number))
    for number in range(2):
        twin = Image.fromarray(scene(number)).resize((120, 90)).resize(SIZE)
        rgb = np.asarray(twin)[:, ::-1].copy() if number else np.asarray(twin).copy()
        rgb[0, 0] = 9
        add(folder, f"twin {number}", rgb)
    for number in range(30, 34):
        add(folder, f"empty {number}", scene(number, face=False))
    add(folder, "president", scene(40))
    decisions = {f"empty {n}.png": ("no_face", None) for n in range(30, 34)}
    return blurred(folder, {**decisions, "president.png": ("normal", "public_figure")})


@pytest.fixture
def normal(tmp_path, stub):
    """Cleared pictures: five with consent, one without a face, one that shows a picture of the release."""
    folder = tmp_path / "cleared photos"
    for number in range(50, 55):
        add(folder, f"consented {number}", scene(number))
    add(folder, "back", scene(56, face=False))
    add(folder, "clear anna", np.clip(scene(5).astype(int) + 6, 1, 255).astype(np.uint8))
    names = [f"consented {n}.png" for n in range(50, 55)] + ["clear anna.png"]
    return blurred(folder, {**dict.fromkeys(names, ("normal", "consent")), "back.png": ("no_face", None)})


def ask(release: Path, **options) -> SplitRequest:
    return SplitRequest(**{"release": release, "out": release.parent / "root", "p": 4, "np": 3, "seed": 7, **options})


def manifest(root: Path) -> list[dict]:
    return [json.loads(line) for line in (root / "manifest.jsonl").read_text().splitlines()]


def plan(root: Path) -> dict[str, dict]:
    """Source path -> line of the plan."""
    with sqlite3.connect(root.with_name(root.name + ".private") / "split.sqlite") as db:
        db.row_factory = sqlite3.Row
        return {f"{row['origin']}/{row['path']}": dict(row) for row in db.execute("SELECT * FROM pictures")}


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_release_becomes_a_dataset(release, normal):
    summary = split_release(ask(release, normal=normal))
    assert summary.counts == {"train": 24, "P3M-500-P": 4, "P3M-500-NP": 3}
    assert (summary.unused, summary.refused, summary.exit_code) == (4, 1, 1)
    root, rows = summary.out, manifest(summary.out)
    files = tree(root)
    assert len(rows) == 31
    listed = {row[key] for row in rows for key in ("image", "alpha")}
    assert set(files) == listed | {"manifest.jsonl", "dataset.json", "checksums.txt"}
    for row in rows:
        assert row["image"] == f"{PLACES[row['split']]}/{row['id']}.png"
        assert row["alpha"] == f"{PLACES[row['split']].rpartition('/')[0]}/mask/{row['id']}.png"
        assert row["id"].startswith("p_")
        expected = {"normal", "no_face"} if row["split"] == "P3M-500-NP" else {"anonymized", "no_face"}
        assert row["status"] in expected
    assert {row["release_basis"] for row in rows if row["status"] == "normal"} <= {"consent", "public_figure"}
    facts = json.loads(files["dataset.json"])
    assert sum(sum(one.values()) for one in facts["counts"].values()) == 31
    assert facts["settings"][0]["blur"]["sigma"] == 0.3
    assert facts["split"] == {
        **{"seed": 7, "asked": {"P3M-500-P": 4, "P3M-500-NP": 3}, "scaled": False, "grouped_by": None},
        **{"stratified_by": ["faces", "face-size", "picture-size"], "near_duplicate_bits": 8},
        **{"groups": len({one["grouped"] for one in plan(root).values()}), "largest_group": 2},
    }
    provenance = {row["image_sha256"]: row for out in (release, normal) for row in manifest(out)}
    for row in rows:
        before = provenance[row["image_sha256"]]
        kept = set(row) - {"id", "split", "image", "alpha"}
        assert {key: row[key] for key in kept} == {key: before[key] for key in kept}


def test_what_comes_out_passes_its_own_verification(release, normal):
    from p3m_anon.jobs.manifest.verify import verify_dataset

    summary = split_release(ask(release, normal=normal))
    assert verify_dataset(summary.out).exit_code == 0


def test_a_second_run_changes_nothing_and_a_lost_manifest_comes_back_the_same(release, normal):
    first = split_release(ask(release, normal=normal))
    before = tree(first.out)
    second = split_release(ask(release, normal=normal))
    assert (second.placed, second.complete) == ({}, True)
    assert tree(first.out) == before
    for name in ("counts", "refused", "listed", "pairs", "warnings", "deviation", "left_out", "originals"):
        assert getattr(second, name) == getattr(first, name)
    victim = manifest(first.out)[0]["image"]
    for name in ("manifest.jsonl", "dataset.json", "checksums.txt", victim):
        (first.out / name).unlink()
    split_release(ask(release, normal=normal))
    assert tree(first.out) == before


def test_a_finished_manifest_that_later_commands_have_changed_is_left_alone(release):
    root = split_release(ask(release)).out
    (root / "manifest.jsonl").write_text("with trimaps\n")
    split_release(ask(release))
    assert (root / "manifest.jsonl").read_text() == "with trimaps\n"


def test_the_same_seed_is_the_same_split_anywhere_and_another_seed_another(release, tmp_path):
    splits = []
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        root = split_release(ask(release, out=tmp_path / name, seed=seed)).out
        splits.append({path: row["split"] for path, row in plan(root).items()})
    assert splits[0] == splits[1]
    assert splits[0] != splits[2]


def test_near_duplicates_stay_together(release):
    for seed in range(4):
        root = split_release(ask(release, out=release.parent / f"root {seed}", seed=seed, link="hard", p=8)).out
        lines = plan(root)
        for number in range(2):
            pair = [lines[f"release/{name} {number}.png"] for name in ("anna", "twin")]
            assert len({one["split"] for one in pair}) == 1
            assert len({one["grouped"] for one in pair}) == 1


def test_a_clear_frame_of_a_blurred_picture_is_refused_and_named_privately(release, normal):
    summary = split_release(ask(release, normal=normal, np=6))
    assert summary.refused == 1
    (line,) = summary.listed["refused"]
    assert line.startswith("normal: clear anna.png <-> release: anna 5.png (")
    with (summary.private / "left_out.csv").open(newline="") as stream:
        left = [row for row in csv.reader(stream) if row[3].startswith("refused")]
    assert left[0][:2] == ["normal", "clear anna.png"]
    assert left[0][4:] == ["release: anna 5.png", "anna 5"]
    assert json.loads(summary.to_json())["pairs"] == [["clear anna", "anna 5"]]
    assert "normal/clear anna.png" not in plan(summary.out)
    assert not any("clear anna" in name for name in tree(summary.out))


def test_user_groups_stay_together_and_refuse_their_clear_pictures(release, tmp_path):
    lines = [(f"anna {n}.png", f"subject {n // 3}") for n in range(22)] + [("president.png", "subject 2")]
    lines += [("anna 3.png", "subject 9")]  # two people in one picture: both groups stay together
    file = tmp_path / "columns.csv"
    file.write_text("path,subject\n" + "".join(f"{path},{subject}\n" for path, subject in lines))
    summary = split_release(ask(release, columns=file, group_by="subject"))
    placed = {path: row["split"] for path, row in plan(summary.out).items()}
    for subject in range(7):
        members = {placed[f"release/anna {n}.png"] for n in range(subject * 3, min(22, subject * 3 + 3))}
        assert len(members) == 1
    assert "release/president.png" not in placed
    assert "in one group with it" in summary.listed["refused"][0]
    said = json.loads((summary.out / "dataset.json").read_text())["split"]
    grouped = Counter(row["grouped"] for row in plan(summary.out).values())
    assert (said["grouped_by"], said["groups"]) == ("subject", len(grouped))
    assert said["largest_group"] == max(grouped.values()) > 3
    assert "subject 2" not in (summary.out / "dataset.json").read_text()
    assert any("have no line" in warning for warning in summary.warnings)


def test_a_column_can_be_stratified_by(release, tmp_path):
    file = tmp_path / "columns.csv"
    rows = [f"anna {n},{'a' if n % 2 else 'b'}\n" for n in range(2, 22)]
    others = ("anna 0", "anna 1", "twin 0", "twin 1", "president", *(f"empty {n}" for n in range(30, 34)))
    file.write_text("id,hall\n" + "".join(rows) + "".join(f"{one},c\n" for one in others))
    summary = split_release(ask(release, columns=file, stratify=("hall",), p=7, np=0))
    assert summary.deviation["P3M-500-P"]["pictures"] <= 1
    drawn = [path for path, row in plan(summary.out).items() if row["split"] == 1]
    assert len(drawn) == 7
    assert summary.exit_code == 0


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("path,a\nx,1\n", {"group_by": "b"}, "no column b"),
        ("name,a\nx,1\n", {"group_by": "a"}, "`path` or `id`"),
        ("path,a\nnowhere.png,1\n", {"group_by": "a"}, "no line's"),
        ("path,a\nanna 3.png,1\nanna 3.png,2\n", {"stratify": ("a",)}, "differ"),
        ("", {"group_by": "a"}, "no column a"),
        ("path,a\n", {}, "goes with"),
        (None, {"group_by": "a"}, "give it with --columns"),
        (None, {"stratify": ("faces", "faces")}, "twice"),
    ],
)
def test_columns_that_do_not_fit_are_refused(release, tmp_path, text, options, message):
    file = None
    if text is not None:
        file = tmp_path / "columns.csv"
        file.write_text(text)
    with pytest.raises(UsageError, match=message):
        split_release(ask(release, columns=file, **options))
    assert not (release.parent / "root").exists()


def test_a_plain_folder_as_normal_is_refused_with_what_to_do(release, tmp_path):
    with pytest.raises(UsageError, match=r"plain folder.*release basis.*p3m-anon review"):
        split_release(ask(release, normal=tmp_path / "secret photos"))


def test_a_picture_of_normal_without_a_basis_stops_everything(release, tmp_path, stub):
    folder = tmp_path / "mixed"
    for number in range(60, 85):
        add(folder, f"face {number}", scene(number))
    out = blurred(folder, {"face 60.png": ("normal", "consent")})
    with pytest.raises(UsageError, match=r"24 pictures have no release basis.*face 61.png.* and 4 more"):
        split_release(ask(release, normal=out))
    assert not (release.parent / "root").exists()
    assert not (release.parent / "root.private").exists()


def test_pictures_without_an_alpha_are_left_out_and_still_refuse_their_twins(tmp_path, stub):
    folder = tmp_path / "photos"
    for number in range(6):
        Image.fromarray(scene(number)).save((folder.mkdir(exist_ok=True), folder / f"{number}.png")[1])
    out = blurred(folder, {}, alpha_policy="none")
    with pytest.raises(UsageError, match="6 have no alpha matte"):
        split_release(ask(out))
    cleared = tmp_path / "cleared"
    for number in (0, 7, 8):
        add(cleared, f"c{number}", scene(number))
    normal = blurred(cleared, {f"c{n}.png": ("normal", "consent") for n in (0, 7, 8)})
    summary = split_release(ask(out, normal=normal, p=0, np=9))
    assert summary.left_out == {"have no alpha matte, which a matting dataset needs": 6}
    assert summary.counts == {"train": 0, "P3M-500-P": 0, "P3M-500-NP": 2}
    assert summary.listed["refused"][0].startswith("normal: c0.png <-> release: 0.png")
    assert summary.exit_code == 1


def test_small_sets_scale_and_say_so(release):
    summary = split_release(ask(release, p=500, np=500))
    assert summary.scaled
    assert summary.counts == {"train": 27, "P3M-500-P": 1, "P3M-500-NP": 1}
    assert "ratio of P3M-10k" in summary.notes[0]
    assert (summary.warnings, summary.exit_code) == ([], 0)


def test_too_few_cleared_pictures_are_said(release):
    summary = split_release(ask(release, p=2, np=9))
    assert summary.counts["P3M-500-NP"] == 5
    assert summary.exit_code == 1
    assert "no more are cleared" in summary.warnings[0]


def test_kept_ids_are_those_of_the_release_and_must_be_unique(release, normal):
    summary = split_release(ask(release, ids="keep", np=0, p=3))
    assert {"anna 3", "twin 1"} <= {row["id"] for row in manifest(summary.out)}
    with Ledger(normal.with_name(normal.name + ".private") / "ledger.sqlite") as ledger:
        ledger.db.execute("UPDATE inputs SET id = 'anna 7' WHERE id LIKE 'consented%50'")
    with pytest.raises(UsageError, match=r"same id 'anna 7'.*opaque"):
        split_release(ask(release, normal=normal, ids="keep", np=8, out=release.parent / "other"))


@pytest.mark.parametrize("link", ["hard", "copy"])
def test_files_are_placed_and_never_moved(release, link):
    before = tree(release)
    summary = split_release(ask(release, link=link))
    assert tree(release) == before
    assert set(summary.placed) == {link}
    row = next(one for one in plan(summary.out).values() if one["split"] == 0)
    public = json.loads(row["row"])
    assert os.path.samefile(release / row["image"], summary.out / public["image"]) == (link == "hard")


def test_originals_lie_in_the_private_folder_only(release, tmp_path):
    summary = split_release(ask(release))
    lines = plan(summary.out)
    originals = summary.private / "originals"
    for path, line in lines.items():
        name = f"{SPLITS[line['split']]}/{line['id']}.png"
        expected = (tmp_path / "secret photos/image" / path.partition("/")[2]).read_bytes()
        if line["split"] == 2:
            assert not (originals / name).exists()
        else:
            assert (originals / name).read_bytes() == expected
    assert summary.originals == 28 - 3 + 1
    assert summary.private.stat().st_mode & 0o777 == 0o700
    none = split_release(ask(release, out=tmp_path / "none", originals=False))
    assert not (none.private / "originals").exists()
    (tmp_path / "secret photos/image/anna 3.png").unlink()
    for asked, code in ((None, 0), (True, 1)):
        lost = split_release(ask(release, out=tmp_path / f"lost {asked}", originals=asked))
        assert (lost.originals, lost.exit_code) == (25, code)
        assert any("1 originals are gone" in said for said in lost.notes + lost.warnings)


def test_nothing_private_is_in_any_byte_of_the_dataset(release, normal):
    """Source paths, source digests, perceptual hashes, landmarks, the reference of a consent."""
    summary = split_release(ask(release, normal=normal, link="copy"))
    said = tree(summary.out)
    everything = b"\n".join([*said.values(), *(name.encode() for name in said)])
    forbidden = {b"secret photos", b"cleared photos", b"anna", b"president", b"consented", b"form 17", b"twin"}
    forbidden.add(str(release.parent).encode())
    for out in (release, normal):
        with Ledger.copy_of(out.with_name(out.name + ".private") / "ledger.sqlite") as ledger:
            for row in ledger.rows():
                assert row.phash
                forbidden |= {row.phash.encode(), bytes.fromhex(row.phash), row.path.encode()}
                released = {one.sha256 for one in row.outputs}
                for source in {one.sha256 for one in row.sources if one.role == "image"} - released:
                    forbidden |= {source.encode(), bytes.fromhex(source)}
                for face in row.faces:
                    forbidden |= {json.dumps(face["landmarks"]).encode(), json.dumps(face["landmarks"][0]).encode()}
    key = (summary.private / "key").read_bytes()
    forbidden |= {key, key.hex().encode()}
    assert len(forbidden) > 100
    assert [one for one in forbidden if one in everything] == []


def test_a_changed_release_file_stops_and_is_named_and_a_repair_completes(release):
    victim = next(iter(sorted((release / "blurred_image").iterdir())))
    data = victim.read_bytes()
    victim.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Stopped, match=rf"1 pictures.*{victim.name}.*sha256 differs"):
        split_release(ask(release))
    root = release.parent / "root"
    assert not (root / "manifest.jsonl").exists()
    assert len(tree(root)) >= 2 * 27
    victim.write_bytes(data)
    summary = split_release(ask(release))
    assert summary.complete
    assert sum(summary.placed.values()) in (1, 2)
    assert len(manifest(root)) == sum(summary.counts.values())


def test_a_run_that_was_stopped_goes_on(release):
    """At any picture: what is there is kept, and the result is the same."""

    class Killed(BaseException):
        pass

    def stop():
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    for left in (0, 5, 20):  # noqa: B007
        with pytest.raises(Killed):
            split_release(ask(release), on_picture=stop)
    root = release.parent / "root"
    assert not (root / "manifest.jsonl").exists()
    summary = split_release(ask(release))
    assert summary.complete
    whole = tree(root)
    shutil.rmtree(root)
    split_release(ask(release))  # the private folder knows
    assert tree(root) == whole


def test_other_inputs_into_the_same_folder_are_refused(release):
    split_release(ask(release))
    with pytest.raises(UsageError, match="other pictures, decisions or settings"):
        split_release(ask(release, seed=8))


@pytest.mark.parametrize("where", ["root", "root.private", "secret photos/root", "secret photos-anonymized/root"])
def test_a_folder_that_holds_anything_else_is_refused(release, tmp_path, where):
    out = tmp_path / where.removesuffix(".private")
    (tmp_path / where).mkdir(parents=True)
    (tmp_path / where / "mine.txt").write_text("mine")
    with pytest.raises(UsageError):
        split_release(ask(release, out=out))
    assert [one.name for one in (tmp_path / where).iterdir()] == ["mine.txt"]


def test_a_release_that_is_not_finished_or_has_no_ledger_is_refused(release, tmp_path):
    (release / "manifest.jsonl").unlink()
    with pytest.raises(UsageError, match="not finished"):
        split_release(ask(release))
    with pytest.raises(UsageError, match="run `p3m-anon blur` first"):
        split_release(ask(tmp_path))
    with pytest.raises(UsageError, match="the release itself"):
        split_release(ask(release, normal=release))


def test_a_picture_that_was_withdrawn_elsewhere_does_not_come_in(release, normal):
    private = release.with_name(release.name + ".private")
    with Ledger.copy_of(normal.with_name(normal.name + ".private") / "ledger.sqlite") as ledger:
        Tombstones(private).add(None, ledger.row("consented 52.png").phash)
    summary = split_release(ask(release, normal=normal, np=10))
    assert summary.left_out == {"look like a picture that was withdrawn": 1}
    assert "normal/consented 52.png" not in plan(summary.out)


def test_a_dry_run_says_the_same_and_writes_nothing(release, normal):
    before = sorted(release.parent.iterdir())
    dry = split_release(ask(release, normal=normal, dry_run=True))
    assert sorted(release.parent.iterdir()) == before
    real = split_release(ask(release, normal=normal))
    assert (dry.counts, dry.listed, dry.deviation) == (real.counts, real.listed, real.deviation)
