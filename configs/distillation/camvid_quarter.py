# Every fourth image of CamVid has classes, and the others are not used.
_base_ = [
    "../_base_/models/hydranet_camvid.py",
    "../_base_/datasets/camvid_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
train_dataloader = dict(dataset=dict(label_shares=dict(semseg=(0.0, 0.25)), skip_unlabelled=True))
train_cfg = dict(by_epoch=True, max_epochs=80, val_interval=80)
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.01)]
