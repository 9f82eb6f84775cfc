# One label an image (as in MTPSL, CVPR 2022): a third of the images each has classes, depth or normals.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
train_dataloader = dict(
    dataset=dict(label_shares=dict(semseg=(0.0, 1 / 3), depth=(1 / 3, 2 / 3), normals=(2 / 3, 1.0)))
)
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
train_cfg = dict(by_epoch=True, max_epochs=9, val_interval=9)
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
