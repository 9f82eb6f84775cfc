# NYUDv2 with four tasks, in the layout of the archive NYUD_MT: images of 425x560, as the multi-task papers use them.
_base_ = "../loaders.py"
data_root = "data/nyud_mt"
size = (448, 576)
tasks = ["semseg", "depth", "normals", "edge"]
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
    dataset=dict(type="NYUDMultiTask", split="train", tasks=tasks, pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(type="NYUDMultiTask", split="val", tasks=tasks, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type="SegmentationMetric"),
    dict(type="DepthMetric"),
    dict(type="NormalsMetric"),
    dict(type="EdgeMetric", protocol="nyud", fast=True),
]
test_evaluator = [*val_evaluator[:3], dict(type="EdgeMetric", protocol="nyud")]
