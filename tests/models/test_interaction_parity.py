"""PAD-Net, MTI-Net, MTAN, cross-stitch and NDDR compute what the public code of a survey computes.

The fixtures are not shipped; the tests are skipped without them.
"""

import re

import pytest
import torch
from torch import nn
from torchvision.ops import SqueezeExcitation

from mtl_plugins.models.backbones.cross_stitch_backbone import CrossStitchUnit
from mtl_plugins.models.backbones.nddr_backbone import NDDRUnit
from mtl_plugins.models.necks import MTAN, MTINet, PADNet
from mtl_plugins.models.necks.feature_propagation import FeaturePropagation, softmax_mask
from mtl_plugins.models.necks.multi_modal_distillation import MultiModalDistillation
from mtl_plugins.models.necks.residual_block import residual_blocks

from .interaction_fixtures import InteractionFixtures, joined_convs, load, our_block_names, random

THREE = ("semseg", "depth", "normals")
CHANNELS = dict(semseg=40, depth=1, normals=3, edge=1)


class _Head(nn.Module):
    def __init__(self, out_channels):
        super().__init__()
        self.out_channels = out_channels


def heads(**channels):
    return {task: _Head(count) for task, count in channels.items()}


@pytest.fixture(scope="module")
def fixtures(shared):
    return InteractionFixtures(shared("parity/interaction"))


def padnet_weights(weights):
    """The weights under the names of `PADNet`, and those of the last 1x1 convolutions by task."""
    ours, last = {}, {}
    for key, value in our_block_names(weights).items():
        if match := re.match(r"heads\.(\w+)\.2\.(weight|bias)", key):
            last.setdefault(match[1], {})[match[2]] = value
        elif not key.startswith("multi_modal"):
            key = re.sub(r"^initial_task_prediction_heads\.layers\.", "initial.", key)
            key = re.sub(r"^initial_task_prediction_heads\.conv_out\.(\w+)", r"predictions.\1.0", key)
            ours[re.sub(r"^heads\.", "final.", key)] = value
    return ours | joined_convs(weights, "multi_modal_distillation.self_attention.", "distillation."), last


@pytest.mark.parametrize("name, targets", [("padnet", tuple(CHANNELS)), ("padnet_2of4", ("semseg", "depth"))])
@torch.no_grad()
def test_padnet(fixtures, name, targets):
    neck = PADNet([64], [4], tuple(CHANNELS))
    neck.attach(heads(**CHANNELS))
    predictions = neck.predictions
    neck.prune(targets)
    neck.predictions = predictions
    weights, last = padnet_weights(fixtures.weights(name))
    load(neck, weights)
    x = random(5000, 2, 64, 24, 32)
    initial = {task: blocks(x) for task, blocks in neck.initial.items()}
    distilled = neck.distillation(initial)
    final = neck([x])
    for task in CHANNELS:
        fixtures.check(f"{name}|features_{task}", initial[task])
        fixtures.check(f"{name}|initial_{task}", neck.predictions[task][0](initial[task]))
    for task in targets:
        fixtures.check(f"{name}|distilled_{task}", distilled[task])
        fixtures.check(f"{name}|final_{task}", torch.conv2d(final[task][0], last[task]["weight"], last[task]["bias"]))


@torch.no_grad()
def test_initial_features_of_padnet(fixtures):
    weights = our_block_names(fixtures.weights("pad_small_init"))
    x = random(5001, 2, 8, 6, 8)
    for task in "abc":
        own = {key.removeprefix(f"layers.{task}."): v for key, v in weights.items() if f"layers.{task}." in key}
        features = load(residual_blocks(8, 16, 2, bottleneck=True), own)(x)
        fixtures.check(f"pad_small|features_{task}", features)
        last = [weights[f"conv_out.{task}.{part}"] for part in ("weight", "bias")]
        fixtures.check(f"pad_small|initial_{task}", torch.conv2d(features, *last))


@torch.no_grad()
def test_distillation(fixtures):
    module = MultiModalDistillation(16, "ab", "abc")
    load(module, joined_convs(fixtures.weights("pad_small_distil"), "self_attention.", ""))
    distilled = module({task: random(5010 + i, 2, 16, 6, 8) for i, task in enumerate("abc")})
    for task in "ab":
        fixtures.check(f"pad_small|distilled_{task}", distilled[task])


