# Depth from one drive with single laser scans, and the first stage of the experiment "kitti_drive": about 10 minutes on
# two cores. See docs/kitti_drive.md.
_base_ = [
    "../_base_/models/hydranet_drive.py",
    "../_base_/datasets/kitti_drive.py",
    "../_base_/schedules/adamw_drive.py",
    "../_base_/runtime.py",
]
model = dict(heads=dict(semseg=None))
optim_wrapper = dict(optimizer=dict(lr=4e-4))
train_cfg = dict(max_epochs=18, val_interval=9)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type="TypicalDepthHook"),
    dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.02),
]
val_evaluator = [dict(type="DepthMetric", dataset="drive", protocol="kitti-eigen-80-scans")]
test_evaluator = val_evaluator
