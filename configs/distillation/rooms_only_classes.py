# A network for classes alone, on the tenth that has them.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
model = dict(heads=dict(depth=None, normals=None))
train_dataloader = dict(
    dataset=dict(tasks=["semseg"], label_shares=dict(depth=(0.0, 0.9), semseg=(0.9, 1.0)), skip_unlabelled=True)
)
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
train_cfg = dict(by_epoch=True, max_epochs=88, val_interval=88)
val_evaluator = [dict(type="SegmentationMetric")]
test_evaluator = val_evaluator
