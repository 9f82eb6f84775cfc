# CamVid at full size (360x480) from ImageNet weights.
_base_ = [
    "_base_/models/hydranet_camvid.py",
    "_base_/datasets/camvid_full.py",
    "_base_/schedules/adamw_imagenet.py",
    "_base_/runtime.py",
]
model = dict(backbone=dict(pretrained=True))
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=10)
default_hooks = dict(checkpoint=dict(save_best="semseg/mIoU", rule="greater"))
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.004)]
