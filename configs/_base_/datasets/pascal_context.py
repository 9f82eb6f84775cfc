# PASCAL-Context with five tasks, in the layout of the archive PASCAL_MT. Images have several sizes.
_base_ = "../loaders.py"
data_root = "data/pascal_mt"
size = (512, 512)
tasks = ["semseg", "parts", "saliency", "normals", "edge"]
train_pipeline = [
    dict(type="RandomZoom", scale=(0.5, 2.0)),
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="PackSample")]
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    sampler=dict(_delete_=True, type="SeededInfiniteSampler", shuffle=True),
    dataset=dict(type="PASCALContext", split="train", tasks=tasks, pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(type="PASCALContext", split="val", tasks=tasks, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type="SegmentationMetric"),
    dict(type="SegmentationMetric", task="parts"),
    dict(type="SaliencyMetric"),
    dict(type="NormalsMetric"),
    dict(type="EdgeMetric", protocol="pascal", fast=True),
]
test_evaluator = [*val_evaluator[:4], dict(type="EdgeMetric", protocol="pascal")]
