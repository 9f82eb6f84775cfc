"""The contract of backbones for TimmBackbone, its weights, and its error messages."""

import copy
import pickle
import re

import pytest
import timm
import torch
from mmengine.logging import MessageHub
from safetensors.torch import save_file

from mtl_plugins.models.backbones import pretrained
from mtl_plugins.registry import MODELS

from ..contracts.backbone_contract import BackboneContract

# A Swin of the smallest size: features (N, H, W, C), input in multiples of patch times window.
SWIN = dict(model_name="swin_tiny_patch4_window7_224", embed_dim=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2))
FREE_SIZE = {
    "resnet": dict(model_name="test_resnet"),
    "vit": dict(model_name="test_vit"),
    "convnext": dict(model_name="test_convnext"),
    "efficientnet": dict(model_name="test_efficientnet"),
    "byobnet": dict(model_name="test_byobnet"),
    "mobilenetv2": dict(model_name="mobilenetv2_100"),
    "mobilenetv3": dict(model_name="mobilenetv3_small_050"),
    "hydranet": dict(model_name="mobilenetv2_hydranet"),
    "dla, input padded": dict(model_name="dla46_c"),
    "swin, NHWC": SWIN,
}
ONE_SIZE = {"levit, one size": dict(model_name="levit_128s")}
HYDRANET_STAGES = ((24, 32, 64, 96, 160, 320), (4, 8, 16, 16, 32, 32))


@pytest.fixture(scope="module")
def build():
    """One backbone of each kind, built once per module, in evaluation mode."""
    built = {}

    def get(kind):
        if kind not in built:
            torch.manual_seed(0)
            config = (FREE_SIZE | ONE_SIZE)[kind]
            built[kind] = MODELS.build(dict(type="TimmBackbone", **config)).eval()
        return built[kind]

    return get


def image(*size, n=1):
    return torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(1))


class TestTimmBackbone(BackboneContract):
    config = dict(type="TimmBackbone")  # with each of FREE_SIZE
    rounds_down = True

    @pytest.fixture(scope="class", params=FREE_SIZE)
    def built(self, request, build, device):
        return copy.deepcopy(build(request.param)).to(device)


@torch.no_grad()  # in evaluation timm's LeViT caches its attention biases, with their graph
def test_the_input_of_a_fixed_size_model_is_resized(build):
    backbone = build("levit, one size")
    assert backbone.fixed_size == (224, 224)
    shapes = [[feature.shape for feature in backbone(image(*size))] for size in ((48, 64), (224, 224))]
    assert shapes[0] == shapes[1]
    assert [shape[1] for shape in shapes[0]] == list(backbone.out_channels)


@pytest.mark.parametrize("kind", ONE_SIZE)
def test_batch_features_equal_single_image_features(build, kind):
    batch = image(45, 71, n=2)
    with torch.no_grad():
        together = build(kind)(batch)
        singly = [build(kind)(sample[None]) for sample in batch]
    for feature, *singles in zip(together, *singly, strict=True):
        torch.testing.assert_close(feature, torch.cat(singles), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ONE_SIZE)
def test_gradients_reach_every_parameter_and_copies_share_none(build, kind):
    backbone = copy.deepcopy(build(kind)).train()
    sum(feature.square().mean() for feature in backbone(image(64, 64, n=2))).backward()
    assert [name for name, p in backbone.named_parameters() if p.grad is None] == []
    assert any(p.grad.abs().max() > 0 for p in backbone.parameters())
    assert all(p.grad is None for p in build(kind).parameters()), "the copy shares parameters"


