# CamVid at half size (180x240), from scratch, within an hour on two cores. hydranet_camvid_full.py: at full size.
_base_ = [
    "_base_/models/hydranet.py",
    "_base_/datasets/camvid.py",
    "_base_/schedules/adamw_poly.py",
    "_base_/runtime.py",
]
size = (180, 240)
# 1 / log(1.1 + share of the pixels in the training set), as ENet's: rare classes (poles, signs) count more.
class_weight = [4.11, 3.40, 9.56, 2.80, 7.30, 5.45, 9.40, 9.44, 6.70, 9.87, 10.20]
model = dict(
    heads=dict(
        semseg=dict(
            type="SegmentationHead",
            num_classes=11,
            loss=dict(type="CrossEntropyLoss", class_weight=class_weight),
        )
    )
)
train_pipeline = [
    dict(type="RandomZoom", scale=(0.4, 1.0), p=1.0),  # 0.5 is the size of the evaluation
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.3, contrast=0.3, saturation=0.3),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="Resize", size=size), dict(type="PackSample")]
predict_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=10)
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.004)]
