# The baseline for edge only.
_base_ = "nyud_resnet50_multitask.py"
model = dict(heads=dict(semseg=None, depth=None, normals=None))
train_dataloader = dict(dataset=dict(tasks=["edge"]))
val_dataloader = dict(dataset=dict(tasks=["edge"]))
test_dataloader = val_dataloader
val_evaluator = [dict(type="EdgeMetric", protocol="nyud", fast=True)]
test_evaluator = [dict(type="EdgeMetric", protocol="nyud")]