@torch.no_grad()
def test_gate(fixtures):
    """One pair of convolutions: the source adds to a target whose own features are zeros."""
    weights = fixtures.weights("sablock")
    module = MultiModalDistillation(8, ["target"], ["source"]).double()
    module.convs["source"].weight.copy_(torch.cat([weights["conv.weight"], weights["attention.0.weight"]]))
    x = random(5001, 2, 8, 6, 8)
    fixtures.check("sablock|out", module({"source": x, "target": torch.zeros_like(x)})["target"])


@torch.no_grad()
def test_squeeze_and_excitation(fixtures):
    module = SqueezeExcitation(32, 2)
    load(module, squeeze_names(fixtures.weights("seblock")))
    fixtures.check("seblock|out", module(random(5002, 2, 32, 6, 8)))


def squeeze_names(weights):
    """The names of `SqueezeExcitation`, whose layers are 1x1 convolutions."""
    renamed = {}
    for key, value in weights.items():
        key, found = re.subn(r"squeeze\.(0|2)\.", lambda match: {"0": "fc1.", "2": "fc2."}[match[1]], key)
        renamed[key] = value[:, :, None, None] if found and value.ndim == 2 else value
    return renamed


def propagation_names(weights, prefix=""):
    """The names of `FeaturePropagation`."""
    own = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    own = squeeze_names(our_block_names(own))
    names = {"non_linear": "logits", "dimensionality_reduction": "reduce", "se": "squeeze"}
    return {re.sub(r"^\w+", lambda match: names[match[0]], key): value for key, value in own.items()}


@torch.no_grad()
def test_feature_propagation(fixtures):
    module = load(FeaturePropagation(16, "abc", "channels"), propagation_names(fixtures.weights("fpm_small")))
    features = {task: random(6100 + i, 2, 16, 6, 8) for i, task in enumerate("abc")}
    joined = torch.cat(list(features.values()), 1)
    logits = module.logits(joined)
    masked = softmax_mask(logits, 3, "channels") * joined
    fixtures.check("fpm_small|shared_logits", logits)
    fixtures.check("fpm_small|masked", masked)
    fixtures.check("fpm_small|reduced", module.reduce(masked))
    for task, output in module(features).items():
        fixtures.check(f"fpm_small|out_{task}", output)


@torch.no_grad()
def test_feature_propagation_of_18_channels(fixtures):
    tasks = ("semseg", "depth")
    module = load(FeaturePropagation(18, tasks, "channels"), propagation_names(fixtures.weights("fpm_18")))
    outputs = module({task: random(6200 + i, 2, 18, 24, 32) for i, task in enumerate(tasks)})
    for task in tasks:
        fixtures.check(f"fpm_18|out_{task}", outputs[task])


def mti_weights(weights):
    ours = {}
    for scale in range(4):
        for key, value in our_block_names(weights).items():
            if key.startswith(f"scale_{scale}.refinement."):
                ours[key.replace(f"scale_{scale}.refinement", f"initial.{scale}")] = value
            elif match := re.match(rf"scale_{scale}\.decoders\.(\w+)\.(\w+)", key):
                ours[f"predictions.{match[1]}.{scale}.{match[2]}"] = value
        ours |= joined_convs(weights, f"distillation_scale_{scale}.self_attention.", f"distillation.{scale}.")
        for key, value in propagation_names(weights, f"fpm_scale_{scale}.").items():
            ours[f"propagation.{scale - 1}.{key}"] = value
    return ours


@torch.no_grad()
def test_mti_net(fixtures):
    channels, tasks = [18, 36, 72, 144], ("semseg", "depth")
    neck = MTINet(channels, [4, 8, 16, 32], tasks, mask="channels", decoder=None)
    neck.attach(heads(semseg=40, depth=1))
    load(neck, mti_weights(fixtures.weights("mti")))
    sizes = [(24, 32), (12, 16), (6, 8), (3, 4)]
    features = [random(6000 + i, 2, c, *size) for i, (c, size) in enumerate(zip(channels, sizes, strict=True))]
    initial, outputs = neck.initial_features(features), neck(features)
    for task in tasks:
        for scale in range(4):
            fixtures.check(f"mti|scale{scale}_features_{task}", initial[scale][task])
            fixtures.check(f"mti|scale{scale}_initial_{task}", neck.predictions[task][scale](initial[scale][task]))
            fixtures.check(f"mti|distilled{scale}_{task}", outputs[task][scale])
        for scale in (1, 2, 3):
            fixtures.check(f"mti|fpm{scale}_{task}", neck.propagation[scale - 1](initial[scale])[task])


