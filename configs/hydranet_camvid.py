# CamVid at half size (180x240), trained from scratch within an hour on two cores. hydranet_camvid_full.py uses the
# full size.
_base_ = [
    "_base_/models/hydranet_camvid.py",
    "_base_/datasets/camvid.py",
    "_base_/schedules/adamw_poly.py",
    "_base_/runtime.py",
]
size = (180, 240)
train_pipeline = [
    dict(type="RandomZoom", scale=(0.4, 0.8), p=1.0),  # evaluation uses 0.5
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="Resize", size=size), dict(type="PackSample")]
predict_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(by_epoch=True, max_epochs=60, val_interval=10)
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.004)]
