"""Necks for plain ViTs: the simple feature pyramid and DPT."""

import pytest
import torch
import torch.nn.functional as F

from mtl_plugins.registry import MODELS

from ..contracts.neck_contract import NeckContract


class TestSimpleFeaturePyramid(NeckContract):
    config = dict(type="SimpleFeaturePyramid", channels=8)
    read = (-1,)
    strides = (8, 14, 16, 32)

    def size_of(self, stride, features, strides, size):
        return [-(-n * strides[-1] // stride) for n in features[-1].shape[-2:]]

    def check(self, neck, strides):
        assert neck.out_strides == tuple(strides[-1] * scale for scale in (0.25, 0.5, 1, 2))

    @torch.no_grad()
    def test_levels_are_those_of_vitdet(self):
        neck, x = self.build((8,), (16,)), self.features((8,), (16,))[0]

        def smooth(level, x):
            reduce, norm, conv, last = level[-4:]
            return last(F.conv2d(norm(F.conv2d(x, reduce.weight)), conv.weight, padding=1))

        up = neck.levels[0]
        finest = F.conv_transpose2d(x, up[0].weight, up[0].bias, stride=2)
        finest = F.conv_transpose2d(F.gelu(up[1](finest)), up[3].weight, up[3].bias, stride=2)
        torch.testing.assert_close(neck([x])[0], smooth(up, finest))
        torch.testing.assert_close(neck([x])[2], smooth(neck.levels[2], x))
        assert [tuple(output.shape[-2:]) for output in neck([x])] == [(12, 12), (6, 6), (3, 3), (2, 2)]

    @pytest.mark.parametrize("scales", [(), (8, 4), (1, 2), (2, 2)])
    def test_unsupported_scales_raise(self, scales):
        with pytest.raises(ValueError, match="some of 4, 2, 1 and 0.5, in this order"):
            self.build(scales=scales)


class TestDPT(NeckContract):
    config = dict(type="DPT", channels=8)
    strides = (16,)

    def size_of(self, stride, features, strides, size):
        return [n * strides[0] // stride for n in features[0].shape[-2:]]

    def test_the_width_of_the_paper(self):
        with torch.device("meta"):
            neck = MODELS.build(dict(type="DPT", in_channels=(768,) * 4, in_strides=(16,) * 4))
        middle = [block.project_to_out_channel.out_channels for block in neck.reassemble]
        assert middle == [96, 192, 384, 768] and neck.out_channels == (256,) and neck.out_strides == (2,)

    @torch.no_grad()
    def test_the_output_equals_that_of_smp(self):
        """smp's coarsest block has one residual unit more, which is set to the identity."""
        sizes = dict(in_channels=(16,) * 4, in_strides=(16,) * 4)
        ours = MODELS.build(dict(type="DPT", channels=8, reassemble_channels=(4, 5, 6, 7), **sizes)).double().eval()
        options = dict(arch="DPT", fusion_channels=8, intermediate_channels=(4, 5, 6, 7))
        theirs = MODELS.build(dict(type="SMPDecoder", **options, **sizes)).double().eval()
        decoder = theirs.decoder
        ours.reassemble.load_state_dict(decoder.reassemble_blocks.state_dict())
        for i, block in enumerate(reversed(decoder.fusion_blocks)):
            ours.fused[i].load_state_dict(block.residual_conv_block2.state_dict())
            ours.project[i].load_state_dict(block.project.state_dict())
            if i < 3:
                ours.lateral[i].load_state_dict(block.residual_conv_block1.state_dict())
        torch.nn.init.zeros_(decoder.fusion_blocks[0].residual_conv_block1.batch_norm_2.weight)
        features = [torch.randn(2, 16, 4, 6, dtype=torch.float64) for _ in range(4)]
        torch.testing.assert_close(ours(features)[0], theirs(features)[0], rtol=0, atol=1e-10)

    def test_strides_of_other_networks(self):
        build = self.build
        assert build((4,) * 4, (4, 8, 16, 32)).out_strides == (2,)
        assert build((4,) * 4, (14,) * 4).out_strides == (1.75,)
        assert build((4,) * 4, (16,) * 4, double_last=False).out_strides == (4,)
        with pytest.raises(ValueError, match="strides that double, beginning with 4, .* strides 4, 12"):
            build((4, 4), (4, 12))
        with pytest.raises(ValueError, match="one entry for each of 2 features"):
            build((4, 4), (16, 16), reassemble_channels=(3,))


@pytest.mark.parametrize("neck", [dict(type="DPT", channels=8), dict(type="SimpleFeaturePyramid", channels=8)])
def test_a_vit_with_the_neck_reads_images_of_any_size(neck):
    backbone = dict(type="TimmBackbone", model_name="test_vit", out_features=[0, 2, 4, 5])
    model = MODELS.build(
        dict(type="MultiTaskModel", backbone=backbone, neck=neck, heads=dict(depth=dict(type="DepthHead")))
    )
    stride = model.neck.out_strides[0]
    assert model(torch.randn(2, 3, 50, 70))["depth"].shape == (2, 1, 64 // stride, 80 // stride)