@torch.no_grad()
def test_the_mask_over_tasks_differs_from_that_of_the_public_code():
    logits = random(0, 1, 6, 2, 2)
    masks = {name: softmax_mask(logits, 3, name) for name in ("tasks", "channels")}
    torch.testing.assert_close(masks["tasks"][:, 0::2].sum(1), torch.ones(1, 2, 2).double())
    torch.testing.assert_close(masks["channels"][:, :3].sum(1), torch.ones(1, 2, 2).double())
    assert (masks["tasks"] - masks["channels"]).abs().max() > 0.1


def mtan_weights(weights):
    ours = {}
    for key, value in our_block_names(weights).items():
        key = re.sub(r"^attention_(\d)\.", lambda match: f"masks.{int(match[1]) - 1}.", key)
        ours[re.sub(r"^refine_(\d)\.0\.", lambda match: f"refine.{int(match[1]) - 1}.", key)] = value
    return ours


@pytest.mark.parametrize("name, strides", [("mtan_stride", (4, 8, 16, 32)), ("mtan_dilated", (4, 8, 8, 8))])
@torch.no_grad()
def test_mtan(fixtures, name, strides):
    channels, tasks = (16, 32, 64, 128), ("semseg", "depth")
    pairs = dict(in_channels=[c for c in channels for _ in "ab"], in_strides=[s for s in strides for _ in "ab"])
    neck = load(MTAN(**pairs, tasks=tasks), mtan_weights(fixtures.weights(name)))
    features = []
    for i, (width, stride) in enumerate(zip(channels, strides, strict=True)):
        shape = (2, width, 96 // stride, 128 // stride)
        features += [random(7000 + 10 * i, *shape), random(7001 + 10 * i, *shape)]
    outputs = neck(features)
    for task in tasks:
        attended = neck.attend(task, features)
        for i in range(4):
            # mask, and feature times mask
            before, after = features[2 * i], features[2 * i + 1]
            if i:
                before = torch.cat([before, neck._pool(neck.refine[i - 1](attended[i - 1]), i, after)], 1)
            fixtures.check(f"{name}|mask{i + 1}_{task}", neck.masks[i][task](before))
            if i < 3:
                fixtures.check(f"{name}|refined{i + 1}_{task}", neck.refine[i](attended[i]))
        fixtures.check(f"{name}|a4_{task}", outputs[task][0])


def three_features(name):
    seed, shape = (8100, (2, 4, 3, 5)) if "tiny" in name else (8000, (2, 24, 12, 16))
    return {task: random(seed + i, *shape) for i, task in enumerate(THREE)}


@pytest.mark.parametrize("name", ["cross_stitch", "cross_stitch_tiny", "cross_stitch_init"])
@torch.no_grad()
def test_cross_stitch(fixtures, name):
    features = three_features(name)
    unit = CrossStitchUnit(features["depth"].shape[1], THREE)
    initial = name.endswith("init")  # the authors set 0.9 and 0.1 in float32, as we do
    if not initial:
        weights = fixtures.weights(name)
        rows = [[weights[f"cross_stitch_unit.{t}.{s}.param"] for s in THREE] for t in THREE]
        unit.weight.data = torch.stack([torch.stack(row) for row in rows])
    for task, output in unit.double()(features).items():
        fixtures.check(f"{name}|out_{task}", output, 1e-6 if initial else 1e-9)


@pytest.mark.parametrize("name", ["nddr", "nddr_tiny", "nddr_init"])
@torch.no_grad()
def test_nddr(fixtures, name):
    features = three_features(name)
    unit = NDDRUnit(features["depth"].shape[1], THREE, other=0.05)
    initial = name.endswith("init")  # the authors set 0.9 and 0.05 in float32, as we do
    if not initial:
        load(unit, {key.replace("layer.", "layers."): v for key, v in fixtures.weights(name).items()})
    for task, output in unit.double().eval()(features).items():
        fixtures.check(f"{name}|out_{task}", output, 1e-6 if initial else 1e-9)
