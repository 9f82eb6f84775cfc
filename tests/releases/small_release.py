"""A small trained network and its release, to test publishing and loading."""

import json

import torch

from mtl_plugins.apis import init_model, publish
from mtl_plugins.releases.description import sealed

PRESET = "hydranet_nyud_three"
OPTIONS = {"model.backbone.model_name": "test_efficientnet", "model.neck.channels": 8}
SIZE = (48, 64)
PIPELINE = [dict(type="ResizeInput", size=SIZE), dict(type="PackSample")]


def write_checkpoint(path, **more):
    """A checkpoint whose batch norms have statistics far outside of float16."""
    torch.manual_seed(0)
    model = init_model(PRESET, cfg_options=OPTIONS)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
    first = next(module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d))
    first.running_var[0], first.running_var[1] = 1e6, 1e-9
    torch.save({"state_dict": model.state_dict(), **more}, path)
    return path


def publish_small(checkpoint, out, more=None, **options):
    """Publish such a checkpoint as `out/small`."""
    chosen = {**OPTIONS, "predict_pipeline": PIPELINE, **(more or {})}
    defaults = dict(name="small", licence="Apache-2.0", attribution="NYUDv2", about="A small network.")
    return publish(PRESET, checkpoint, out, cfg_options=chosen, **{**defaults, **options})


def change(folder, edit):
    """Edit the description of a release as an attacker could: with a valid checksum."""
    path = folder / "model.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(sealed(content)))
