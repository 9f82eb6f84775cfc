"""Components are found by name, and a wrong name suggests the nearest."""

import re

import pytest
import torch
from mmengine import registry as mmengine_registry
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.utils.data import DataLoader

import registry
from mtl_plugins import registry as reexported
from mtl_plugins.registry import (
    DATASETS,
    HOOKS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    UnknownComponentError,
    UnknownOptionError,
    explain_unknown_option,
)

ALL = [name for name in registry.__all__ if name.isupper() and name != "SCOPE"]


def test_both_modules_export_the_same_objects():
    assert all(getattr(reexported, name) is getattr(registry, name) for name in registry.__all__)


@pytest.mark.parametrize("name", ALL)
def test_each_registry_is_a_child_of_mmengines_and_imports_its_modules(name):
    child = getattr(registry, name)
    assert child.scope == "mtl_plugins" and child.parent.scope == "mmengine"
    child.import_from_location()
    names = child.known_names()
    assert names == sorted(set(names)) and set(child.parent.module_dict) <= set(names)


def test_components_of_mmengine_are_found():
    assert HOOKS.get("EMAHook").__module__.startswith("mmengine")
    assert "EMAHook" in HOOKS and "EMAHok" not in HOOKS


@pytest.mark.parametrize(
    "given, nearest",
    [
        ("TimBackbone", "TimmBackbone"),
        ("timmbackbone", "TimmBackbone"),
        ("DepthHed", "DepthHead"),
        ("CrossEntropy", "CrossEntropyLoss"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(given, nearest):
    with pytest.raises(UnknownComponentError) as raised:
        MODELS.build(dict(type=given))
    message = str(raised.value)
    assert f"unknown model {given!r}: did you mean" in message and nearest in message
    assert "custom_imports" in message and "\\n" not in message


def test_a_name_similar_to_none_lists_all():
    with pytest.raises(UnknownComponentError, match="Registered here: .*DepthHead.*SegmentationHead") as raised:
        MODELS.get("qqqqqqqq")
    assert "did you mean" not in str(raised.value)


def test_user_defined_components_are_found_and_suggested():
    @MODELS.register_module()
    class CustomThing:
        pass

    try:
        assert isinstance(MODELS.build(dict(type="CustomThing")), CustomThing)
        with pytest.raises(KeyError, match="CustomThing"):
            MODELS.get("CustomThimg")
    finally:
        MODELS.module_dict.pop("CustomThing")


def test_errors_of_constructors_are_raised_unchanged():
    with pytest.raises(ValueError, match="is not a model of timm"):
        MODELS.build(dict(type="TimmBackbone", model_name="zzqqxx"))


def test_an_unknown_option_raises_and_is_named():
    with pytest.raises(TypeError, match="Head.*colour"):
        MODELS.build(dict(type="DepthHead", in_channels=(4,), in_strides=(4,), colour=1))


def test_unknown_options_of_components_built_by_mmengine_are_explained():
    with HOOKS.parent.switch_scope_and_registry("mtl_plugins"), pytest.raises(TypeError) as raised:
        HOOKS.parent.build(dict(type="NonFiniteLossHook", patiense=3))
    message = explain_unknown_option(raised.value)
    assert message.startswith("NonFiniteLossHook has no option 'patiense': did you mean 'patience'?")


def test_the_configured_class_is_named_not_the_base_class_that_raised(tmp_path):
    with DATASETS.parent.switch_scope_and_registry("mtl_plugins"), pytest.raises(TypeError) as raised:
        DATASETS.parent.build(dict(type="SynthRooms", data_root=tmp_path, depth_scal=1000))
    message = explain_unknown_option(raised.value)
    assert message.startswith("SynthRooms has no option 'depth_scal': did you mean 'depth_scale'")
    assert "limit" in message
    with METRICS.parent.switch_scope_and_registry("mtl_plugins"), pytest.raises(TypeError) as raised:
        Evaluator([dict(type="SegmentationMetric", zzqqxx=1)])
    message = explain_unknown_option(raised.value)
    assert re.match(r"SegmentationMetric has no option 'zzqqxx'\. Its options: .*task", message)


def test_an_unknown_option_of_a_base_class_lists_the_options_of_the_component():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    config = dict(type="AutocastOptimWrapper", optimizer=optimizer, precison="bfloat16")
    with OPTIM_WRAPPERS.parent.switch_scope_and_registry("mtl_plugins"), pytest.raises(TypeError) as raised:
        OPTIM_WRAPPERS.parent.build(config)
    message = explain_unknown_option(raised.value)
    assert message.startswith("AutocastOptimWrapper has no option 'precison': did you mean 'precision'")


def test_options_of_torchs_classes_are_suggested():
    with pytest.raises(TypeError) as raised:
        DataLoader([], batchsize=3)
    assert explain_unknown_option(raised.value).startswith(
        "DataLoader has no option 'batchsize': did you mean 'batch_s"
    )
    with pytest.raises(TypeError) as raised:
        build_optim_wrapper(nn.Linear(1, 1), dict(optimizer=dict(type="AdamW", weightdecay=1)))
    assert "AdamW has no option 'weightdecay': did you mean 'weight_decay'?" in explain_unknown_option(raised.value)


def test_a_misspelt_type_is_suggested():
    with pytest.raises(TypeError, match="DepthHead has no option 'tpye': did you mean 'type'"):
        MODELS.build(dict(type="DepthHead", in_channels=(4,), in_strides=(4,), tpye="x"))


def test_other_type_errors_are_not_explained():
    assert explain_unknown_option(TypeError("unsupported operand")) is None
    assert explain_unknown_option(TypeError("NoSuchThing.__init__() got an unexpected keyword argument 'x'")) is None


def test_an_error_of_an_inner_component_names_the_inner_component():
    heads = dict(depth=dict(type="DepthHead", loss=dict(type="InverseHuberLoss", weight=1)))
    backbone = dict(type="TimmBackbone", model_name="test_efficientnet")
    neck = dict(type="LightWeightRefineNet", channels=8)
    with pytest.raises(UnknownOptionError, match="InverseHuberLoss has no option 'weight'.*loss_weight"):
        MODELS.build(dict(type="MultiTaskModel", backbone=backbone, neck=neck, heads=heads))


def test_mmengines_registry_finds_our_components_by_scope():
    assert mmengine_registry.MODELS.get("mtl_plugins.DepthHead") is MODELS.get("DepthHead")
    with mmengine_registry.MODELS.switch_scope_and_registry("mtl_plugins") as registry_of_scope:
        assert registry_of_scope is MODELS
