# CamVid at full size (360x480), trained from scratch. hydranet_camvid.py uses half the size. The crops are smaller than
# those of hydranet_camvid_imagenet.py, as a training from scratch needs more epochs.
_base_ = [
    "_base_/models/hydranet_camvid.py",
    "_base_/datasets/camvid_full.py",
    "_base_/schedules/adamw_poly.py",
    "_base_/runtime.py",
]
train_pipeline = [
    dict(type="RandomZoom", scale=(0.65, 1.5), p=1.0),
    dict(type="RandomCrop", size=(224, 224)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.3, contrast=0.3, saturation=0.3),
    dict(type="PackSample"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=20)
default_hooks = dict(checkpoint=dict(save_best="semseg/mIoU", rule="greater"))
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.004)]
