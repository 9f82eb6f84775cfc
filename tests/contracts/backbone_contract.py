"""The contract of every backbone. A subclass defines its config."""

import copy
import pickle

import pytest
import torch

from mtl_plugins.registry import MODELS


class BackboneContract:
    """The tests of every backbone."""

    config: dict
    rounds_down = False  # whether the size of a stage may be rounded down, as by convolutions without padding

    @classmethod
    def registered_name(cls):
        """The registered name of what is tested."""
        return cls.config["type"]

    @pytest.fixture(scope="class")
    def built(self, device):
        torch.manual_seed(0)
        return MODELS.build(self.config).eval().to(device)

    @pytest.fixture
    def backbone(self, built, device):
        self.device = device
        return copy.deepcopy(built)  # copying is faster than building

    def images(self, *size, n=1):
        return torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(1)).to(self.device)

    @torch.no_grad()
    @pytest.mark.parametrize("size", [(64, 96), (45, 71), (33, 32)])
    def test_features_have_the_declared_channels_and_strides(self, backbone, size):
        features = backbone(self.images(*size))
        assert list(backbone.out_strides) == sorted(backbone.out_strides), "finest first"
        assert len(features) == len(backbone.out_channels) == len(backbone.out_strides) > 0
        for feature, channels, stride in zip(features, backbone.out_channels, backbone.out_strides, strict=True):
            assert feature.shape[:2] == (1, channels) and feature.isfinite().all()
            for length, pixels in zip(feature.shape[2:], size, strict=True):
                most = -(-pixels // stride)
                least = max(1, pixels // stride) if self.rounds_down else most
                assert least <= length <= most

    @torch.no_grad()
    def test_batch_features_equal_single_image_features(self, backbone):
        batch = self.images(45, 71, n=2)
        singly = [backbone(image[None]) for image in batch]
        for feature, *singles in zip(backbone(batch), *singly, strict=True):
            torch.testing.assert_close(feature, torch.cat(singles), rtol=1e-3, atol=1e-4)

    def test_gradients_reach_every_parameter(self, backbone):
        sum(feature.square().mean() for feature in backbone.train()(self.images(64, 64, n=2))).backward()
        assert [n for n, p in backbone.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
        assert any(p.grad.any() for p in backbone.parameters())

    @torch.no_grad()
    def test_images_are_not_changed(self, backbone):
        images = self.images(32, 48)
        before = images.clone()
        backbone(images)
        assert torch.equal(images, before)

    @torch.no_grad()
    @pytest.mark.parametrize("copier", [copy.deepcopy, lambda backbone: pickle.loads(pickle.dumps(backbone))])
    def test_a_copy_computes_the_same_with_its_own_weights(self, backbone, copier):
        images, copied = self.images(64, 64), copier(backbone)
        features = backbone(images)
        assert all(torch.equal(a, b) for a, b in zip(copied(images), features, strict=True))
        for parameter in copied.parameters():
            parameter.zero_()
        assert all(torch.equal(a, b) for a, b in zip(backbone(images), features, strict=True))
