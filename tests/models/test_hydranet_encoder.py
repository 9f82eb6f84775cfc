"""HydraNet's encoder with the weights of timm's mobilenetv2_100: the same outputs, and nearly the same in training."""

import timm
import torch
import torch.nn.functional as F
from torch import nn

from mtl_plugins.models.backbones.hydranet_encoder import checkpoint_filter_fn, relu6_moments
from mtl_plugins.registry import MODELS


def networks():
    """mobilenetv2_100 with random weights and statistics, and HydraNet's encoder with the same, in float64."""
    torch.manual_seed(3)
    source = timm.create_model("mobilenetv2_100").double()
    for module in source.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.3, 1.5)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    encoder = timm.create_model("mobilenetv2_hydranet").double()
    encoder.load_state_dict(checkpoint_filter_fn(source.state_dict(), encoder))
    return source, encoder


def test_it_computes_what_mobilenetv2_computes():
    source, encoder = (network.eval() for network in networks())
    x = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    expected = source(x)
    torch.testing.assert_close(encoder(x), expected, rtol=0, atol=1e-12 * expected.abs().max().item())


@torch.no_grad()
def test_training_starts_where_evaluation_is():
    _, encoder = networks()
    stem = nn.Sequential(encoder.conv_stem, encoder.bn1)  # bn1 contains ReLU6
    first = encoder.blocks[0][0]
    x = torch.randn(8, 3, 96, 96, dtype=torch.float64)  # white noise: the stem's output is nearly Gaussian
    features = stem.train()(x)
    kept = first.bn1.train()(first.conv_pw(features))
    naive = F.relu6(F.batch_norm(features, None, None, training=True))
    distance = [float((other - features).norm() / features.norm()) for other in (kept, naive)]
    assert distance[0] < 0.03 < 0.4 < distance[1]


def test_moments_of_relu6_equal_those_of_samples():
    mean, std = torch.tensor([-8.0, -1.0, 0.0, 2.0, 5.0, 9.0]), torch.tensor([1.0, 0.5, 1.0, 3.0, 0.0, 2.0])
    samples = F.relu6(mean + std * torch.randn(400_000, 6))
    first, second = relu6_moments(mean.double(), std.double())
    torch.testing.assert_close(first, samples.mean(0).double(), rtol=0, atol=0.02)
    torch.testing.assert_close(second, samples.var(0).double(), rtol=0, atol=0.05)


@torch.no_grad()
def test_a_file_of_mobilenetv2_is_a_file_of_the_encoder(tmp_path):
    source, encoder = networks()
    path, own = tmp_path / "imagenet.pth", tmp_path / "own.pth"
    torch.save(source.state_dict(), path)
    torch.save(encoder.state_dict(), own)
    build = dict(type="TimmBackbone", model_name="mobilenetv2_hydranet")
    x = torch.randn(1, 3, 64, 64)
    converted, same = (MODELS.build(dict(build, pretrained=str(file))).eval()(x) for file in (path, own))
    assert all(torch.equal(a, b) for a, b in zip(converted, same, strict=True))
    reference = MODELS.build(dict(build, model_name="mobilenetv2_100", pretrained=str(path))).eval()(x)
    for a, b in zip(converted, reference, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5 * float(b.abs().max()))
