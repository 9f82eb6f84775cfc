"""Every preset and further backbones in every format.

Run: python -m pytest -m matrix -s tests/backends/test_export_matrix.py
Takes about twenty minutes on two cores, so `make test` leaves it out.
"""

from itertools import product
from pathlib import Path

import pytest
import torch

from mtl_plugins.apis import init_model
from mtl_plugins.apis.export import describe, export_model
from mtl_plugins.backends import FORMATS

PRESETS = sorted(path.stem for path in (Path(__file__).parents[2] / "configs").glob("hydranet_*.py"))
# One of each family: plain and inverted residuals, global and windowed attention, DLA's tree, large kernels.
BACKBONES = {
    "resnet18": {},
    "mobilenetv3_large_100": {},
    "efficientnet_b0": {},
    "regnety_002": {},
    "convnext_atto": {},
    "dla46_c": {},
    "vit_tiny_patch16_224": {},
    "swin_tiny_patch4_window7_224": {"model.backbone.depths": (1, 1, 1, 1)},
}
# The window masks depend on the image size: capturing with dynamic sizes takes torch over four minutes.
ONE_SIZE = {"swin_tiny_patch4_window7_224"}
pytestmark = pytest.mark.matrix


@pytest.mark.parametrize("preset, format", product(PRESETS, FORMATS))
def test_preset(preset, format, tmp_path):
    check(preset, format, tmp_path, {})


@pytest.mark.parametrize("backbone, format", product(BACKBONES, FORMATS))
def test_backbone(backbone, format, tmp_path):
    options = {"model.backbone.model_name": backbone, **BACKBONES[backbone]}
    check("hydranet_nyud", format, tmp_path, options)


def check(preset, format, folder, options):
    """Export the network, which raises if outputs differ from PyTorch's or the format cannot express the network."""
    if not FORMATS[format].is_available():
        pytest.skip(f"{format} is not installed")
    torch.manual_seed(0)
    model = init_model(preset, cfg_options={"model.neck.channels": 16, **options})
    name = options.get("model.backbone.model_name", preset)
    exported = export_model(model, format, folder / "net", (64, 96), fixed_size=name in ONE_SIZE)
    sizes = "one size" if exported.signature.shape[2] else "any size"
    print(f"\n{name}, {format}: {sizes}, differs by {describe(exported)} {exported.reason}")
