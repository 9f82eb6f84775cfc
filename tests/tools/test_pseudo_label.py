"""Pseudo-labels in files equal those of the hook, and are distinguished from real labels."""

import json
import shutil

import pytest
import torch
from mmengine.registry import init_default_scope

from mtl_plugins.apis import load_config
from mtl_plugins.apis.write_pseudo_labels import LIST, write_pseudo_labels
from mtl_plugins.datasets.readers import read_classes
from mtl_plugins.engine import DistillationHook, Teacher
from mtl_plugins.registry import DATASETS, MODELS

TEACHER = """
_base_ = [{base!r}]
model = dict(backbone=dict(model_name="test_efficientnet", pretrained=False), neck=dict(channels=8))
"""
PACK = [dict(type="PackSample")]


@pytest.fixture
def files(tmp_path, root, nyud_folder):
    """Paths of a teacher's config and weights, and of a copy of the data."""
    config = tmp_path / "teacher.py"
    config.write_text(TEACHER.format(base=str(root / "configs" / "hydranet_nyud_three.py")))
    init_default_scope("mtl_plugins")
    torch.manual_seed(2)
    torch.save(MODELS.build(load_config(config).model).state_dict(), tmp_path / "teacher.pth")
    shutil.copytree(nyud_folder, tmp_path / "data")
    return config, tmp_path / "teacher.pth", tmp_path / "data"


@pytest.fixture
def write(files, run_tool, tmp_path):
    config, checkpoint, data = files
    fixed = ["--out", tmp_path / "pseudo", "--batch-size", 2, "--device", "cpu"]

    def run(*more, tasks=("semseg", "depth", "normals")):
        options = ["--cfg-options", f"data_root={data}"]
        return run_tool("pseudo_label", config, config, checkpoint, *fixed, "--tasks", *tasks, *more, *options)

    return run


def dataset(data, **options):
    return DATASETS.build(dict(type="NYUDv2", data_root=str(data), pipeline=PACK, **options))


def test_labels_in_files_equal_those_of_the_hook(files, write, tmp_path, capsys):
    config, checkpoint, data = files
    write("--batch-size", 1)  # as below: other batch sizes may round differently
    assert "semseg: 4 real, 2 pseudo, 0 missing" in capsys.readouterr().out
    teacher = Teacher(["semseg", "depth", "normals"], config=config, checkpoint=checkpoint)
    hook = DistillationHook([dict(tasks=["semseg"])])
    hook._heads, hook.teachers = dict(teacher.model.heads), [teacher]
    plain, labelled = dataset(data), dataset(data, pseudo_labels=str(tmp_path / "pseudo"))
    assert labelled.label_counts() == dict.fromkeys(("semseg", "depth", "normals"), 6)
    for index in range(len(plain)):
        batch = {key: [value] for key, value in plain[index].items()}
        hook.fill(batch)
        filled, read = batch["data_samples"][0], labelled[index]["data_samples"]
        assert set(filled.gt.keys()) == set(read.gt.keys())
        for task in read.gt.keys():
            assert torch.equal(filled.gt.get(task), read.gt.get(task)), task
        assert filled.get("pseudo", ()) == read.get("pseudo", ())
        assert filled.get("label_weights", {}) == read.get("label_weights", {})


def test_the_list_states_which_labels_are_real(files, write, tmp_path):
    write(tasks=("depth",))
    rows = [line.split("\t") for line in (tmp_path / "pseudo" / LIST).read_text().splitlines()]
    assert rows[0] == ["# image", "semseg", "depth", "normals"] and len(rows) == 7
    assert [row[1:] for row in rows[1:4]] == [
        ["real", "real", "real"],
        ["real", "pseudo", "real"],
        ["missing", "real", "missing"],
    ]
    assert dataset(files[2], pseudo_labels=str(tmp_path / "pseudo")).label_counts()["semseg"] == 4


