import torch
import torch.nn.functional as F

from mtl_plugins.registry import MODELS

from ..contracts.neck_contract import NeckContract


class TestConcatFeatures(NeckContract):
    config = dict(type="ConcatFeatures", channels=8)

    def check(self, neck, strides):
        assert neck.out_channels == (8,) and neck.out_strides == (strides[0],)

    @torch.no_grad()
    def test_output_equals_the_formula(self):
        neck, (fine, *coarser) = self.build(), self.features()
        conv = neck.fuse[0].weight[:, :, 0, 0]
        resized = [F.interpolate(x, fine.shape[2:], mode="bilinear", align_corners=False) for x in coarser]
        expected = torch.einsum("oi,nihw->nohw", conv, torch.cat([fine, *resized], 1)).clamp(min=0)
        torch.testing.assert_close(neck([fine, *coarser])[0], expected, rtol=1e-4, atol=1e-4)


def test_the_default_width_is_that_of_hrnet():
    neck = MODELS.build(dict(type="ConcatFeatures", in_channels=(18, 36, 72, 144), in_strides=(4, 8, 16, 32)))
    assert neck.out_channels == (270,) and neck.fuse[0].weight.shape == (270, 270, 1, 1)
