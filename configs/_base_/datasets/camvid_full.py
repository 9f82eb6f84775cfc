# CamVid at its full size (360x480). Training uses crops, which are about half as large; evaluation the complete images.
_base_ = "camvid.py"
train_pipeline = [
    dict(type="RandomZoom", scale=(0.6, 1.5), p=1.0),
    dict(type="RandomCrop", size=(288, 384)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.3, contrast=0.3, saturation=0.3),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="PackSample")]
train_dataloader = dict(dataset=dict(cache="memory", pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
