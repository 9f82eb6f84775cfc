"""Learning rates that decay by the layers of the backbone."""

import pytest
from torch import nn

from mtl_plugins.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS


def build(model, **paramwise):
    """Learning rate and weight decay of each parameter by name, and the number of groups."""
    config = dict(
        type="LayerDecayOptimWrapperConstructor",
        optim_wrapper_cfg=dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=0.1, weight_decay=0.05)),
        paramwise_cfg=paramwise,
    )
    groups = OPTIM_WRAPPER_CONSTRUCTORS.build(config)(model).optimizer.param_groups
    options = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    return {name: options[id(p)] for name, p in model.named_parameters()}, len(groups)


def model_of(name, **backbone):
    backbone = dict(type="TimmBackbone", model_name=name, **backbone)
    return MODELS.build(dict(type="MultiTaskModel", backbone=backbone, heads=dict(depth=dict(type="DepthHead"))))


def test_the_rates_of_a_vit():
    """`test_vit` has a stem and six blocks."""
    options, groups = build(model_of("test_vit", out_features=[1, 5]), layer_decay_rate=0.5, flat_decay_mult=0.0)
    rate = {name: lr for name, (lr, _) in options.items()}
    for i in range(6):
        block = {lr for name, lr in rate.items() if f"blocks.{i}." in name}
        assert list(block) == [pytest.approx(0.1 * 0.5 ** (6 - i))]
    assert rate["backbone.body.model.pos_embed"] == pytest.approx(0.1 * 0.5**7)
    assert rate["backbone.body.model.patch_embed.proj.weight"] == pytest.approx(0.1 * 0.5**7)
    assert {lr for name, lr in rate.items() if name.startswith("heads")} == {0.1}
    decays = {len(p.shape) == 1: options[n][1] for n, p in model_of("test_vit", out_features=[1, 5]).named_parameters()}
    assert decays == {True: 0.0, False: 0.05}
    assert groups < 20, "parameters with the same options share a group"


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_efficientnet"])
def test_rates_increase_with_depth(name):
    """timm flattens the names of most extractors."""
    model = model_of(name)
    options, _ = build(model, layer_decay_rate=0.9)
    layers = model.backbone.parameter_layers()
    assert set(layers) == {name for name, _ in model.backbone.named_parameters()}
    assert min(layers.values()) == 0 and len(set(layers.values())) > 3
    end = max(layers.values()) + 1
    for parameter, layer in layers.items():
        assert options[f"backbone.{parameter}"][0] == pytest.approx(0.1 * 0.9 ** (end - layer))


def test_other_options_multiply_the_rates():
    custom = dict(pos_embed=dict(decay_mult=0.0, lr_mult=2.0), heads=dict(lr_mult=3.0))
    options, _ = build(model_of("test_vit", out_features=[5]), layer_decay_rate=0.5, custom_keys=custom)
    assert options["backbone.body.model.pos_embed"] == (pytest.approx(0.2 * 0.5**7), 0.0)
    assert options["heads.depth.out.weight"] == (pytest.approx(0.3), 0.05)


@pytest.mark.parametrize("rate", [None, 0, 1.5, "0.5"])
def test_invalid_rates_raise(rate):
    with pytest.raises(ValueError, match=r"layer_decay_rate=RATE.*0 < RATE <= 1"):
        build(nn.Linear(1, 1), layer_decay_rate=rate)


def test_a_backbone_without_layers_raises():
    model = nn.Sequential()
    model.backbone = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="Linear has no method parameter_layers"):
        build(model, layer_decay_rate=0.5)
