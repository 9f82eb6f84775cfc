"""The published DeepLabV3+ / WideResNet-38: outputs with its checkpoints equal its outputs."""

import json
import re

import numpy as np
import pytest
import torch

from mtl_plugins.apis import init_model
from mtl_plugins.engine.converters import convert_lwrefinenet, convert_wrn38_cityscapes

from .rule_weights import weight_by_rule
from .test_deeplabv3plus import NARROW

FINAL = {"pre.0.0": 0, "pre.0.1": 1, "pre.1.0": 3, "pre.1.1": 4, "out": 6}


def published_name(key):
    """The published name of our key."""
    part_of_model, rest = key.split(".", 1)
    if part_of_model == "heads":
        part, kind = rest.removeprefix("semseg.").rsplit(".", 1)
        return f"final.{FINAL[part]}.{kind}"
    if part_of_model == "neck":
        rest = re.sub("^pooled", "aspp.img_conv", re.sub("^branches", "aspp.features", rest))
        return re.sub("^project", "bot_aspp", re.sub("^fine", "bot_fine", rest))
    if rest == "stem.weight":
        return "mod1.conv1.weight"
    _, stage, block, part, *more = rest.split(".")
    prefix = f"mod{int(stage) + 2}.block{int(block) + 1}"
    if part == "shortcut":
        return f"{prefix}.proj_conv.weight"
    number, kind = int(more[0]) + 1, more[1]
    if part == "norms":
        return f"{prefix}.{'' if number == 1 else 'convs.'}bn{number}.0.{kind}"
    return f"{prefix}.convs.conv{number}.{kind}"


@pytest.fixture(scope="module")
def config(root):
    return root / "configs" / "teachers" / "wrn38_cityscapes.py"


@pytest.fixture(scope="module")
def state(config):
    torch.manual_seed(0)
    return init_model(config, cfg_options=NARROW).state_dict()


@pytest.fixture(scope="module")
def published_state(state):
    names = {published_name(key): value for key, value in state.items()}
    assert len(names) == len(state)
    return names


@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_published_key_is_converted(state, published_state, prefix):
    converted = convert_wrn38_cityscapes({prefix + name: value for name, value in published_state.items()})
    assert converted.keys() == state.keys()
    assert all(converted[key] is state[key] for key in state)


@pytest.mark.parametrize(
    "extra", ["fc.weight", "mod8.block1.bn1.0.weight", "final.2.weight", "aspp.features.4.0.weight"]
)
def test_an_unknown_key_raises(published_state, extra):
    with pytest.raises(ValueError, match=r"'wrn38-cityscapes': 1 of its \d+ keys .*" + extra.replace(".", r"\.")):
        convert_wrn38_cityscapes({**published_state, extra: torch.zeros(1)})


def test_checkpoints_of_another_format_raise(published_state):
    with pytest.raises(ValueError, match=r"not a checkpoint of the format 'wrn38-cityscapes'.*mod2\.block1"):
        convert_wrn38_cityscapes({})
    with pytest.raises(ValueError, match="not a checkpoint of the format 'lwrefinenet'"):
        convert_lwrefinenet(published_state)


def test_init_model_reads_the_converted_checkpoint(config, state, published_state, tmp_path, run_tool, capsys):
    old = {f"module.{name}": value for name, value in published_state.items() if "num_batches" not in name}
    torch.save({"state_dict": old, "epoch": 3, "mean_iu": np.float64(0.8)}, tmp_path / "published.pth")
    run_tool("convert_checkpoint", "published.pth", "ours.pth", "--from", "wrn38-cityscapes")
    assert "heads semseg" in capsys.readouterr().out
    loaded = init_model(config, tmp_path / "ours.pth", cfg_options=NARROW).state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())


def test_outputs_equal_the_published_network(config, data, tmp_path, run_tool):
    """About 5 seconds and 2 GB on one core: 137 M weights are drawn, written, converted and loaded."""
    names = json.loads((data / "wrn38_cityscapes_keys.json").read_text())
    weights = {f"module.{name}": weight_by_rule(i, name, shape) for i, (name, shape) in enumerate(names)}
    published, ours = tmp_path / "published.pth", tmp_path / "ours.pth"
    torch.save({"state_dict": weights}, published)
    del weights
    run_tool("convert_checkpoint", published, ours, "--from", "wrn38-cityscapes")
    published.unlink()  # else pytest keeps half a gigabyte
    model = init_model(config, ours)
    ours.unlink()
    reference = {name: torch.from_numpy(array) for name, array in np.load(data / "wrn38_cityscapes.npz").items()}
    with torch.no_grad():
        outputs = model(reference["input"], mode="tensor")["semseg"]
    logits = model.heads.semseg.resize(outputs, reference["input"].shape[-2:])
    torch.testing.assert_close(logits[..., ::4, ::4], reference["logits"], rtol=0, atol=1e-5)
