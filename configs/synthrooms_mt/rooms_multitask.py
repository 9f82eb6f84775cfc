# SynthRooms, four tasks without interaction: a shared encoder, and a decoder for each task. 800 steps on two cores.
_base_ = [
    "../_base_/models/rooms_mt.py",
    "../_base_/datasets/synthrooms_mt.py",
    "../_base_/schedules/adamw_rooms_mt.py",
    "../_base_/runtime.py",
]
tasks = ["semseg", "depth", "normals", "edge"]
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type="SegmentationMetric"),
    dict(type="DepthMetric"),
    dict(type="NormalsMetric"),
    dict(type="EdgeMetric", fast=True),
]
test_evaluator = [*val_evaluator[:3], dict(type="EdgeMetric")]
