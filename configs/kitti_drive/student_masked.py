# Classes and depth without teachers: the drive has only depth, CamVid only classes. Missing labels are masked.
_base_ = [
    "../_base_/models/hydranet_drive.py",
    "../_base_/datasets/kitti_drive_camvid.py",
    "../_base_/schedules/adamw_drive.py",
    "../_base_/runtime.py",
]
optim_wrapper = dict(optimizer=dict(lr=4e-4))
train_cfg = dict(max_epochs=36, val_interval=9)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type="TypicalDepthHook"),
    dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.02),
]
val_evaluator = [
    dict(type="SegmentationMetric", dataset="labelled"),
    dict(type="DepthMetric", dataset="drive", protocol="kitti-eigen-80-scans"),
]
test_evaluator = val_evaluator
