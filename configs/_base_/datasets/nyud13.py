# NYUDv2 in the setting of many multi-task papers: 13 classes, 288x384, normals computed from the in-painted depth.
_base_ = "../loaders.py"
data_root = "data/nyud"
size = (288, 384)
train_pipeline = [
    dict(type="Resize", size=size),
    dict(type="RandomZoom", scale=(1.0, 1.5), p=0.5),
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="Resize", size=size), dict(type="PackSample")]  # metrics are computed at this size too
predict_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
dataset = dict(type="NYUDv2", label_space="nyud13", depth="filled", normals="depth")
batch_size = 8
train_dataloader = dict(
    batch_size=batch_size, num_workers=4, dataset=dict(split="train", pipeline=train_pipeline, **dataset)
)
val_dataloader = dict(batch_size=batch_size, dataset=dict(split="val", pipeline=test_pipeline, **dataset))
test_dataloader = val_dataloader
