"""A run from the dataset's folder to the run's: what is refused, what is left, what is said."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

from p3m_anon.errors import ImageError, Stopped, UsageError
from p3m_anon.jobs.eval.request import EvalRequest
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from p3m_anon.jobs.train.inputs import TrainInputs, training_set
from p3m_anon.jobs.train.request import TrainPlan, TrainRequest, Watch
from p3m_anon.jobs.train.run import plan, train
from p3m_anon.methods.registry import METHODS
from p3m_anon.training.run_settings import RunSettings
from p3m_anon.training.settings import SampleSettings
from tests.jobs.train.cases import curve, make_dataset

SETTINGS = RunSettings(
    width=8, batch_size=2, learning_rate=1e-3, max_steps=2, samples=SampleSettings(size=64, crops=(64, 96))
)


class Listener(Watch):
    def __init__(self) -> None:
        self.notices: list[str] = []
        self.plans: list[TrainPlan] = []
        self.steps = 0

    def on_notice(self, line: str) -> None:
        self.notices.append(line)

    def on_begin(self, plan: TrainPlan) -> None:
        self.plans.append(plan)

    def on_step(self, report: object) -> None:
        self.steps += 1


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "dataset", train=5, tests=3)


def request(root: Path, **more: object) -> TrainRequest:
    settings = more.pop("settings", SETTINGS)
    out = more.pop("out", root.with_name("run"))
    inputs = more.pop("inputs", TrainInputs(root))
    return TrainRequest(inputs, out, settings, device="cpu", workers=0, **more)


def test_a_run_leaves_all_that_is_promised_for_its_owner_alone(root: Path) -> None:
    listener = Listener()
    summary = train(request(root), listener)
    out = root.with_name("run")
    names = {file.relative_to(out).parts[0] for file in out.rglob("*")}
    assert names >= {"last.ckpt", "best.ckpt", "metrics.csv", "validations.csv", "curves.png", "panels", "tensorboard"}
    assert names >= {"settings.json", "environment.json", "pictures.json"}
    assert os.stat(out).st_mode & 0o777 == 0o700
    assert (summary.step, summary.steps, summary.exit_code, summary.skipped) == (2, 2, 0, 0)
    assert summary.best_step == 2
    assert summary.best_sad is not None
    assert listener.steps == 2
    (plan,) = listener.plans
    assert (plan.pictures, plan.steps_per_epoch, plan.steps, plan.validated) == (5, 2, 2, 3)
    said = json.loads((out / "settings.json").read_text())
    assert said["settings"]["samples"]["crops"] == [64, 96]
    assert said["protocol"] == "B"
    assert str(root) not in (out / "settings.json").read_text() + (out / "environment.json").read_text()


def test_its_best_checkpoint_scores_in_eval_as_in_the_validation(root: Path, tmp_path: Path) -> None:
    summary = train(request(root))
    checkpoint = root.with_name("run") / "best.ckpt"
    scored = evaluate(
        EvalRequest(root, "P3M-500-P", "p3mnet", checkpoint, strategy="resize", out=tmp_path / "eval", workers=1)
    )
    assert scored.means["sad"] == pytest.approx(summary.best_sad, rel=1e-4)


def test_the_note_of_a_checkpoint_names_no_file_and_no_picture(root: Path) -> None:
    train(request(root))
    note = torch.load(root.with_name("run") / "best.ckpt", weights_only=True)["p3m_anon"]
    said = json.loads(note)
    assert said["method"] == "p3mnet"
    assert said["settings"]["samples"]["seed"] == 0
    assert len(said["pictures_sha256"]) == 64
    assert str(root.parent) not in note
    assert "p_000" not in note


def test_another_run_is_not_overwritten(root: Path) -> None:
    train(request(root))
    before = curve(root.with_name("run"))
    with pytest.raises(UsageError, match="holds a run; go on with it with --resume"):
        train(request(root))
    assert curve(root.with_name("run")) == before


def test_resume_where_nothing_is_begins(root: Path) -> None:
    assert train(request(root, resume=True)).step == 2


def test_a_longer_run_goes_on(root: Path) -> None:
    train(request(root))
    longer = replace(SETTINGS, max_steps=4)
    assert train(request(root, settings=longer, resume=True)).step == 4
    train(request(root, settings=longer, out=root.with_name("whole")))
    assert curve(root.with_name("run")) == curve(root.with_name("whole"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"learning_rate": 0.1}, r"learning_rate: 0\.001 -> 0\.1"),
        ({"batch_size": 1}, "pictures of a batch on all devices: 2 -> 1"),
        ({"samples": SampleSettings(seed=7, size=64, crops=(64, 96))}, r"samples\.seed: 0 -> 7"),
        ({"schedule": "cosine"}, "schedule: fixed -> cosine"),
    ],
)
def test_changed_settings_are_refused_with_the_difference(root: Path, changed: dict[str, object], said: str) -> None:
    train(request(root))
    with pytest.raises(UsageError, match=f"begun with other settings or pictures: .*{said}"):
        train(request(root, settings=replace(SETTINGS, **changed), resume=True))


def test_changed_pictures_are_refused_with_the_difference(root: Path) -> None:
    train(request(root))
    images, masks = root / "train" / "blurred_image", root / "train" / "mask"
    for folder, ending in ((images, "jpg"), (masks, "png")):
        (folder / f"p_000.{ending}").rename(folder / f"new.{ending}")
    (images / "p_001.jpg").write_bytes((images / "p_001.jpg").read_bytes() + b"\0")
    with pytest.raises(UsageError, match="1 picture new: new; 1 picture gone: p_000; 1 picture changed: p_001"):
        train(request(root, resume=True))


@pytest.mark.parametrize("changed", ["train/mask/p_001.png", "train/fg/p_001.png", "train/bg/p_001.jpg"])
def test_a_changed_alpha_or_layer_is_refused(root: Path, changed: str) -> None:
    for image in (root / "train" / "blurred_image").iterdir():
        for folder, ending in (("fg", "png"), ("bg", "jpg")):
            file = root / "train" / folder / f"{image.stem}.{ending}"
            file.parent.mkdir(exist_ok=True)
            assert cv2.imwrite(str(file), cv2.imread(str(image)))
    train(request(root))
    file = root / changed
    assert cv2.imwrite(str(file), 255 - cv2.imread(str(file), cv2.IMREAD_UNCHANGED))
    with pytest.raises(UsageError, match=r"begun with other settings or pictures: 1 picture changed: p_001\. Put"):
        train(request(root, resume=True))


def test_files_that_were_only_touched_are_the_same(root: Path) -> None:
    train(request(root))
    for file in (root / "train").rglob("*.*"):
        os.utime(file, ns=(1, 1))
    assert train(request(root, resume=True)).step == 2


def test_a_changed_manifest_is_refused(root: Path) -> None:
    from p3m_anon.jobs.train.folder import check_unchanged

    train(request(root))
    out = root.with_name("run")
    said = json.loads((out / "settings.json").read_text())
    (out / "pictures.json").write_text("{}")
    with pytest.raises(UsageError, match=r"manifest\.jsonl"):
        check_unchanged(out, {**said, "manifest_sha256": "f" * 64}, {})


def test_with_any_manifest_a_run_goes_on_where_only_words_were_edited(root: Path) -> None:
    """So do the trainings of a study, which are filed under their pictures."""
    build_manifest(BuildRequest(root))
    train(request(root, settings=replace(SETTINGS, max_steps=1)))
    rows = [json.loads(line) for line in (root / "manifest.jsonl").read_text().splitlines()]
    text = "".join(json.dumps({**row, "attribution": "somebody"}) + "\n" for row in rows)
    (root / "manifest.jsonl").write_text(text)
    with pytest.raises(UsageError, match=r"cannot go on.*manifest\.jsonl"):
        train(request(root, resume=True))
    assert train(request(root, resume=True, any_manifest=True)).step == 2
    picture = next((root / "train/blurred_image").iterdir())
    cv2.imwrite(str(picture), 255 - cv2.imread(str(picture)))
    with pytest.raises(UsageError, match="1 picture changed"):
        train(request(root, resume=True, any_manifest=True, settings=replace(SETTINGS, max_steps=3)))


def test_a_run_folder_lies_outside_of_the_dataset_and_is_no_other_folder(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lies inside a dataset"):
        train(request(root, out=root / "run"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is no run folder"):
        train(request(root, out=tmp_path / "other"))


def test_a_run_folder_is_not_among_the_originals(root: Path, tmp_path: Path) -> None:
    originals = root.with_name("dataset.private") / "originals"
    with pytest.raises(UsageError, match="lies among the originals"):
        train(request(root, out=originals / "run"))
    (tmp_path / "clear").mkdir()
    with pytest.raises(UsageError, match="lies among the originals"):
        train(request(root, out=tmp_path / "clear" / "run", inputs=TrainInputs(root, "N", tmp_path / "clear")))
    with pytest.raises(UsageError, match="lies among the originals"):
        train(request(root, out=originals / "run", inputs=TrainInputs(root, "N", tmp_path / "clear")))
    assert not originals.exists()


def test_results_of_eval_are_no_run_folder(root: Path, tmp_path: Path) -> None:
    train(request(root))
    out = tmp_path / "eval"
    checkpoint = root.with_name("run") / "best.ckpt"
    evaluate(EvalRequest(root, "P3M-500-P", "p3mnet", checkpoint, strategy="resize", out=out, workers=1))
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    with pytest.raises(UsageError, match="is no run folder"):
        train(request(root, out=out))
    shutil.copy(root.with_name("run") / "last.ckpt", out)
    with pytest.raises(UsageError, match="is no run folder"):
        train(request(root, out=out, resume=True))
    assert {file: file.read_bytes() for file in before} == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("settings.json", content) for content in (b"{", b"{}", b"\xff", None)),
        *(("pictures.json", content) for content in (b"{", b"[]", None)),
    ],
)
def test_a_damaged_run_folder_is_one_line(root: Path, name: str, content: bytes | None) -> None:
    train(request(root))
    file = root.with_name("run") / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(UsageError, match="is no run folder"):
        train(request(root, resume=True))


def test_what_is_refused_leaves_nothing(root: Path) -> None:
    for settings in (replace(SETTINGS, batch_size=6), replace(SETTINGS, accumulate=3)):
        with pytest.raises(UsageError, match=r"make it smaller|a step takes 3"):
            train(request(root, settings=settings))
    with pytest.raises(UsageError, match="make it smaller"):
        plan(request(root, devices=3))
    assert not root.with_name("run").exists()


def test_a_run_that_began_meanwhile_is_not_overwritten(root: Path, monkeypatch) -> None:
    """While pictures were read, nobody held the lock."""
    train(request(root, out=root.with_name("other")))

    def slow(*arguments: object, **more: object) -> object:
        shutil.copytree(root.with_name("other"), root.with_name("run"))
        return training_set(*arguments, **more)

    monkeypatch.setattr("p3m_anon.jobs.train.run.training_set", slow)
    with pytest.raises(UsageError, match="holds a run; go on with it with --resume"):
        train(request(root))


def test_a_run_folder_that_cannot_be_made_is_named_as_what_it_is(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"the run folder .*file/run cannot be used .*choose another --out"):
        train(request(root, out=tmp_path / "file" / "run"))


def test_two_runs_in_one_folder_are_refused(root: Path) -> None:
    from p3m_anon.files.private import locked

    with locked(root.with_name("run")), pytest.raises(Stopped, match="another run is working on"):
        train(request(root))


def test_a_corrupt_picture_is_named_and_the_run_goes_on_once_it_is_mended(root: Path) -> None:
    picture = root / "train" / "blurred_image" / "p_003.jpg"
    whole = picture.read_bytes()
    longer = replace(SETTINGS, max_steps=8)
    train(request(root, settings=longer, out=root.with_name("whole")))
    fingerprints = root.with_name("dataset.private")
    train(request(root, settings=replace(SETTINGS, max_steps=2)))
    picture.write_bytes(whole[:-200])
    os.utime(picture, ns=(1, 1))
    shutil.rmtree(fingerprints)
    with pytest.raises((ImageError, UsageError), match="p_003"):
        train(request(root, settings=longer, resume=True))
    picture.write_bytes(whole)
    train(request(root, settings=longer, resume=True))
    assert curve(root.with_name("run")) == curve(root.with_name("whole"))


def test_a_split_that_is_not_there_is_no_validation(root: Path) -> None:
    listener = Listener()
    summary = train(request(root, validate="P3M-500-NP"), listener)
    assert any("no validation" in line and "P3M-500-NP" in line for line in listener.notices)
    assert summary.best_sad is None
    assert not (root.with_name("run") / "best.ckpt").exists()


def test_clear_faces_are_called_so(root: Path) -> None:
    make_dataset(root.with_name("other"), train=1, tests=2)
    clear = root / "validation" / "P3M-500-NP"
    shutil.copytree(root.with_name("other") / "validation" / "P3M-500-P", clear)
    (clear / "blurred_image").rename(clear / "original_image")
    shutil.rmtree(root / "validation" / "P3M-500-P")
    summary = train(request(root, validate="P3M-500-NP"))
    assert summary.shows_clear_faces
    assert [file.name for file in (root.with_name("run") / "panels").iterdir()] == ["step-0000002-clear-faces.png"]


def test_the_encoder_starts_from_a_file(root: Path, tmp_path: Path) -> None:
    from p3m_anon.jobs.train.run import build
    from p3m_anon.methods.p3mnet.keys import resnet_modules

    source = METHODS["basic"].build(0).encoder
    own = source.state_dict()
    names = {
        f"{theirs}.{key.rpartition('.')[2]}": key
        for theirs, ours in resnet_modules()
        for key in own
        if key.rpartition(".")[0] == ours
    }
    torch.save({theirs: own[ours] for theirs, ours in names.items()}, tmp_path / "resnet34.pth")
    network = build(RunSettings(), tmp_path / "resnet34.pth")
    assert all(torch.equal(one, own[name]) for name, one in network.encoder.state_dict().items())
    with pytest.raises(UsageError, match="leave out --width"):
        request(root, backbone=tmp_path / "resnet34.pth")


def test_a_dry_run_measures_a_step_and_begins_none(root: Path) -> None:
    said, summary = plan(request(root, settings=replace(SETTINGS, max_steps=0, epochs=3)))
    assert (said.steps, said.steps_per_epoch, said.pictures_per_step) == (6, 2, 2)
    assert said.parameters == sum(one.numel() for one in METHODS["p3mnet"].build(8).parameters())
    assert said.seconds_per_step is not None
    assert said.hours == pytest.approx(6 * said.seconds_per_step / 3600)
    assert summary.exit_code == 0
    assert not root.with_name("run").exists()


def test_a_dry_run_of_a_run_that_goes_on_counts_what_is_left(root: Path) -> None:
    train(request(root))
    said, summary = plan(request(root, settings=replace(SETTINGS, max_steps=6), resume=True))
    assert (said.steps, said.done, summary.step, summary.epoch) == (6, 2, 2, 1)
    assert said.hours == pytest.approx(4 * said.seconds_per_step / 3600)


def test_a_dry_run_writes_nothing_and_uses_what_is_known(root: Path, monkeypatch) -> None:
    plan(request(root))
    assert not root.with_name("dataset.private").exists()
    train(request(root))
    before = {file: file.stat().st_mtime_ns for file in root.parent.rglob("*")}
    monkeypatch.setattr("p3m_anon.jobs.train.leaks.read", lambda path: pytest.fail(f"{path} is read again"))
    plan(request(root, resume=True))
    assert {file: file.stat().st_mtime_ns for file in root.parent.rglob("*")} == before


def test_a_dry_run_lists_no_leaks_in_a_file(root: Path) -> None:
    shutil.copy(root / "train/blurred_image/p_001.jpg", root / "validation/P3M-500-P/blurred_image/p_100.jpg")
    with pytest.raises(UsageError, match="FILE, an id a line; the run itself lists them"):
        plan(request(root))
    assert not root.with_name("dataset.private").exists()


def test_unknown_names_are_refused(root: Path) -> None:
    with pytest.raises(UsageError, match="no method is called modnet; there are basic, "):
        request(root, settings=replace(SETTINGS, method="modnet"))
    with pytest.raises(UsageError, match="fp16 needs a GPU"):
        train(request(root, settings=replace(SETTINGS, precision="fp16")))


def test_after_a_loss_that_is_not_finite_its_remedies_may_change(root: Path) -> None:
    train(request(root))
    out = root.with_name("run")
    (out / "not-finite-step-3-rank-0.pt").write_bytes(b"")
    gentler = replace(SETTINGS, max_steps=3, learning_rate=1e-4, clip=1.0, precision="bf16")
    listener = Listener()
    assert train(request(root, settings=gentler, resume=True), listener).step == 3
    lines = ["clip: 0.0 -> 1.0", "learning_rate: 0.001 -> 0.0001", "precision: fp32 -> bf16"]
    assert f"from step 2 on with other settings than before: {'; '.join(lines)}" in listener.notices
    assert [row["learning_rate"] for row in curve(out)] == ["0.001", "0.001", "0.0001"]
    train(request(root, settings=replace(gentler, max_steps=4), resume=True))
    changed = [{"after_step": 2, "settings": lines}]
    assert json.loads((out / "settings.json").read_text())["changed"] == changed
    assert json.loads(torch.load(out / "last.ckpt", weights_only=True)["p3m_anon"])["changed"] == changed
    with pytest.raises(UsageError, match=r"samples\.seed: 0 -> 7"):
        train(request(root, settings=replace(gentler, samples=replace(gentler.samples, seed=7)), resume=True))


def test_pictures_that_a_validation_cannot_score_make_the_exit_code(root: Path) -> None:
    (root / "validation" / "P3M-500-P" / "mask" / "p_101.png").write_bytes(b"none")
    summary = train(request(root))
    assert summary.exit_code == 1
    assert [line.partition(":")[0] for line in summary.unscored] == ["p_101"]


def test_before_the_first_step_a_signal_ends_the_run_at_once(root: Path) -> None:
    class Impatient(Watch):
        def __init__(self) -> None:
            self.compared = 0

        def on_compared(self) -> None:
            self.compared += 1
            os.kill(os.getpid(), signal.SIGINT)

    watch = Impatient()
    with pytest.raises(KeyboardInterrupt):
        train(request(root), watch)
    assert watch.compared == 1
    assert not (root.with_name("run") / "last.ckpt").exists()


def test_normal_pictures_are_validated_on_normal_ones(root: Path) -> None:
    originals = root.with_name("dataset.private") / "originals"
    for split in ("train", "validation/P3M-500-P"):
        shutil.copytree(root / split / "blurred_image", originals / Path(split).name)
    for file in originals.rglob("*.jpg"):
        file.write_bytes(file.read_bytes() + b"\0")  # as far as bytes tell, not the blurred picture
    inputs = TrainInputs(root, protocol="N")
    summary = train(request(root, inputs=inputs))
    assert summary.shows_clear_faces
    assert [file.name for file in (root.with_name("run") / "panels").iterdir()] == ["step-0000002-clear-faces.png"]
    shutil.rmtree(originals / "P3M-500-P")
    listener = Listener()
    summary = train(request(root, inputs=inputs, out=root.with_name("other")), listener)
    assert any("validated on blurred pictures" in line for line in listener.notices)
    assert not summary.shows_clear_faces
