"""A head with two maps and a head with one vector per image, for tests of outputs that are not one map."""

from torch import nn

from mtl_plugins.models.heads import TaskHead
from mtl_plugins.models.heads.dense_head import DenseHead
from mtl_plugins.registry import MODELS


@MODELS.register_module()
class CentreOffsetHead(TaskHead):
    """Centre heat map (N, 1, h, w) and offsets to the centre in pixels (N, 2, h, w), as in Panoptic-DeepLab.

    The prediction is a dict of both maps at image size; so is the label.
    """

    def __init__(self, in_channels, in_strides, **kwargs):
        super().__init__(**kwargs)
        self.centre = nn.Conv2d(in_channels[0], 1, 3, padding=1)
        self.offset = nn.Conv2d(in_channels[0], 2, 3, padding=1)

    def forward(self, features):
        x = features[0]
        return {"centre": self.centre(x), "offset": self.offset(x)}

    def loss(self, outputs, targets):
        predicted = self.predict(outputs, targets["centre"].shape[-2:])
        return {
            "loss_centre": (predicted["centre"] - targets["centre"]).square().mean(),
            "loss_offset": (predicted["offset"] - targets["offset"]).abs().mean(),
        }

    def predict(self, outputs, size):
        return {
            "centre": DenseHead.resize(outputs["centre"].sigmoid(), size, "bilinear"),
            "offset": DenseHead.resize(outputs["offset"], size, "bilinear"),
        }

    def undo_mirror(self, scores):
        flipped = {name: value.flip(-1) for name, value in scores.items()}
        return {**flipped, "offset": flipped["offset"] * flipped["offset"].new_tensor([-1, 1]).view(2, 1, 1)}


@MODELS.register_module()
class SceneVectorHead(TaskHead):
    """One class per image: logits (N, 3) from the mean of the finest features."""

    kind = "image_classes"

    def __init__(self, in_channels, in_strides, **kwargs):
        super().__init__(**kwargs)
        self.classifier = nn.Linear(in_channels[0], 3)

    def forward(self, features):
        return self.classifier(features[0].mean((2, 3)))
