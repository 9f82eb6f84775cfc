# IDD-Lite at its stored size (227x320), from ImageNet weights. hydranet_iddlite.py trains from scratch.
_base_ = [
    "_base_/models/hydranet_iddlite.py",
    "_base_/datasets/iddlite.py",
    "_base_/schedules/adamw_imagenet.py",
    "_base_/runtime.py",
]
model = dict(backbone=dict(pretrained=True))
train_cfg = dict(by_epoch=True, max_epochs=25, val_interval=5)
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.002)]
