# Cityscapes: 19 classes and metric depth.
_base_ = [
    "_base_/models/hydranet.py",
    "_base_/datasets/cityscapes.py",
    "_base_/schedules/adamw_imagenet.py",
    "_base_/runtime.py",
]
model = dict(
    heads=dict(
        semseg=dict(type="SegmentationHead", num_classes=19),
        depth=dict(type="DepthHead", loss=dict(type="InverseHuberLoss", loss_weight=0.1)),
    )
)
train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=10)
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric", protocol="cityscapes")]
test_evaluator = val_evaluator
