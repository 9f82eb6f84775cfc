# Every image has classes and depth: what asymmetric annotations are held against.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
model = dict(heads=dict(normals=None))
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
train_cfg = dict(by_epoch=True, max_epochs=9, val_interval=9)
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric")]
test_evaluator = val_evaluator
