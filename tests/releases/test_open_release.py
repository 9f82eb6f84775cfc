"""A release gives the network of the training; any other folder is refused with a reason, and nothing in it runs."""

import hashlib
import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mtl_plugins.apis import MultiTaskInferencer, init_model, load_config
from mtl_plugins.files import DataError
from mtl_plugins.models.heads import DenseHead
from mtl_plugins.registry import MODELS
from mtl_plugins.releases import open_release, read_description
from mtl_plugins.releases.description import sealed
from mtl_plugins.releases.weights_file import TOLERANCE, to_half

from .small_release import OPTIONS, PIPELINE, PRESET, SIZE, change

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (60, 80, 3), np.uint8)


class Evil:
    """An object whose unpickling writes a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def test_a_folder_is_enough_to_predict(small, checkpoint):
    released = MultiTaskInferencer(small)(IMAGE)
    options = {**OPTIONS, "predict_pipeline": PIPELINE}
    trained = MultiTaskInferencer(PRESET, checkpoint, cfg_options=options)(IMAGE)
    assert set(released) == set(trained) == {"semseg", "depth", "normals"}
    assert (released["semseg"] == trained["semseg"]).mean() > 0.99
    for task in ("depth", "normals"):
        spread = trained[task].max() - trained[task].min()
        assert np.abs(released[task] - trained[task]).max() <= 0.01 * spread


def test_classes_and_preparation_come_from_the_release(small):
    predict = MultiTaskInferencer(small)
    assert predict.dataset_meta["classes"][:2] == ("wall", "floor") and len(predict.dataset_meta["palette"]) == 40
    assert predict.pipeline.transforms[0].size == list(SIZE)
    assert (
        predict.model.data_preprocessor.mean_rgb == init_model(PRESET, cfg_options=OPTIONS).data_preprocessor.mean_rgb
    )


@pytest.mark.parametrize("spelling", [str, lambda folder: f"{folder}/model.json", lambda folder: folder])
def test_spellings_of_a_folder(spelling, small):
    assert load_config(spelling(small)).release == str(small)


def test_a_release_is_also_a_checkpoint_of_its_config(small):
    of_config = init_model(PRESET, small, cfg_options=OPTIONS).state_dict()
    of_release = init_model(small).state_dict()
    assert all(torch.equal(value, of_config[name]) for name, value in of_release.items())


def test_statistics_of_batch_norm_are_exact(small, checkpoint):
    trained = torch.load(checkpoint)["state_dict"]
    released = open_release(small).state
    exact = [name for name in trained if "running_" in name or trained[name].ndim < 2]
    assert any(trained[name].max() > 65504 for name in exact)
    assert all(torch.equal(trained[name], released[name]) for name in exact)
    halves = [name for name, value in released.items() if value.dtype == torch.float16]
    assert len(halves) > 10
    for name in halves:
        error = (released[name].float() - trained[name]).norm()
        assert error <= TOLERANCE * trained[name].norm()


@pytest.mark.parametrize(
    ("value", "half"),
    [
        (torch.ones(2, 2), True),
        (torch.full((2, 2), 65504.0), True),
        (torch.full((2, 2), 70000.0), False),
        (torch.full((2, 2), 3e-8), False),
        (torch.zeros(2, 2), True),
        (torch.ones(4), False),
    ],
)
def test_what_float16_cannot_hold_stays_float32(value, half):
    assert (to_half({"x": value})["x"].dtype == torch.float16) is half


def test_integers_keep_their_type():
    assert to_half({"x": torch.tensor(3)})["x"].dtype == torch.int64


def refused(folder, match):
    """Loading fails with one sentence or two, in one line, that names the folder."""
    with pytest.raises((DataError, FileNotFoundError), match=match) as raised:
        init_model(folder)
    assert str(folder) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("at", [10, 5000, -1])
def test_a_flipped_bit_in_the_weights(release, at):
    content = bytearray((release / "model.safetensors").read_bytes())
    content[at] ^= 1
    (release / "model.safetensors").write_bytes(content)
    refused(release, "was changed or damaged")


def test_truncated_weights(release):
    path = release / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    refused(release, "truncated")


def test_missing_weights(release):
    (release / "model.safetensors").unlink()
    refused(release, "is missing: the release is incomplete")


def test_a_missing_description(release):
    (release / "model.json").unlink()
    with pytest.raises(FileNotFoundError, match="neither a file, a preset nor a release"):
        init_model(release)


def test_a_changed_description(release):
    path = release / "model.json"
    path.write_text(path.read_text().replace('"wall"', '"hall"'))
    refused(release, "its checksum does not match")


def test_a_truncated_description(release):
    path = release / "model.json"
    path.write_text(path.read_text()[:-100])
    refused(release, "not valid JSON")


def with_weights(release, content):
    """Replace the weights and their checksum."""
    (release / "model.safetensors").write_bytes(content)
    values = dict(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    change(release, lambda description: description["weights"].update(values))


def test_a_pickle_in_place_of_the_weights(release, tmp_path):
    with_weights(release, pickle.dumps({"state_dict": Evil(tmp_path / "executed")}))
    refused(release, "is not a safetensors file")
    assert not (tmp_path / "executed").exists()


def test_weights_of_another_network(release):
    state = load_file(release / "model.safetensors")
    del state["heads.depth.out.weight"]
    save_file(state, release / "other.safetensors")
    with_weights(release, (release / "other.safetensors").read_bytes())
    with pytest.raises(ValueError, match="missing in the file: 1 .heads.depth.out.weight"):
        init_model(release)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(release, value):
    state = load_file(release / "model.safetensors")
    state["heads.depth.out.bias"].fill_(value)
    save_file(state, release / "other.safetensors")
    with_weights(release, (release / "other.safetensors").read_bytes())
    with pytest.raises(ValueError, match="heads.depth.out.bias"):
        init_model(release)


def backbone(**options):
    return lambda content: content["model"]["backbone"].update(options)


def depth_head(**options):
    return lambda content: content["model"]["heads"]["depth"].update(options)


def part(*keys, **options):
    """Set a value deep inside the description."""

    def edit(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = options["to"]

    return edit


HOSTILE = {
    "a callable": (backbone(type="os.system"), "'type'.* expected a backbone of this package"),
    "a class of torch": (depth_head(type="torch.nn.Identity"), "expected a head of this package"),
    "a part of another role": (backbone(type="DepthHead"), "expected a backbone of this package"),
    "a foreign network": (backbone(type="OnnxModel", path="x.onnx"), "expected a backbone of this package"),
    "no name": (backbone(type=["os", "system"]), "expected the name of a part"),
    "another model": (part("model", "type", to="BaseTTAModel"), "expected 'MultiTaskModel'"),
    "an unknown loss": (depth_head(loss=dict(type="builtins.eval")), "expected a loss of this package"),
    "a hidden part": (depth_head(dataset_weights=dict(type="builtins.eval")), "not another part"),
    "an initialisation": (
        depth_head(init_cfg=dict(type="Pretrained", checkpoint="http://127.0.0.1/x.pth")),
        "init_cfg.* which has its own weights",
    ),
    "an initialisation of the model": (part("model", "init_cfg", to={}), "init_cfg.* expected only the keys"),
    "pretrained weights": (backbone(pretrained=True), "pretrained"),
    "a file": (backbone(pretrained="/etc/passwd"), "pretrained"),
    "a path of timm": (backbone(checkpoint_path="/etc/passwd"), "checkpoint_path.* expected a number"),
    "a backbone per task from a hub": (
        backbone(type="CrossStitchBackbone", model_name="hf-hub:someone/network"),
        "expected the name of a model of timm",
    ),
    "a decoder of others": (depth_head(decoder=dict(type="builtins.eval")), "expected a neck of this package"),
    "a decoder with weights": (
        depth_head(decoder=dict(type="ASPP", init_cfg=dict(type="Pretrained", checkpoint="http://127.0.0.1/x"))),
        "init_cfg.* which has its own weights",
    ),
    "a hub": (backbone(model_name="hf-hub:someone/network"), "expected the name of a model of timm"),
    "a folder": (backbone(model_name="local-dir:/tmp"), "expected the name of a model of timm"),
    "a number as a name": (backbone(model_name=3), "expected the name of a model of timm"),
    "imports": (part("model", "custom_imports", to=dict(imports=["os"])), "expected only the keys"),
    "a path as a task": (part("model", "heads", "../../x", to=dict(type="DepthHead")), "the name of a task"),
    "an unknown transform": (part("predict_pipeline", 0, to=dict(type="os.system")), "expected one of CenterCrop"),
    "a function": (part("predict_pipeline", 0, to=dict(type="Lambda", function="eval")), "expected one of CenterCrop"),
    "no packing": (part("predict_pipeline", to=[dict(type="Resize", size=[2, 2])]), "expected 'PackSample'"),
    "a huge image": (part("predict_pipeline", 0, "size", to=[60000, 60000]), "pixels"),
    "a huge head": (part("model", "heads", "semseg", "num_classes", to=10**12), "an integer from"),
    "a large head": (part("model", "heads", "semseg", "num_classes", to=60000), "belongs to another model"),
    "a long number": (part("model", "neck", "channels", to=10**4000), "a very large number|not valid JSON"),
    "a wide network": (part("model", "neck", "channels", to=65536), "belongs to another model"),
    "a deep network": (part("model", "neck", "crp_stages", to=65536), "far more layers"),
    "a negative size": (part("model", "neck", "channels", to=-8), "cannot be built"),
    "a wrong option": (depth_head(surprise=1), "cannot be built: DepthHead has no option 'surprise'|surprise"),
    "not a number": (part("model", "data_preprocessor", "mean", to=[float("nan")] * 3), "finite number"),
    "a missing part": (lambda content: content["model"].pop("backbone"), "backbone.* missing"),
    "colours that are none": (part("dataset_meta", "palette", to=[[0, 0, 1000]]), "an integer from 0 to 255"),
    "classes that are none": (part("dataset_meta", "classes", to="wall"), "expected a list"),
    "nested lists": (part("model", "neck", "groups", to=json.loads("[" * 50 + "]" * 50)), "levels"),
    "another file": (part("weights", "file", to="../../other.safetensors"), "expected 'model.safetensors'"),
    "a wrong checksum": (part("weights", "sha256", to="x" * 64), "64 hexadecimal digits"),
    "a path as the name": (part("name", to="../x"), "a name of lower-case letters"),
    "an unknown format": (part("format", to=0), "an integer from 1"),
    "a newer format": (part("format", to=2), "upgrade"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_description(release, case):
    edit, message = HOSTILE[case]
    change(release, edit)
    with pytest.raises(ValueError, match=message) as raised:
        init_model(release)
    assert str(release) in str(raised.value)


def test_a_class_of_the_user_is_not_a_part(release):
    """Also if it is registered in this process: with it, the same folder would mean different things."""

    @MODELS.register_module(name="HeadOfTest")
    class HeadOfTest(DenseHead):
        pass

    try:
        change(release, depth_head(type="HeadOfTest"))
        with pytest.raises(ValueError, match="expected a head of this package"):
            init_model(release)
    finally:
        MODELS.module_dict.pop("HeadOfTest")


def test_a_description_that_is_no_object(release):
    (release / "model.json").write_text("[" * 100_000)
    refused(release, "not valid JSON")


def test_values_of_later_versions_are_kept(release):
    change(release, lambda content: content.update(notes=dict(seed=[0, 1])))
    assert read_description(release)["notes"] == dict(seed=[0, 1])
    init_model(release)


def test_a_description_is_sealed_whatever_the_order_of_its_keys():
    assert sealed(dict(a=1, b=2))["sha256"] == sealed(dict(b=2, a=1))["sha256"]
