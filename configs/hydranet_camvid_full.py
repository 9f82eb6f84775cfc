# CamVid at full size (360x480), trained from scratch. hydranet_camvid.py uses half the size.
_base_ = [
    "_base_/models/hydranet_camvid.py",
    "_base_/datasets/camvid_full.py",
    "_base_/schedules/adamw_poly.py",
    "_base_/runtime.py",
]
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=10)
default_hooks = dict(checkpoint=dict(save_best="semseg/mIoU", rule="greater"))
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.004)]