def test_an_interrupted_run_is_resumed(files, write, tmp_path, monkeypatch):
    write()
    complete = {path.relative_to(tmp_path / "pseudo"): path.read_bytes() for path in (tmp_path / "pseudo").rglob("*.*")}
    shutil.rmtree(tmp_path / "pseudo")
    calls = []
    scores = Teacher.scores

    def stop_at_second(self, *args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return scores(self, *args)

    monkeypatch.setattr(Teacher, "scores", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        write()
    with pytest.raises(FileNotFoundError, match="no complete set of pseudo-labels"):
        dataset(files[2], pseudo_labels=str(tmp_path / "pseudo"))
    write()
    again = {path.relative_to(tmp_path / "pseudo"): path.read_bytes() for path in (tmp_path / "pseudo").rglob("*.*")}
    assert again == complete
    count = len(calls)
    write()
    assert len(calls) == count, "finished labels are not predicted again"


def test_other_settings_need_another_folder(files, write, tmp_path):
    write("--confidence", 0.5)
    with pytest.raises(ValueError, match="another teacher or settings"):
        write("--confidence", 0.9)
    about = json.loads((tmp_path / "pseudo" / "pseudo_labels.json").read_text())
    assert about["tasks"]["semseg"]["confidence"] == 0.5 and about["tasks"]["depth"]["scale"] == 5000


def test_other_teacher_options_need_another_folder(files, write, tmp_path):
    write(tasks=("depth",))
    with pytest.raises(ValueError, match="of another teacher or settings"):
        write("--flip", tasks=("depth",))
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        write("--batch-size", 0, tasks=("depth",))
    assert not list((tmp_path / "pseudo").glob("*.started.json"))


def test_minimum_confidence_is_applied_when_reading(files, write, tmp_path):
    write()
    confidence = read_classes(tmp_path / "pseudo" / "confidence" / "semseg" / "rgb" / "2.png")
    median = confidence.float().median().item() / 255
    every = dataset(files[2], pseudo_labels=str(tmp_path / "pseudo"))
    sure = dataset(files[2], pseudo_labels=dict(folder=str(tmp_path / "pseudo"), min_confidence=median, weight=0.5))
    masks = [d[2]["data_samples"].gt.semseg for d in (every, sure)]
    assert (masks[0] != 255).all() and (masks[1] == 255).any()
    known = masks[1] != 255
    assert torch.equal(masks[1][known], masks[0][known])
    assert sure[2]["data_samples"].label_weights == dict(semseg=0.5, normals=0.5)


def test_label_shares_keep_a_part_of_the_labels(nyud_folder):
    half = dataset(nyud_folder, label_shares=dict(depth=0.5, normals=(0.5, 1.0)))
    assert half.label_counts() == {"semseg": 4, "depth": 2, "normals": 2}
    with pytest.raises(ValueError, match=r"label_shares\['depth'\]=1.5"):
        dataset(nyud_folder, label_shares=dict(depth=1.5))
    with pytest.raises(ValueError, match="no label.*edge.*known"):
        dataset(nyud_folder, label_shares=dict(edge=0.5))


def test_images_that_cannot_be_read_get_no_label(files, tmp_path, capture_log):
    config, checkpoint, data = files
    options = dict(label_shares=dict(depth=0), tasks=["depth"])
    image = dataset(data, **options).samples[1].img
    image.write_bytes(image.read_bytes()[:100])
    teacher = Teacher(dict(depth={}), config=config, checkpoint=checkpoint)
    with pytest.raises(ValueError, match=image.name):
        write_pseudo_labels(dataset(data, **options), teacher, tmp_path / "all", show=False)
    skipping = dataset(data, on_bad_sample="skip", max_bad_samples=1, **options)
    listed = write_pseudo_labels(skipping, teacher, tmp_path / "readable", show=False)["listed"]
    assert listed["depth"] == dict(real=0, pseudo=len(skipping) - 1, missing=1)
    assert f"{image} gets no label: " in capture_log()


HOOK = """
_base_ = [{base!r}]
custom_hooks = [dict(type="DistillationHook", teachers={teachers!r})]
"""


def test_the_teachers_of_the_config_label_its_images(files, write, run_tool, tmp_path, capsys):
    config, checkpoint, data = files
    member = dict(tasks=["semseg"], config=str(config), checkpoint=str(checkpoint))
    averaged = dict(average=[member, member], tasks=dict(semseg=dict(confidence=0.01)))
    hooked = tmp_path / "hooked.py"
    hooked.write_text(HOOK.format(base=str(config), teachers=[averaged]))
    fixed = ["--batch-size", 2, "--device", "cpu", "--cfg-options", f"data_root={data}"]
    run_tool("pseudo_label", hooked, "--out", tmp_path / "own", *fixed)
    assert "semseg: 4 real, 2 pseudo, 0 missing" in capsys.readouterr().out
    write("--confidence", 0.01, tasks=("semseg",))
    one, other = (dataset(data, pseudo_labels=str(tmp_path / name)) for name in ("own", "pseudo"))
    for index in range(len(one)):
        first, second = (part[index]["data_samples"].gt.get("semseg") for part in (one, other))
        assert (first is second is None) or torch.equal(first, second), "averaged with itself"
    hooked.write_text(HOOK.format(base=str(config), teachers=[member, member]))
    with pytest.raises(ValueError, match="2 teachers of .* but a folder of labels has one. Average them"):
        run_tool("pseudo_label", hooked, "--out", tmp_path / "two", *fixed)
    with pytest.raises(ValueError, match="has no DistillationHook whose teachers"):
        run_tool("pseudo_label", config, "--out", tmp_path / "none", *fixed)


@pytest.mark.parametrize(
    "words, message",
    [(["teacher.py"], "a TEACHER needs its CHECKPOINT and --tasks"), (["--flip"], "--flip needs a TEACHER")],
)
def test_incomplete_options_raise(run_tool, tmp_path, capsys, words, message):
    with pytest.raises(SystemExit):
        run_tool("pseudo_label", "hydranet_nyud", *words, "--out", tmp_path)
    assert message in capsys.readouterr().err
