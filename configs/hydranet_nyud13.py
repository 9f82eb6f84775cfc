# NYUDv2 in the setting of many multi-task papers: 13 classes, depth and normals at 288x384 (LibMTL with a ResNet-50 and
# equal weights: 54.10 % mIoU, 0.3771 m mean absolute error, 23.53 degrees).
_base_ = [
    "_base_/models/hydranet.py",
    "_base_/datasets/nyud13.py",
    "_base_/schedules/adamw_imagenet.py",
    "_base_/runtime.py",
]
model = dict(
    heads=dict(
        semseg=dict(type="SegmentationHead", num_classes=13),
        depth=dict(type="DepthHead", loss=dict(type="L1Loss")),
        normals=dict(type="NormalsHead"),
    )
)
train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=10)
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
