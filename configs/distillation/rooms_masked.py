# Asymmetric annotations as in the paper: nine tenths of the images have depth alone, one tenth classes alone. Each loss
# sees the labels that there are.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
model = dict(heads=dict(normals=None))
train_dataloader = dict(dataset=dict(label_shares=dict(depth=(0.0, 0.9), semseg=(0.9, 1.0))))
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
train_cfg = dict(by_epoch=True, max_epochs=9, val_interval=9)
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric")]
test_evaluator = val_evaluator
