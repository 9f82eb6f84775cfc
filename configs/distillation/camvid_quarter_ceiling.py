# Upper bound of the experiment "camvid": all images have classes.
_base_ = [
    "../_base_/models/hydranet_camvid.py",
    "../_base_/datasets/camvid_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=20)
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.01)]
