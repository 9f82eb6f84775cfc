# The baseline for edge only.
_base_ = "pascal_resnet50_multitask.py"
model = dict(heads=dict(semseg=None, parts=None, saliency=None, normals=None))
train_dataloader = dict(dataset=dict(tasks=["edge"]))
val_dataloader = dict(dataset=dict(tasks=["edge"]))
test_dataloader = val_dataloader
val_evaluator = [dict(type="EdgeMetric", protocol="pascal", fast=True)]
test_evaluator = [dict(type="EdgeMetric", protocol="pascal")]
