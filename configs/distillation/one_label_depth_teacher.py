# A teacher for depth alone, on the third of the images that has that label.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
model = dict(heads=dict(semseg=None, normals=None))
train_dataloader = dict(dataset=dict(tasks=["depth"], label_shares=dict(depth=(1 / 3, 2 / 3)), skip_unlabelled=True))
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
train_cfg = dict(by_epoch=True, max_epochs=27, val_interval=27)
val_evaluator = [dict(type="DepthMetric")]
test_evaluator = val_evaluator
