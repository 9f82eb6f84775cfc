# CamVid at full size (360x480), trained from scratch on a GPU. hydranet_camvid.py uses half the size, for two cores.
_base_ = [
    "_base_/models/hydranet_camvid.py",
    "_base_/datasets/camvid.py",
    "_base_/schedules/adamw_poly.py",
    "_base_/runtime.py",
]
size = (360, 480)
train_pipeline = [
    dict(type="RandomZoom", scale=(0.8, 1.6), p=1.0),
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="PackSample")]
train_dataloader = dict(num_workers=4, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=10)
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.004)]
