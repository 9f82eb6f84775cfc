"""The balancer of docs/balancing.md: one file outside the package."""

import re
import sys

import torch
from mmengine.config import Config

from mtl_plugins.apis import build_runner
from mtl_plugins.registry import MODELS
from tests.models.balancers.linear_model import batch, build


def test_the_balancer_of_the_docs_trains(root, tmp_path, monkeypatch, make_light, synthrooms_folder):
    blocks = re.findall(r"```python\n(.*?)```", (root / "docs/balancing.md").read_text(), re.S)
    (source,) = [block for block in blocks if "class EqualNorms" in block]
    (settings,) = [block for block in blocks if "custom_imports" in block]
    (tmp_path / "equal_norms.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        (tmp_path / "config.py").write_text(f"_base_ = {str(root / 'configs/hydranet_synthrooms.py')!r}\n{settings}")
        cfg = make_light(Config.fromfile(tmp_path / "config.py"), synthrooms_folder, tmp_path / "run")
        cfg.model.backbone.model_name, cfg.model.neck.channels = "test_efficientnet", 8
        runner = build_runner(cfg)
        runner.train()
        assert runner.message_hub.log_scalars["train/weight/depth"].current() > 0
        model = build(dict(type="EqualNorms"))
        images, samples, _ = batch()
        model.parse_losses(model.loss(images, samples))[0].backward()
        report = model.balancer.report
        lengths = report.weights * report.gramian.diagonal().sqrt()
        assert torch.allclose(lengths, report.gramian.diagonal().sqrt().mean().expand(3))
    finally:
        MODELS.module_dict.pop("EqualNorms", None)
        sys.modules.pop("equal_norms", None)
