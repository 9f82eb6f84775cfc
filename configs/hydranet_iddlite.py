# IDD-Lite at its stored size (227x320), trained from scratch within an hour on two cores.
# hydranet_iddlite_imagenet.py starts from ImageNet weights.
_base_ = [
    "_base_/models/hydranet_iddlite.py",
    "_base_/datasets/iddlite.py",
    "_base_/schedules/adamw_poly.py",
    "_base_/runtime.py",
]
train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=5)
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.002)]
