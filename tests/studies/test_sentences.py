"""What a reader is told before the numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from p3m_anon.studies.sentences import sentences
from tests.studies.report_cases import P_B, all_of, done, study


def test_few_pictures_are_called_a_sanity_check_and_many_are_not(tmp_path: Path) -> None:
    found = all_of(study(), tmp_path)
    said = "\n".join(sentences(study(), found))
    assert "Means on P3M-500-P:B are over 3 pictures; the paper's over 500" in said
    assert "a sanity check and not a reproduction" in said
    whole = [replace(one, pictures=500, scored=500) for one in found]
    assert "sanity" not in "\n".join(sentences(study(), whole))
    mixed = [replace(whole[0], scored=499), *whole[1:]]
    said = "\n".join(sentences(study(), mixed))
    assert f"Means on {P_B} are over 499 to 500 pictures" in said
    assert "sanity" in said


def test_what_is_contaminated_is_said_before_the_numbers(tmp_path: Path) -> None:
    flagged = replace(done(tmp_path, "BiRefNet", "X", P_B, None), flags=("knows them",))
    said = sentences(study(), [*all_of(study(), tmp_path), flagged])
    assert said[1] == "Contaminated, so no fair test: BiRefNet on P3M-500-P"
    assert not [line for line in sentences(study(), all_of(study(), tmp_path)) if "ontaminated" in line]


def test_states_are_counted(tmp_path: Path) -> None:
    found = all_of(study(), tmp_path)
    assert sentences(study(), found)[0] == "Of 8 evaluations 8 done"
    none = [replace(one, state="absent", means={}) for one in found]
    assert sentences(study(), none)[0] == "Nothing was run to its end yet: 8 not run"
    assert sentences(study(), [])[0] == "The study has no cells; nothing was run"


def test_settings_that_are_not_the_papers_are_listed_and_no_others() -> None:
    training = {
        "max_steps": 4,
        "crops": [256, 512],
        "size": 512,
        "learning_rate": 1e-5,
        "recipe": "official",
        "leave_out": "/home/me/list.txt",
        "backbone": "/home/me/resnet34.pth",
    }
    said = [line for line in sentences(study(training=training), []) if line.startswith("Trained with other")]
    assert said == [
        "Trained with other settings than the paper's: max_steps 4 (paper: no limit); "
        "crops 256 512 (paper: 512 768 1024); recipe official (paper: paper); leave_out list.txt"
    ]
    assert not [line for line in sentences(study(), []) if "other settings" in line]


def test_seeds_and_encoders_and_evaluation(tmp_path: Path) -> None:
    found = all_of(study(seeds=(0, 5)), tmp_path)
    said = sentences(study(seeds=(0, 5), evaluation={"strategy": "resize"}), found, ["p3mnet"])
    assert "Trained with seeds 0, 5; ± is the sample standard deviation over them" in said
    assert "Encoders start from random weights, and not from ImageNet's as in the paper: P3M-Net" in said
    assert said[-1] == "Strategies: resize for GFM, P3M-Net"
    assert "Evaluated with precision bf16" in sentences(study(evaluation={"precision": "bf16"}), [])
    several = study(methods=("closed_form", "gfm", "shm", "theirs"))
    assert "Strategies: hybrid for GFM; full for SHM" in sentences(several, [])
    assert "Trained with one seed, 0, so no spread is known" in sentences(study(), all_of(study(), tmp_path))
