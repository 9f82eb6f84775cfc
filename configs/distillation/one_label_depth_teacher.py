# A teacher for depth only, trained on the third of the images that has this label.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_rooms.py",
    "../_base_/runtime.py",
]
model = dict(heads=dict(semseg=None, normals=None))
train_dataloader = dict(dataset=dict(tasks=["depth"], label_shares=dict(depth=(1 / 3, 2 / 3)), skip_unlabelled=True))
train_cfg = dict(max_epochs=27, val_interval=27)
val_evaluator = [dict(type="DepthMetric")]
test_evaluator = val_evaluator
