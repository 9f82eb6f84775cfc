# NYUDv2, 40 classes and depth: 3.07 M parameters (paper: 42.02 % mIoU, 0.565 m RMSE, with teachers' labels for the
# raw frames). The schedule is that of the authors' later script; the paper's is only partly known.
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
    )
)
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric")]
test_evaluator = val_evaluator
