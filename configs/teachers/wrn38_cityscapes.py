# A teacher for street scenes: DeepLabV3+ on a dilated WideResNet-38, 19 Cityscapes classes (Zhu et al., CVPR 2019,
# arXiv 1812.01593). Convert its published weights:
#   mtl convert cityscapes_best.pth wrn38.pth --from wrn38-cityscapes
_base_ = ["../_base_/runtime.py"]
label_space = "cityscapes19"
model = dict(
    type="MultiTaskModel",
    backbone=dict(type="ResNet38"),
    neck=dict(type="DeepLabV3Plus"),
    heads=dict(semseg=dict(type="DeepLabV3PlusHead", num_classes=19)),
)
