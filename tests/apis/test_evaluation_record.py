"""The record that `mtl test --out` writes next to the metrics."""

import json

import pytest
import torch

from mtl_plugins.apis import load_config
from mtl_plugins.apis.evaluation_record import describe_data, weights_digest

from ..releases.small_release import OPTIONS, PRESET, write_checkpoint

STATE = {"a.weight": torch.arange(6.0).view(2, 3) / 8, "b.bias": torch.ones(3), "b.count": torch.tensor(3)}


@pytest.mark.parametrize(
    "same",
    [
        dict(reversed(STATE.items())),
        {**STATE, "a.weight": STATE["a.weight"].half()},
        {**STATE, "a.weight": STATE["a.weight"].t().contiguous().t()},
        {**STATE, "bn.num_batches_tracked": torch.tensor(7), "hint.weight": torch.ones(1)},
    ],
)
def test_the_digest_depends_only_on_weights_of_predictions(same):
    assert weights_digest(same) == weights_digest(STATE)


@pytest.mark.parametrize(
    "other",
    [
        {**STATE, "b.bias": torch.tensor([1, 1, 1 + 1e-7])},
        {**STATE, "b.count": torch.tensor(4)},
        {**STATE, "a.weight": STATE["a.weight"].view(3, 2)},
        {name: value for name, value in STATE.items() if name != "b.bias"},
        {name.replace("b.", "c."): value for name, value in STATE.items()},
    ],
)
def test_the_digest_of_other_weights_differs(other):
    assert weights_digest(other) != weights_digest(STATE)


def test_the_data_and_their_limit():
    assert describe_data(load_config(PRESET)) == "NYUDv2 (val)"
    assert describe_data(load_config(PRESET, {"test_dataloader.dataset.limit": 4})) == "NYUDv2 (val, first 4)"
    several = "KITTIDepth (eigen_test), KITTISemantic (trainval)"
    assert describe_data(load_config("kitti_drive/student_averaged")) == several


@pytest.mark.parametrize("averaged", [False, True])
def test_mtl_test_writes_the_record(averaged, run_tool, nyud_folder, tmp_path):
    """With an `EMAHook`, the averaged weights are evaluated and published."""
    path = write_checkpoint(tmp_path / "small.pth")
    state = torch.load(path)["state_dict"]
    options = {**OPTIONS, "data_root": nyud_folder, "log_level": "ERROR", "test_dataloader.num_workers": 0}
    options |= {"test_dataloader.persistent_workers": False, "test_dataloader.dataset.limit": 1}
    if averaged:
        options["custom_hooks"] = "[dict(type='EMAHook')]"
        torch.save(dict(state_dict=state, ema_state_dict={"steps": torch.tensor(1)} | _others(state)), path)
    given = [f"{key}={value}" for key, value in options.items()]
    run_tool("test", PRESET, path, "--out", "metrics.json", "--work-dir", "test", "--tta", "--cfg-options", *given)
    assert json.loads((tmp_path / "metrics.json").read_text())["measured"] == dict(
        weights=weights_digest(state),
        data="NYUDv2 (val, first 1)",
        images=dict(semseg=1, depth=1, normals=1),
        tta=True,
    )


def _others(state):
    return {f"module.{name}": value + 1 if value.is_floating_point() else value for name, value in state.items()}
