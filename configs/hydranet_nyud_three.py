# NYUDv2, 40 classes, depth and normals (paper: 38.66 % mIoU, 0.566 m RMSE, 23.95 degrees mean).
_base_ = [
    "_base_/models/hydranet.py",
    "_base_/datasets/nyud.py",
    "_base_/schedules/sgd_3x100.py",
    "_base_/runtime.py",
]
model = dict(
    heads=dict(
        semseg=dict(type="SegmentationHead", num_classes=40, loss=dict(type="CrossEntropyLoss", loss_weight=0.5)),
        depth=dict(type="DepthHead", loss=dict(type="InverseHuberLoss", loss_weight=0.5)),
        normals=dict(type="NormalsHead", loss=dict(type="CosineLoss", loss_weight=5.0)),
    )
)
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
