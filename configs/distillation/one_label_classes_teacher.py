# A teacher for classes only, trained on the third of the images that has this label.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_rooms.py",
    "../_base_/runtime.py",
]
model = dict(heads=dict(depth=None, normals=None))
train_dataloader = dict(dataset=dict(tasks=["semseg"], label_shares=dict(semseg=(0.0, 1 / 3)), skip_unlabelled=True))
train_cfg = dict(max_epochs=27, val_interval=27)
val_evaluator = [dict(type="SegmentationMetric")]
test_evaluator = val_evaluator
