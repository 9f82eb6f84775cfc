# CamVid at a third of its size (120x160), for many training runs on two cores.
_base_ = "camvid.py"
size = (120, 160)
train_pipeline = [
    dict(type="Resize", size=(180, 240)),
    dict(type="RandomZoom", scale=(0.55, 1.1), p=1.0),
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="Resize", size=size), dict(type="PackSample")]
predict_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
train_dataloader = dict(num_workers=1, dataset=dict(cache="memory", pipeline=train_pipeline))
val_dataloader = dict(num_workers=1, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
