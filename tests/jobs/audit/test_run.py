"""The audit finds what was planted in a good release, and is quiet about the release itself."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image
from skimage import data

from p3m_anon.errors import UsageError
from p3m_anon.faces.blur import blurred
from p3m_anon.faces.patch import from_mask
from p3m_anon.jobs.audit.request import AuditRequest, AuditSummary
from p3m_anon.jobs.audit.run import audit_folder
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder

FIVE = [(0, 0), (256, 0), (512, 0), (0, 256), (256, 256)]  # corners of the five heads in five.png


@dataclass(frozen=True)
class Made:
    """A folder of photos and the release that blur made of it."""

    photos: Path
    out: Path
    private: Path

    def image(self, name: str) -> Path:
        return self.out / "blurred_image" / name

    def audit(self, quick: bool = False, **options: object) -> AuditSummary:
        return audit_folder(AuditRequest(**{"out": self.out, "quick": quick, **options}))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    photos = tmp_path_factory.mktemp("audit") / "photos"
    (photos / "image").mkdir(parents=True)
    (photos / "mask").mkdir()
    astronaut = data.astronaut()
    head = astronaut[:256, 96:352]
    five = np.full((512, 768, 3), 90, np.uint8)
    for number, (x, y) in enumerate(FIVE):
        five[y : y + 256, x : x + 256] = head[:, ::-1] if number % 2 else head
    Image.fromarray(astronaut).save(photos / "image" / "astronaut.png")
    Image.fromarray(np.ascontiguousarray(astronaut[:, ::-1])).save(photos / "image" / "mirrored.png")
    Image.fromarray(five).save(photos / "image" / "five.png")
    hopper = Path(str(get_sample_data("grace_hopper.jpg", asfileobj=False)))
    shutil.copy(hopper, photos / "image" / "hopper.jpg")
    for number, name in enumerate(("astronaut", "mirrored", "five", "hopper")):
        with Image.open(next((photos / "image").glob(f"{name}.*"))) as picture:
            alpha = np.full((picture.height, picture.width), 255, np.uint8)
        alpha[:, : 20 + 10 * number] = 0
        alpha[:, 20 + 10 * number : 26 + 10 * number] = 128
        Image.fromarray(alpha).save(photos / "mask" / f"{name}.png")
    out = photos.parent / "release"
    summary = blur_folder(BlurRequest(photos, out=out, detector="centerface"))
    assert summary.counts == {"accepted": 4}
    return Made(photos, out, summary.private)


@pytest.fixture
def spoilt(made: Made, tmp_path: Path) -> Made:
    """A copy of the release, to be tampered with."""
    shutil.copytree(made.out, tmp_path / "release")
    shutil.copytree(made.private, tmp_path / "release.private")
    return Made(made.photos, tmp_path / "release", tmp_path / "release.private")


def leaks(summary: AuditSummary, check: str, name: str) -> list[str]:
    return [f.evidence for f in summary.findings if (f.severity, f.check) == ("leak", check) and name in f.image]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_our_own_release_has_no_leak_and_every_check_ran(made: Made) -> None:
    summary = made.audit()
    assert summary.count("leak") == 0, summary.findings
    assert summary.exit_code == 0
    assert summary.pictures == 4
    assert summary.faces >= 8
    for check in ("alpha", "detail against the source", "detectors", "inverse filter", "metadata", "sha256"):
        assert summary.checks[check] == 4, check
    assert summary.checks["outside the mask (exact)"] == 3
    assert summary.checks["outside the mask (mcu)"] + summary.checks["outside the mask (reencoded)"] == 1
    assert summary.report is not None
    assert summary.report.parent == made.private
    assert summary.report.stat().st_mode & 0o777 == 0o600
    assert not (made.out / "audit.html").exists()


def test_a_release_without_its_ledger_is_attacked_with_what_there_is(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.out, tmp_path / "alone")
    summary = audit_folder(AuditRequest(out=tmp_path / "alone"))
    assert summary.count("leak") == 0, summary.findings
    assert any("source" in text for text in summary.skipped)
    assert any("no mask" in text for text in summary.skipped)
    assert "alpha" not in summary.checks
    assert summary.report is None
    assert not (tmp_path / "alone.private").exists()


def test_strict_has_no_leak(made: Made, tmp_path: Path) -> None:
    request = BlurRequest(made.photos, out=tmp_path / "strict", detector="centerface")
    blur_folder(replace(request, settings=replace(request.settings, blur_profile="strict")))
    summary = audit_folder(AuditRequest(out=tmp_path / "strict"))
    assert summary.count("leak") == 0, summary.findings
    assert summary.checks["inverse filter"] == 0  # nothing was blurred


@pytest.mark.parametrize("ledger", [True, False])
def test_an_unblurred_copy(spoilt: Made, ledger: bool) -> None:
    shutil.copy(spoilt.photos / "image" / "astronaut.png", spoilt.image("astronaut.png"))
    if not ledger:
        shutil.rmtree(spoilt.private)
    assert leaks(spoilt.audit(quick=ledger), "clear face", "astronaut")


def test_a_weak_blur(spoilt: Made) -> None:
    photo = pixels(spoilt.photos / "image" / "mirrored.png")
    mask = from_mask(pixels(spoilt.private / "facemask" / "mirrored.png")[..., 0] > 0)
    out = photo.copy()
    weak = blurred(photo, mask, 0.05 * mask.mask.shape[1], "exact")
    np.copyto(out[mask.slices], weak, where=mask.mask[..., None])
    Image.fromarray(out).save(spoilt.image("mirrored.png"))
    assert leaks(spoilt.audit(quick=True), "clear face", "mirrored")


@pytest.mark.parametrize("ledger", [True, False])
def test_one_face_of_five_left_clear(spoilt: Made, ledger: bool) -> None:
    out, photo = pixels(spoilt.image("five.png")).copy(), pixels(spoilt.photos / "image" / "five.png")
    out[256:512, 256:512] = photo[256:512, 256:512]
    Image.fromarray(out).save(spoilt.image("five.png"))
    if not ledger:
        shutil.rmtree(spoilt.private)
    found = leaks(spoilt.audit(quick=True), "clear face", "five")
    assert len(found) == 1


def test_a_face_shifted_out_of_its_mask(spoilt: Made) -> None:
    photo = pixels(spoilt.photos / "image" / "astronaut.png")
    file = spoilt.private / "facemask" / "astronaut.png"
    mask = np.roll(pixels(file)[..., 0] > 0, (90, 60), axis=(0, 1))
    spot, out = from_mask(mask), photo.copy()
    np.copyto(out[spot.slices], blurred(photo, spot, 0.3 * spot.mask.shape[1]), where=spot.mask[..., None])
    Image.fromarray(out).save(spoilt.image("astronaut.png"))
    Image.fromarray(mask).save(file)
    assert any(
        "beside" in text or "outside" in text for text in leaks(spoilt.audit(quick=True), "clear face", "astronaut")
    )


def thumbnail() -> bytes:
    stream = BytesIO()
    Image.fromarray(data.astronaut()[:128, 128:256]).save(stream, "JPEG")
    return stream.getvalue()


def with_exif(jpeg: bytes) -> bytes:
    body = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + thumbnail()
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def with_xmp(jpeg: bytes) -> bytes:
    body = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta exif:GPSLatitude='52,31N'/>"
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.mark.parametrize(
    ("tamper", "check", "said"),
    [
        (with_exif, "metadata", "thumbnail"),
        (with_xmp, "metadata", "GPS"),
        (lambda jpeg: jpeg + thumbnail(), "metadata", "second picture"),
        (lambda jpeg: jpeg[: len(jpeg) // 2], "files", "cut off"),
    ],
    ids=["exif thumbnail", "gps in xmp", "second jpeg", "truncated"],
)
def test_a_spoilt_file(spoilt: Made, tamper: Callable[[bytes], bytes], check: str, said: str) -> None:
    file = spoilt.image("hopper.jpg")
    file.write_bytes(tamper(file.read_bytes()))
    summary = spoilt.audit(quick=True)
    assert any(said in text for text in leaks(summary, check, "hopper")), summary.findings
    assert any("sha256" in text for text in leaks(summary, "files", "hopper"))


def test_one_changed_transition_pixel(spoilt: Made) -> None:
    out = pixels(spoilt.image("astronaut.png")).copy()
    out[300, 22, 1] ^= 1  # where the alpha is 128
    Image.fromarray(out).save(spoilt.image("astronaut.png"))
    found = leaks(spoilt.audit(quick=True), "outside", "astronaut")
    assert len(found) == 1
    assert "x 22, y 300" in found[0]


def test_a_pixel_changed_in_a_jpeg(spoilt: Made) -> None:
    """Encoded again with the same tables, so that nothing but one blot differs much."""
    file = spoilt.image("hopper.jpg")
    with Image.open(file) as picture:
        tables, out = picture.quantization, np.asarray(picture).copy()  # type: ignore[attr-defined]
        out[5:9, 5:9] = 255 - out[5:9, 5:9]
        Image.fromarray(out).save(file, "JPEG", qtables=tables, subsampling=0)
    assert leaks(spoilt.audit(quick=True), "outside", "hopper")


def test_a_swapped_pair_of_alphas(spoilt: Made) -> None:
    one, other = (spoilt.out / "mask" / f"{name}.png" for name in ("astronaut", "mirrored"))
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    summary = spoilt.audit(quick=True)
    assert leaks(summary, "alpha", "astronaut")
    assert leaks(summary, "alpha", "mirrored")


def test_files_and_rows_that_do_not_belong_together(spoilt: Made) -> None:
    (spoilt.out / "blurred_image" / "stray.png").write_bytes(b"x")
    (spoilt.out / ".hidden").write_bytes(b"x")
    (spoilt.out / "link").symlink_to(spoilt.photos)
    (spoilt.out / "mask" / "five.png").unlink()
    manifest = spoilt.out / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    rows[0]["status"], rows[0]["gps"] = "normal", [52, 13]
    evil = {**rows[1], "id": "evil", "image": "../photos/image/five.png"}
    text = [json.dumps(row) for row in (*rows, evil)]
    manifest.write_text("\n".join([*text, "no json", "[]"]))
    summary = spoilt.audit(quick=True)
    strays = {f.image for f in summary.findings if "no row lists it" in f.evidence}
    assert strays == {"blurred_image/stray.png", ".hidden"}
    said = [f.evidence for f in summary.findings]
    assert "a link" in said
    assert any(text.startswith("listed, but not there") for text in said)
    assert "status normal without a release basis" in said
    assert any("unknown field gps" in one for one in said)
    assert any("differ in status" in one for one in said)
    assert any("leads out of the release folder" in one for one in said)
    assert any("line 6" in one for one in said)
    assert any("line 7" in one for one in said)
    assert summary.exit_code == 1


def test_a_person_released_it_without_blur(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "public"
    (out / "original_image").mkdir(parents=True)
    shutil.copy(made.photos / "image" / "astronaut.png", out / "original_image" / "astronaut.png")
    sha256 = __import__("hashlib").sha256((out / "original_image" / "astronaut.png").read_bytes()).hexdigest()
    row = {"id": "a", "image": "original_image/astronaut.png", "image_sha256": sha256, "status": "normal"}
    manifest = out / "manifest.jsonl"
    manifest.write_text(json.dumps({**row, "release_basis": "public_figure"}) + "\n")
    summary = audit_folder(AuditRequest(out=out, quick=True))
    assert summary.count("leak") == 0
    assert any("public_figure" in f.evidence for f in summary.findings if f.severity == "note")


class TestAnotherTool:
    """A plain folder, and the originals."""

    @pytest.fixture
    def folder(self, made: Made, tmp_path: Path) -> Path:
        folder = tmp_path / "theirs"
        folder.mkdir()
        for name in ("astronaut", "mirrored"):
            shutil.copy(made.image(f"{name}.png"), folder / f"{name}_anonymized.png")
        return folder

    def test_good_pictures_have_no_leak(self, folder: Path, made: Made) -> None:
        summary = audit_folder(AuditRequest(images=folder, originals=made.photos, masks=made.private / "facemask"))
        assert summary.count("leak") == 0, summary.findings
        assert summary.checks["detail against the source"] == 2
        assert summary.checks["inverse filter"] == 2
        assert any("makes no promise" in text for text in summary.skipped)

    def test_a_clear_face_and_a_copy_are_found(self, folder: Path, made: Made, tmp_path: Path) -> None:
        shutil.copy(made.photos / "image" / "astronaut.png", folder / "astronaut_anonymized.png")
        request = AuditRequest(images=folder, originals=made.photos, private=tmp_path / "priv", quick=True)
        summary = audit_folder(request)
        assert leaks(summary, "clear face", "astronaut")
        assert not leaks(summary, "clear face", "mirrored")
        assert [f.image for f in summary.findings if f.check == "unchanged"] == ["astronaut_anonymized.png"]
        assert summary.report is not None
        assert summary.report.is_file()

    def test_a_clear_face_on_its_side_is_found(self, folder: Path, made: Made, tmp_path: Path) -> None:
        turned = np.ascontiguousarray(np.rot90(data.astronaut()))
        (tmp_path / "originals").mkdir()
        Image.fromarray(turned).save(tmp_path / "originals" / "lying.png")
        turned = turned.copy()
        turned[400:, :40] = 0  # something else was masked
        Image.fromarray(turned).save(folder / "lying.png")
        summary = audit_folder(AuditRequest(images=folder, originals=tmp_path / "originals"))
        assert leaks(summary, "clear face", "lying")

    def test_without_originals_that_is_said(self, folder: Path) -> None:
        summary = audit_folder(AuditRequest(images=folder, quick=True))
        assert any("comparison with the source" in text for text in summary.skipped)


def test_an_embedder_knows_the_same_face_again(spoilt: Made, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("AveragePool", ["x"], ["small"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("ReduceMean", ["small"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["small", "mean"], ["centred"]),
        helper.make_node("Flatten", ["centred"], ["y"]),
    ]
    sides = [helper.make_tensor_value_info("x", kind, [1, 3, 112, 112])]
    graph = helper.make_graph(nodes, "pool", sides, [helper.make_tensor_value_info("y", kind, [1, 588])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "pool.onnx").write_bytes(model.SerializeToString())
    shutil.copy(spoilt.photos / "image" / "astronaut.png", spoilt.image("astronaut.png"))
    (tmp_path / "pool.json").write_text(
        json.dumps(
            {
                "side": 112,
                "colours": "rgb",
                "highest": 255,
                "mean": [127.5] * 3,
                "std": [127.5] * 3,
                "margin": 0,
                "mirrored": False,
                "same_person": 0.99,
            }
        )
    )
    people = tmp_path / "people.csv"
    people.write_text("image,person\nastronaut,E\nblurred_image/mirrored.png,E\nnobody.png,X\n")
    summary = spoilt.audit(quick=True, embedder=str(tmp_path / "pool.onnx"), persons=people)
    found = leaks(summary, "identity", "")
    assert len(found) == 1
    assert "similarity to the source 1.00" in found[0]
    figures = json.loads(summary.to_json())["identity"]
    assert figures["embedder"] == "pool.onnx"
    assert figures["faces"] == 8
    assert figures["persons"] == 7
    assert set(figures["originals"]) == {"blurred", "painted"}  # --quick runs no inverse filter
    assert figures["linkage"]["blurred to blurred"]["rank1"]["faces"] == 2
    assert any(text.startswith("1 lines of --persons") for text in summary.skipped)


def test_wrong_folders_are_usage_errors(made: Made, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    for request in (
        AuditRequest(),
        AuditRequest(out=made.out, images=made.out),
        AuditRequest(out=tmp_path / "plain"),
        AuditRequest(out=made.out, private=made.out / "inside"),
    ):
        with pytest.raises(UsageError):
            audit_folder(request)


def test_a_picture_that_breaks_the_audit_is_a_leak(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be audited is not vouched for."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("p3m_anon.jobs.audit.picture.targets", broken)
    summary = made.audit(quick=True)
    assert summary.count("leak") == 4
    assert all("could not be audited" in f.evidence for f in summary.findings if f.severity == "leak")


@pytest.mark.parametrize("content", ["photo", "text"])
def test_without_a_ledger_a_published_mask_is_one_bit_a_pixel(spoilt: Made, content: str) -> None:
    """A file named like a face mask is one only if it holds one bit a pixel and nothing else."""
    shutil.rmtree(spoilt.private)
    target = spoilt.out / "facemask" / "hopper.png"
    target.parent.mkdir()
    Image.fromarray(np.eye(40, dtype=bool)).save(target)
    assert not [one for one in spoilt.audit(quick=True).findings if one.image.startswith("facemask/")]
    if content == "photo":
        Image.open(spoilt.image("hopper.jpg")).convert("L").save(target)
    else:
        target.write_text("a name and a number")
    found = [one.severity for one in spoilt.audit(quick=True).findings if one.image.startswith("facemask/")]
    assert found == ["leak"]


def test_a_face_mask_that_was_not_to_be_published_is_a_leak(spoilt: Made) -> None:
    """One bit a pixel is enough for a face in black and white."""
    target = spoilt.out / "facemask" / "hopper.png"
    target.parent.mkdir()
    Image.fromarray(np.eye(40, dtype=bool)).save(target)
    found = [one.severity for one in spoilt.audit(quick=True).findings if one.image.startswith("facemask/")]
    assert found == ["leak"]


def test_a_face_in_the_last_values_of_a_matte_is_a_leak(spoilt: Made) -> None:
    """Stretched, values that look full show a photograph."""
    file = spoilt.out / "mask" / "astronaut.png"
    alpha = np.asarray(Image.open(file)).copy()
    grey = np.asarray(Image.open(spoilt.photos / "image" / "astronaut.png").convert("L"))
    alpha[alpha == 255] = (251 + grey // 64)[alpha == 255]
    Image.fromarray(alpha).save(file)
    evidence = leaks(spoilt.audit(quick=True), "alpha", "astronaut")
    assert any("neither full, nor 0, nor a soft edge" in text for text in evidence)
    assert any("not the source's alpha" in text for text in evidence)


def test_a_matte_that_shows_the_face_is_a_leak(spoilt: Made) -> None:
    file = spoilt.out / "mask" / "astronaut.png"
    grey = np.asarray(Image.open(spoilt.photos / "image" / "astronaut.png").convert("L"))
    Image.fromarray(np.asarray(60 + grey // 2, np.uint8)).save(file)
    evidence = leaks(spoilt.audit(quick=True), "alpha", "astronaut")
    assert any("the matte itself shows the face" in text for text in evidence)


def test_a_matte_of_an_older_version_is_a_warning(spoilt: Made) -> None:
    """It was released as it came, which was the promise then."""
    file = spoilt.out / "mask" / "astronaut.png"
    alpha = np.asarray(Image.open(file)).copy()
    alpha[alpha == 255] = 254
    Image.fromarray(alpha).save(file)
    with sqlite3.connect(spoilt.private / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE inputs SET facts = json_remove(facts, '$.alpha_flat')")
    found = [one for one in spoilt.audit(quick=True).findings if "an older version wrote it" in one.evidence]
    assert [one.severity for one in found] == ["warning"]


def test_a_listed_file_that_is_gone_is_a_leak_of_the_promise(spoilt: Made) -> None:
    spoilt.image("hopper.jpg").unlink()
    assert spoilt.audit(quick=True).exit_code == 1
