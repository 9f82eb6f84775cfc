"""Components are found by name, and a wrong name suggests the nearest."""

import pytest
from mmengine import registry as mmengine_registry
from mmengine.registry import Registry

import registry
from mtl_plugins import registry as reexported
from mtl_plugins.registry import (
    HOOKS,
    MODELS,
    UnknownComponentError,
    UnknownOptionError,
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


def test_a_misspelt_type_is_suggested():
    with pytest.raises(TypeError, match="DepthHead has no option 'tpye': did you mean 'type'"):
        MODELS.build(dict(type="DepthHead", in_channels=(4,), in_strides=(4,), tpye="x"))


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


def test_a_class_of_a_child_scope_is_suggested_with_its_prefix():
    child = Registry("model", scope="mine", parent=MODELS)
    try:

        @child.register_module()
        class OnlyInMine:
            pass

        with pytest.raises(UnknownComponentError, match="did you mean 'mine.OnlyInMine'"):
            MODELS.build(dict(type="OnlyInMine"))
        assert isinstance(MODELS.build(dict(type="mine.OnlyInMine")), OnlyInMine)
    finally:
        MODELS.children.pop("mine")


def test_a_scope_that_is_not_imported_is_named():
    with pytest.raises(KeyError, match="no imported module has a registry with the scope 'nobody'. List its module"):
        MODELS.build(dict(type="nobody.Head"))
