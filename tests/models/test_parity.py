"""The published network: outputs with the authors' checkpoints equal the authors' outputs."""

import numpy as np
import pytest
import torch

from mtl_plugins.apis import init_model
from mtl_plugins.engine.converters import convert_lwrefinenet

from .rule_weights import weight_by_rule

BLOCK = dict(conv_pw="0.0", bn1="0.1", conv_dw="1.0", bn2="1.1", conv_pwl="2.0", bn3="2.1")
TASK = dict(semseg="segm", depth="depth", normals="normal")


def authors_name(key):
    """The authors' name of our key."""
    module, *parts = key.split(".")
    if module == "neck":
        if parts[0] == "lateral":
            return f"conv{int(parts[1]) + 3}.weight"
        if parts[0] == "adapt":
            return f"conv_adapt{int(parts[1]) + 2}.weight"
        return f"crp{int(parts[1]) + 1}.0.{int(parts[3]) + 1}_outvar_dimred.weight"
    if module == "heads":
        task, part, kind = parts
        return f"{'pre_' if part == 'pre' else ''}{TASK[task]}.{kind}"
    if parts[1] in ("conv_stem", "bn1"):
        return f"layer1.{int(parts[1] == 'bn1')}.{parts[2]}"
    _, _, stage, block, layer, kind = parts
    return f"layer{int(stage) + 2}.{block}.output.{BLOCK[layer]}.{kind}"


@pytest.fixture(scope="module")
def config(root):
    return root / "configs" / "hydranet_nyud_three.py"


@pytest.fixture(scope="module")
def state(config):
    torch.manual_seed(0)
    state = init_model(config).state_dict()
    return {key: torch.rand_like(value) if value.is_floating_point() else value for key, value in state.items()}


@pytest.fixture(scope="module")
def authors_state(state):
    names = {authors_name(key): value for key, value in state.items()}
    assert len(names) == len(state)
    return names


@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_key_of_the_authors_is_converted(state, authors_state, prefix):
    converted = convert_lwrefinenet({prefix + name: value for name, value in authors_state.items()})
    assert converted.keys() == state.keys()
    assert all(converted[key] is state[key] for key in state)


def test_a_two_task_checkpoint_is_converted(authors_state):
    two = {name: value for name, value in authors_state.items() if "normal" not in name}
    assert {key.split(".")[1] for key in convert_lwrefinenet(two) if key.startswith("heads")} == {"semseg", "depth"}


@pytest.mark.parametrize("extra", ["fc.weight", "layer1.0.0.weight.x", "crp4.1.1_outvar_dimred.weight"])
def test_an_unknown_key_raises(authors_state, extra):
    with pytest.raises(ValueError, match=r"1 of its \d+ keys .*" + extra.replace(".", r"\.")):
        convert_lwrefinenet({**authors_state, extra: torch.zeros(1)})


def test_an_empty_checkpoint_raises():
    with pytest.raises(ValueError, match="not a checkpoint of the format 'lwrefinenet'"):
        convert_lwrefinenet({})


def test_init_model_reads_the_converted_checkpoint(config, state, authors_state, tmp_path, run_tool, capsys):
    torch.save({"state_dict": authors_state}, tmp_path / "authors.ckpt")
    run_tool("convert_checkpoint", "authors.ckpt", "sub/ours.pth", "--from", "lwrefinenet")
    assert "heads depth, normals, semseg" in capsys.readouterr().out
    loaded = init_model(config, tmp_path / "sub" / "ours.pth").state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())


@torch.no_grad()
def test_outputs_for_generated_weights(config, data, authors_state, tmp_path, run_tool):
    """The stored outputs were computed by this project when the test below passed."""
    names = [name for name in authors_state if "num_batches" not in name]
    weights = {name: weight_by_rule(i, name, authors_state[name].shape) for i, name in enumerate(sorted(names))}
    torch.save({"state_dict": weights}, tmp_path / "authors.ckpt")
    run_tool("convert_checkpoint", tmp_path / "authors.ckpt", tmp_path / "ours.pth", "--from", "lwrefinenet")
    model = init_model(config, tmp_path / "ours.pth").double()
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    outputs = model(image, mode="tensor")
    for task, expected in np.load(data / "lwrefinenet.npz").items():
        torch.testing.assert_close(outputs[task], torch.from_numpy(expected), rtol=1e-9, atol=1e-9)


def test_outputs_equal_the_authors_network_to_1e_9(config, shared, tmp_path, run_tool):
    folder = shared("parity/nyud_three")  # 14 MB: a checkpoint with random weights, and the authors' outputs for it
    run_tool("convert_checkpoint", folder / "reference.ckpt", tmp_path / "ours.pth", "--from", "lwrefinenet")
    model = init_model(config, tmp_path / "ours.pth").double()
    reference = np.load(folder / "io.npz")
    mean, std = (
        torch.tensor(values, dtype=torch.float64)[:, None, None]
        for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    image = torch.from_numpy(reference["image"]).permute(2, 0, 1).double()
    with torch.no_grad():
        outputs = model(((image / 255 - mean) / std)[None], mode="tensor")
    for ours, theirs in dict(semseg="segm", depth="depth", normals="normals").items():
        expected = torch.from_numpy(reference[theirs])
        torch.testing.assert_close(outputs[ours].reshape(expected.shape), expected, rtol=0, atol=1e-9)
