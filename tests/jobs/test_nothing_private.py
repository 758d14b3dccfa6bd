"""Nothing private in anything that leaves: the demo reviewed, split, described, exported; every byte is read."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import socket
import tarfile
import zipfile
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.audit.request import AuditRequest
from p3m_anon.jobs.audit.run import audit_folder
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import LEDGER, blur_folder
from p3m_anon.jobs.demo import OTHERS, PORTRAITS, run_demo
from p3m_anon.jobs.manifest.datasheet import DatasheetRequest, write_datasheet
from p3m_anon.jobs.manifest.export import FORMS, ExportRequest, export_dataset
from p3m_anon.jobs.review.desk import ReviewDesk
from p3m_anon.jobs.split.request import SplitRequest
from p3m_anon.jobs.split.run import split_release
from tests.jobs.private_search import Search, Secrets

pyarrow = pytest.importorskip("pyarrow")
pytestmark = pytest.mark.skipif(
    not any(True for _ in metadata.distributions(name="p3m-anon")), reason="the trimaps are read from an installation"
)

REVIEWER, REFERENCE, NOTE = "Wilhelmine Quist", "form 4711-Kappa", "cousin of the mayor"


class Made(NamedTuple):
    """Where everything lies: the demo's folder, what leaves, and what must not."""

    demo: Path
    root: Path
    exports: Path
    secrets: Secrets


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    base = tmp_path_factory.mktemp("private")
    run_demo(base / "demo", lambda line: None)
    photos, release, root = base / "demo" / "photos", base / "release", base / "dataset"
    request = BlurRequest(
        folder=photos, out=release, alphas=base / "demo" / "alphas", detector="centerface", ids="opaque", figures=True
    )
    blur_folder(request)
    review(release)
    blur_folder(request)
    split_release(SplitRequest(release, root, p=1, np=1, seed=7))
    audit = base / "audit.json"
    audit.write_text(audit_folder(AuditRequest(out=release, quick=True)).to_json())
    write_datasheet(DatasheetRequest(root, release=release, audit=audit))
    for form in FORMS:
        export_dataset(ExportRequest(root, form, base / "exports" / f"{form}.out", link="copy"))
        export_dataset(ExportRequest(release, form, base / "exports" / f"{form}-release.out", link="copy"))
    return Made(base / "demo", root, base / "exports", known_secrets(base, photos, release, root))


def review(release: Path) -> None:
    """One picture is said to show no face, one may stay; one of the released ones is looked at."""
    with closing(ReviewDesk(release, who=REVIEWER)) as desk:
        for path, more in {
            "chelsea.png": {"verdict": "no_face"},
            "rocket.png": {"verdict": "normal", "basis": "consent", "reference": REFERENCE},
        }.items():
            shown = desk.picture(path, "todo")
            asked = {"path": path, "sha256": shown["sha256"], "version": shown["version"], "note": NOTE}
            asked["confirmed"] = [one["box"] for one in shown["sightings"]]
            desk.decide({**asked, **more})
        desk.begin_sample(1, seed=1)


def known_secrets(base: Path, photos: Path, release: Path, root: Path) -> Secrets:
    secrets = Secrets()
    secrets.add_text("path", str(base), str(photos), base.name)
    secrets.add_text("name", *PORTRAITS, *OTHERS)
    secrets.add_text("person", REVIEWER, REFERENCE, NOTE)
    if len(socket.gethostname()) > 3:
        secrets.add_text("machine", socket.gethostname())
    for private in (release.with_name("release.private"), root.with_name("dataset.private")):
        secrets.add_bytes("key", (private / "key").read_bytes())
    private = release.with_name("release.private")
    released = {row["image_sha256"] for row in read_rows(release / MANIFEST)}
    with Ledger.copy_of(private / LEDGER) as ledger:
        for row in ledger.rows():
            digest = hashlib.sha256((photos / row.path).read_bytes()).digest()
            assert digest.hex() not in released
            secrets.add_bytes("digest", digest)
            secrets.add_bytes("phash", bytes.fromhex(row.phash))
            for face in row.faces:
                for x, y in (*face["landmarks"], face["box"][:2], face["box"][2:]):
                    secrets.add_point("landmark", x, y)
            masks = [private / one.file for one in row.outputs if one.role == "facemask"]
            if masks and (masked := np.asarray(Image.open(masks[0])) > 0).any():
                original = np.asarray(Image.open(photos / row.path).convert("RGB"))
                secrets.faces.append((original, masked))
        (times,) = zip(*ledger.db.execute("SELECT at FROM events"), strict=True)
        secrets.add_text("time", *set(times))
    assert len(secrets.faces) == len(PORTRAITS)
    assert len(secrets.texts["landmark"]) > 2 * 68 * 5
    return secrets


def test_nothing_private_leaves(made):
    search = Search(made.secrets).folder(made.root).folder(made.exports)
    assert search.found == set()
    seen = search.looked_at
    assert seen["pictures"] >= 8 + 3 * 2 * 8  # the dataset, and three forms with pictures of it and of the release
    assert seen["faces"] >= 4 * (1 + 3 * 2)
    assert seen["members"] >= 2 * 12
    assert seen["tables"] >= 4
    assert search.nearest < 0.3  # far from ENOUGH: a blurred face keeps some pixels by chance


def test_every_row_that_leaves_has_an_opaque_id(made):
    assert {row["id"][:2] for row in read_rows(made.root / MANIFEST)} == {"p_"}


