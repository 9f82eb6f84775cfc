# The paper's first teacher: the same network for depth only, trained on the images that have depth.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_rooms.py",
    "../_base_/runtime.py",
]
model = dict(heads=dict(semseg=None, normals=None))
train_dataloader = dict(dataset=dict(tasks=["depth"], label_shares=dict(depth=(0.0, 0.9)), skip_unlabelled=True))
train_cfg = dict(max_epochs=10, val_interval=10)
val_evaluator = [dict(type="DepthMetric")]
test_evaluator = val_evaluator
