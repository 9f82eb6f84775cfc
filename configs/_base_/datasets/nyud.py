# NYUDv2 in the authors' folder layout: rgb/, masks/, depth/, normals/, train.txt, val.txt.
_base_ = "../loaders.py"
data_root = "data/nyud"
train_pipeline = [
    dict(type="RandomZoom", scale=(0.8, 2.0), p=0.5),
    dict(type="RandomCrop", size=(500, 500)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="PackSample")]
train_dataloader = dict(batch_size=6, dataset=dict(type="NYUDv2", split="train", pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(type="NYUDv2", split="val", pipeline=test_pipeline))
test_dataloader = val_dataloader