def test_the_datasheet_says_what_people_did_without_saying_who(made):
    text = (made.root / "DATASHEET.md").read_text()
    assert "1 person decided about 2 pictures" in text
    assert "Released pictures that were read again: 4" in text


# -- the search itself: what is planted is found


def texts(made):
    """One of each kind, as text."""
    return {kind: words[-1] for kind, words in made.secrets.texts.items()}


def planted(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)


def in_a_file(tmp_path, text):
    planted(tmp_path, "notes.txt", f"x{text}y".encode())


def in_a_name(tmp_path, text):
    planted(tmp_path, text.replace("/", "_").replace("\t", "_"), b"")


def in_capitals(tmp_path, text):
    planted(tmp_path, "notes.txt", text.upper().encode("utf-16-le"))


def in_a_tar(tmp_path, text):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo("x.txt")
        member.size = len(text.encode())
        tar.addfile(member, io.BytesIO(text.encode()))


def in_a_zip(tmp_path, text):
    with zipfile.ZipFile(tmp_path / "a.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.txt", text * 3)


def in_a_table(tmp_path, text):
    table = pyarrow.table({"id": ["a", text]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", compression="zstd")


def in_a_tables_facts(tmp_path, text):
    table = pyarrow.table({"id": ["a"]}).replace_schema_metadata({"note": text})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", compression="zstd")


def in_a_png(tmp_path, text):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", text * 3, zip=True)
    Image.new("L", (4, 4)).save(tmp_path / "a.png", pnginfo=info)


PLACES = [in_a_file, in_capitals, in_a_tar, in_a_zip, in_a_table, in_a_tables_facts, in_a_png]


@pytest.mark.parametrize("plant", PLACES, ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("kind", ["path", "name", "person", "key", "digest", "phash", "landmark", "time"])
def test_every_planted_text_is_found(made, tmp_path, kind, plant):
    plant(tmp_path, texts(made)[kind])
    assert kind in Search(made.secrets).folder(tmp_path).kinds


def test_a_planted_name_is_found(made, tmp_path):
    in_a_name(tmp_path, "x-Astronaut-1")
    assert Search(made.secrets).folder(tmp_path).kinds == {"name"}


@pytest.mark.parametrize("kind", ["key", "digest", "phash", "landmark"])
def test_every_planted_number_is_found(made, tmp_path, kind):
    for raw in made.secrets.data[kind]:
        planted(tmp_path, "a.bin", b"\x01\x02" + raw + b"\x03")
        assert kind in Search(made.secrets).folder(tmp_path).kinds


@pytest.mark.parametrize("owner", [{"uname": "anna"}, {"uid": 1000}, {"mtime": 1}])
def test_an_owner_in_a_tar_is_found(made, tmp_path, owner):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo("x.txt")
        for key, value in owner.items():
            setattr(member, key, value)
        tar.addfile(member)
    assert Search(made.secrets).folder(tmp_path).kinds == {"machine"}


def hidden_under_alpha(original):
    return Image.fromarray(np.dstack([original, np.zeros(original.shape[:2], np.uint8)]))


PIXELS = {
    "png": lambda original: ("a.png", Image.fromarray(original)),
    "jpeg": lambda original: ("a.jpg", Image.fromarray(original)),
    "grey mask": lambda original: ("a.mask.png", Image.fromarray(original).convert("L")),
    "one band": lambda original: ("a.png", Image.fromarray(original[..., 1])),
    "under alpha": lambda original: ("a.png", hidden_under_alpha(original)),
}


@pytest.mark.parametrize("way", sorted(PIXELS))
@pytest.mark.parametrize("packed", [False, True])
def test_an_original_face_is_found(made, tmp_path, way, packed):
    for original, masked in made.secrets.faces:
        pixels = np.full_like(original, 99)
        pixels[masked] = original[masked]  # nothing but the face
        name, picture = PIXELS[way](pixels)
        stream = io.BytesIO()
        picture.save(stream, "JPEG" if name.endswith("jpg") else "PNG", **({"quality": 99} if way == "jpeg" else {}))
        if packed:
            with tarfile.open(tmp_path / "a.tar", "w") as tar:
                member = tarfile.TarInfo(name)
                member.size = len(stream.getvalue())
                tar.addfile(member, io.BytesIO(stream.getvalue()))
        else:
            planted(tmp_path, name, stream.getvalue())
        assert Search(made.secrets).folder(tmp_path).kinds == {"pixels"}


def test_the_original_files_are_found_in_an_export(made, tmp_path):
    """Each photo put in place of the exported picture, as a careless copy would."""
    for photo in sorted((made.demo / "photos").iterdir()):
        shutil.copy(photo, tmp_path / f"p_0{photo.suffix}")
        found = Search(made.secrets).folder(tmp_path)
        assert found.kinds >= ({"pixels"} if photo.stem in PORTRAITS else set())
        (tmp_path / f"p_0{photo.suffix}").unlink()


def test_exif_is_found(made, tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    assert Search(made.secrets).folder(tmp_path).kinds == {"metadata"}


def test_a_report_of_the_review_is_found(made, tmp_path):
    planted(tmp_path, "ledger.json", json.dumps({"who": REVIEWER, "reference": REFERENCE}).encode())
    assert Search(made.secrets).folder(tmp_path).kinds == {"person"}
