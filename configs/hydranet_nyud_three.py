# NYUDv2, 40 classes, depth and normals (paper: 38.66 % mIoU, 0.566 m RMSE, 23.95 degrees mean).
_base_ = "hydranet_nyud.py"
model = dict(heads=dict(normals=dict(type="NormalsHead", loss=dict(type="CosineLoss", loss_weight=5.0))))
val_evaluator = [*_base_.val_evaluator, dict(type="NormalsMetric")]
test_evaluator = val_evaluator
