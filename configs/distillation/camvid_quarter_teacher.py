# A larger teacher with ImageNet weights, on the quarter of CamVid that has classes.
_base_ = [
    "../_base_/models/hydranet_camvid.py",
    "../_base_/datasets/camvid_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
model = dict(backbone=dict(model_name="tf_efficientnet_lite2", pretrained=True))
train_dataloader = dict(dataset=dict(label_shares=dict(semseg=(0.0, 0.25)), skip_unlabelled=True))
# A network that knows something wants small steps everywhere.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=_base_.decoder_rate))))
train_cfg = dict(by_epoch=True, max_epochs=60, val_interval=20)
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.01)]