@pytest.mark.parametrize("kind", ["hydranet", "vit", "convnext"])
def test_a_copy_gives_equal_features_and_keeps_training_modes(build, kind):
    original = copy.deepcopy(build(kind))
    frozen = next(module for module in original.body.modules() if not list(module.children()))
    for training in (False, True):
        original.train(training)
        frozen.eval()
        copied = copy.deepcopy(original)
        assert [module.training for module in copied.modules()] == [m.training for m in original.modules()]
    for a, b in zip(original.eval()(image(32, 48)), copied.eval()(image(32, 48)), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("kind", ["mobilenetv2", "hydranet"])
def test_hydranet_backbones_have_six_stages(build, kind):
    assert (build(kind).out_channels, build(kind).out_strides) == HYDRANET_STAGES


def test_the_hydranet_encoder_has_a_larger_first_block(build):
    count = {kind: sum(p.numel() for p in build(kind).parameters()) for kind in ("mobilenetv2", "hydranet")}
    # 1x1 convolution of 32 to 32 and its batch norm
    assert count["hydranet"] - count["mobilenetv2"] == 32 * 32 + 2 * 32


# selected features and options


@pytest.mark.parametrize("model_name", ["mobilenetv2_100", "mobilenetv2_hydranet"])
def test_stage_numbers_select_timm_stages(model_name):
    backbone = MODELS.build(dict(type="TimmBackbone", model_name=model_name, out_features=[1, 3]))
    assert (backbone.out_channels, backbone.out_strides) == ((24, 96), (4, 16))


def test_stage_numbers_may_have_any_stride():
    backbone = MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", out_features=[0, 2]))
    assert backbone.out_strides == (2, 8)


def test_features_selected_by_name_are_ordered_by_stride():
    config = dict(type="TimmBackbone", model_name="mobilenetv2_hydranet", out_features=["blocks.5", "blocks.1"])
    backbone = MODELS.build(config)
    assert (backbone.out_channels, backbone.out_strides) == ((24, 160), (4, 32))
    assert [feature.shape[1] for feature in backbone(image(32, 48))] == [24, 160]


def test_further_options_are_passed_to_timm():
    backbone = MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", output_stride=8))
    assert max(backbone.out_strides) == 8


@pytest.mark.parametrize(
    "config, parts",
    [
        (dict(model_name="mobilenetv2_hydrnet"), ["mobilenetv2_hydranet"]),
        (dict(model_name="restnet18"), ["resnet18"]),
        (dict(model_name="zzqqxx"), ["zzqqxx", "list_models"]),
        (dict(model_name="mobilenetv2_hydranet", out_features=["blocks.9"]), ["blocks.9", "blocks.6"]),
        (dict(model_name="mobilenetv2_hydranet", out_features=[7]), ["7", "does not have these stages"]),
        (dict(model_name="test_vit", out_features=[70]), ["70", "does not have these stages"]),
        (dict(model_name="test_resnet", out_features=[]), ["empty"]),
        (dict(model_name="test_vit", out_features=["blocks.3"]), ["test_vit", "(N, C, H, W)"]),
    ],
)
def test_invalid_models_and_features_raise(config, parts):
    with pytest.raises(ValueError) as raised:
        MODELS.build(dict(type="TimmBackbone", **config))
    assert all(part in str(raised.value) for part in parts)


# weights


def weights_of(model_name):
    """Weights as timm publishes them: of the complete classifier."""
    torch.manual_seed(7)
    return timm.create_model(model_name).eval()


def save(state, path):
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(state, str(path))
    else:
        torch.save(state, path)
    return path


def features_of(network, names, x):
    """Outputs of modules by name, collected by hooks, independently of the backbone."""
    caught = {}
    modules = dict(network.named_modules())
    handles = [
        modules[name].register_forward_hook(lambda module, inputs, output, name=name: caught.update({name: output}))
        for name in names
    ]
    network(x)
    for handle in handles:
        handle.remove()
    return [caught[name] for name in names]


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "model_name, out_features, modules",
    [
        ("mobilenetv2_hydranet", None, [f"blocks.{i}" for i in range(1, 7)]),
        ("mobilenetv2_hydranet", [1, 4], ["blocks.1", "blocks.6"]),
        ("test_convnext", None, [f"stages.{i}" for i in range(4)]),
        ("test_resnet", None, [f"layer{i}" for i in range(1, 5)]),
        ("test_efficientnet", None, [f"blocks.{i}" for i in range(1, 5)]),
    ],
)
def test_a_weight_file_is_loaded_exactly(tmp_path, model_name, out_features, modules, suffix):
    reference = weights_of(model_name)
    path = save(reference.state_dict(), tmp_path / f"weights{suffix}")
    config = dict(type="TimmBackbone", model_name=model_name, out_features=out_features, pretrained=str(path))
    backbone = MODELS.build(config).eval()
    backbone.init_weights()
    with torch.no_grad():
        expected = features_of(reference, modules, image(32, 48))
        given = backbone(image(32, 48))
    strides = [32 / feature.shape[2] for feature in expected]
    expected = [feature for feature, stride in zip(expected, strides, strict=True) if stride >= 4]
    assert len(given) == len(expected)
    for a, b in zip(given, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_a_vision_transformer_weight_file_is_loaded_exactly(tmp_path):
    reference = weights_of("test_vit")
    path = save(reference.state_dict(), tmp_path / "vit.pth")
    backbone = MODELS.build(dict(type="TimmBackbone", model_name="test_vit", pretrained=str(path)))
    given = {key.removeprefix("body.model."): value for key, value in backbone.state_dict().items()}
    assert len(given) > 50
    for key, value in given.items():
        assert torch.equal(value, reference.state_dict()[key]), key


def test_a_weight_file_is_loaded_by_an_extractor_with_options_of_its_own(tmp_path):
    """HRNet's features of 18 ... 144 channels are those before the classifier's modules."""
    weights = timm.create_model("hrnet_w18_small").state_dict()
    torch.save(weights, tmp_path / "hrnet.pth")
    options = dict(model_name="hrnet_w18_small", out_features=[1, 2, 3, 4], feature_location="")
    backbone = MODELS.build(dict(type="TimmBackbone", **options, pretrained=str(tmp_path / "hrnet.pth")))
    assert backbone.out_channels == (16, 32, 64, 128)
    assert all(torch.equal(value, weights[name]) for name, value in backbone.body.state_dict().items())


def test_a_weight_file_without_classifier_under_a_state_dict_key_is_loaded(tmp_path):
    state = weights_of("test_resnet").state_dict()
    body = {key: value for key, value in state.items() if not key.startswith("fc.")}
    path = save({"state_dict": body}, tmp_path / "body.pth")
    backbone = MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", pretrained=str(path)))
    assert torch.equal(backbone.state_dict()["body.conv1.0.weight"], state["conv1.0.weight"])


def test_loaded_weights_are_not_kept_in_memory_twice(tmp_path):
    path = save(weights_of("test_resnet").state_dict(), tmp_path / "w.pth")
    backbone = MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", pretrained=str(path)))
    own = sum(value.numel() * 4 for value in backbone.state_dict().values())
    assert len(pickle.dumps(backbone)) < 1.5 * own


def test_weights_of_another_model_raise_and_name_the_keys(tmp_path):
    path = save(weights_of("test_resnet").state_dict(), tmp_path / "resnet.pth")
    with pytest.raises(ValueError, match="does not contain the weights of test_vit.*such as cls_token") as raised:
        MODELS.build(dict(type="TimmBackbone", model_name="test_vit", pretrained=str(path)))
    assert str(path) in str(raised.value)


def test_weights_of_another_width_raise(tmp_path):
    path = save(weights_of("test_vit").state_dict(), tmp_path / "vit.pth")
    with pytest.raises(ValueError, match=r"[1-9]\d* of them have another shape"):
        MODELS.build(dict(type="TimmBackbone", model_name="test_vit", pretrained=str(path), embed_dim=128))


def test_missing_file_error_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.pth does not exist"):
        MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", pretrained=str(tmp_path / "nothing.pth")))


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("page.safetensors", lambda path: path.write_text("<!DOCTYPE html><html>"), "it is a web page"),
        ("weights.pth", lambda path: save_file(dict(a=torch.ones(2)), path), "Rename it to .safetensors"),
        ("w32.pth", lambda path: path.write_bytes(b" " + bytes(7) + b"{" + b" " * 31), "Rename it to .safetensors"),
        ("weights.safetensors", lambda path: torch.save(dict(a=torch.ones(2)), path), "Rename it to .pth"),
        ("epoch_1.pth", lambda path: torch.save(dict(message_hub=MessageHub("x")), path), "set load_from instead"),
        ("noise.pth", lambda path: path.write_bytes(bytes(range(256))), "it is damaged"),
    ],
)
def test_an_unreadable_file_is_explained(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises(ValueError, match=f"{name} cannot be read as plain weights.*{message}"):
        MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", pretrained=str(tmp_path / name)))


def test_a_complete_network_of_this_package_is_explained(tmp_path):
    path = save({"backbone.body.conv1.weight": torch.ones(2)}, tmp_path / "network.pth")
    with pytest.raises(ValueError, match="set load_from instead"):
        MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", pretrained=str(path)))


def test_an_empty_path_is_not_training_from_scratch():
    with pytest.raises(ValueError, match="model.backbone.pretrained is empty"):
        MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", pretrained=""))


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a file"):
        MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", pretrained=str(tmp_path)))


class Evil:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@pytest.mark.parametrize("content", ["evil", "truncated"])
def test_an_unsafe_or_truncated_file_raises_and_runs_no_code(tmp_path, content):
    path, marker = tmp_path / "weights.pth", tmp_path / "was_run"
    if content == "evil":
        torch.save({"conv1.0.weight": Evil(marker)}, path)
    else:
        path.write_bytes(save(weights_of("test_resnet").state_dict(), path).read_bytes()[:5000])
    with pytest.raises(ValueError, match=re.escape(str(path)) + " cannot be read as plain weights"):
        MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", pretrained=str(path)))
    assert not marker.exists()


def fail_on_the_network(monkeypatch):
    create = timm.create_model

    def no_network(*args, **kwargs):
        if kwargs.get("pretrained") and "pretrained_cfg_overlay" not in kwargs:
            raise OSError("We couldn't connect to 'https://huggingface.co'")
        return create(*args, **kwargs)

    monkeypatch.setattr(pretrained.timm, "create_model", no_network)


def test_an_unreachable_hub_raises_a_clear_error(monkeypatch):
    fail_on_the_network(monkeypatch)
    with pytest.raises(ConnectionError, match="weights of mobilenetv2_100 could not be downloaded.*pretrained=FILE"):
        MODELS.build(dict(type="TimmBackbone", model_name="mobilenetv2_100", pretrained=True))


def test_hub_weights_are_loaded(monkeypatch):
    reference = weights_of("test_convnext")
    create = timm.create_model
    monkeypatch.setattr(
        pretrained.timm,
        "create_model",
        lambda name, **kwargs: (
            reference if kwargs.get("pretrained") and "pretrained_cfg_overlay" not in kwargs else create(name, **kwargs)
        ),
    )
    backbone = MODELS.build(dict(type="TimmBackbone", model_name="test_convnext", pretrained=True))
    assert torch.equal(backbone.state_dict()["body.stem_0.weight"], reference.state_dict()["stem.0.weight"])


def test_a_model_without_published_weights_raises():
    with pytest.raises(ValueError, match="no pretrained weights for mixnet_xxl"):
        MODELS.build(dict(type="TimmBackbone", model_name="mixnet_xxl", pretrained=True))


@pytest.mark.parametrize(
    "name, img_size, fixed",
    [
        ("hiera_tiny_224", [256, 320], (256, 320)),
        ("hiera_tiny_224", 256, (256, 256)),
        ("pit_ti_224", (256, 320), (256, 320)),
        ("vit_tiny_patch16_224", (256, 320), None),
        ("swin_tiny_patch4_window7_224", (256, 320), None),
    ],
)
def test_the_given_img_size_is_used(name, img_size, fixed):
    from mtl_plugins.models.backbones.timm_extractor import build_extractor, describe_model
    from mtl_plugins.models.backbones.timm_probe import probe_extractor

    options = {**describe_model(name)[0], "img_size": img_size}
    with torch.device("meta"):
        extractor = build_extractor(name, None, options)
    assert probe_extractor(extractor, name, img_size).fixed_size == fixed


@pytest.mark.parametrize(
    "name, img_size",
    [
        ("hiera_tiny_224", (230, 310)),
        ("nest_tiny", (256, 320)),
        ("hiera_tiny_224", (0, 4)),
        ("hiera_tiny_224", "224"),
        ("hiera_tiny_224", (1, 2, 3)),
    ],
)
def test_an_img_size_that_a_model_does_not_support_is_refused(name, img_size):
    with pytest.raises(ValueError, match="img_size"):
        MODELS.build(dict(type="TimmBackbone", model_name=name, img_size=img_size))
