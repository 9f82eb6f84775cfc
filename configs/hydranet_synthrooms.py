# The demo: classes, depth and normals of rendered rooms, from scratch, in some minutes on two cores.
_base_ = [
    "_base_/models/hydranet.py",
    "_base_/datasets/synthrooms.py",
    "_base_/schedules/adamw_poly.py",
    "_base_/runtime.py",
]
model = dict(
    heads=dict(
        semseg=dict(type="SegmentationHead", num_classes=40),
        depth=dict(type="DepthHead"),
        normals=dict(type="NormalsHead"),
    )
)
train_cfg = dict(by_epoch=True, max_epochs=12, val_interval=4)
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
