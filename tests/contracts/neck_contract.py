"""The contract of every neck. A subclass defines its config and the features to test it with."""

import copy

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_plugins.registry import MODELS

from .component_contract import ComponentContract


class NeckContract(ComponentContract):
    """The tests of every neck, for any stages of a backbone and images of any size."""

    strides = (2, 4, 8, 14, 16, 32)  # of the stages to test
    most_stages = 6
    read = (0, -1)  # indices of features that the neck reads for certain: the finest and the coarsest

    def build(self, channels=(3, 4, 5), strides=(4, 8, 16), **options):
        """A neck in evaluation mode, because in training mode batch norm makes an image depend on its batch."""
        torch.manual_seed(0)
        neck = MODELS.build(dict(in_channels=channels, in_strides=strides, **self.config) | options)
        return neck.eval().to(self.device)

    def features(self, channels=(3, 4, 5), strides=(4, 8, 16), size=(33, 42), n=2):
        """Random features, as a backbone computes them for images of `size`."""
        generator = torch.Generator().manual_seed(0)
        shapes = [(n, c, *(-(-pixels // s) for pixels in size)) for c, s in zip(channels, strides, strict=True)]
        return [torch.randn(shape, generator=generator).to(self.device) for shape in shapes]

    def test_outputs_have_the_declared_channels_and_strides(self):
        stage = st.tuples(st.integers(1, 9), st.sampled_from(self.strides))

        @settings(max_examples=20, deadline=None)
        @given(st.lists(stage, min_size=1, max_size=self.most_stages), st.integers(1, 70), st.integers(1, 70))
        def check(stages, height, width):  # nested, because hypothesis needs a separate function for each class
            channels, strides = zip(*sorted(stages, key=lambda stage: stage[1]), strict=True)
            neck, features = self.build(channels, strides), self.features(channels, strides, (height, width))
            outputs = neck(features)
            assert len(outputs) == len(neck.out_channels) == len(neck.out_strides)
            for output, out_channels, stride in zip(outputs, neck.out_channels, neck.out_strides, strict=True):
                assert output.shape == (2, out_channels, *self.size_of(stride, features, strides, (height, width)))
                assert output.isfinite().all()
            self.check(neck, strides)

        check()

    def size_of(self, stride, features, strides, size):
        """The size of an output of `stride` for images of `size`."""
        return [-(-pixels // stride) for pixels in size]

    def check(self, neck, strides):
        """Further checks of `neck`, which reads features of `strides`."""

    @torch.no_grad()
    def test_batch_outputs_equal_single_image_outputs(self):
        neck, features = self.build(), self.features(n=3)
        singly = [neck([feature[i : i + 1] for feature in features]) for i in range(3)]
        for together, *single in zip(neck(features), *singly, strict=True):
            torch.testing.assert_close(together, torch.cat(single), rtol=1e-4, atol=1e-5)

    def test_gradients_reach_every_parameter_and_every_feature_that_is_read(self):
        neck = self.build().train()
        features = [feature.requires_grad_() for feature in self.features()]
        sum(output.square().mean() for output in neck(features)).backward()
        assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
        assert any(p.grad.any() for p in neck.parameters())
        for feature in [features[i] for i in self.read]:
            assert feature.grad.isfinite().all() and feature.grad.any()

    @torch.no_grad()
    def test_features_are_not_changed(self):
        features = self.features()
        before = copy.deepcopy(features)
        self.build()(features)
        assert all(torch.equal(a, b) for a, b in zip(features, before, strict=True))

    @torch.no_grad()
    def test_outputs_do_not_depend_on_the_memory_format(self):
        neck, features = self.build(), self.features()
        outputs = neck(features)
        neck = neck.to(memory_format=torch.channels_last)
        features = [feature.contiguous(memory_format=torch.channels_last) for feature in features]
        for output, expected in zip(neck(features), outputs, strict=True):
            torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-5)

    @torch.no_grad()
    def test_a_copy_computes_the_same_with_its_own_weights(self):
        neck, features = self.build(), self.features()
        copied = copy.deepcopy(neck)
        outputs = neck(features)
        for output, expected in zip(copied(features), outputs, strict=True):
            assert torch.equal(output, expected)
        for parameter in copied.parameters():
            parameter.zero_()
        for output, expected in zip(neck(features), outputs, strict=True):
            assert torch.equal(output, expected)

    @torch.no_grad()
    def test_an_empty_batch_gives_empty_outputs(self):
        neck = self.build()
        for output, channels in zip(neck(self.features(n=0)), neck.out_channels, strict=True):
            assert output.shape[:2] == (0, channels)
