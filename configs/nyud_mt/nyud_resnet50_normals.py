# The baseline for normals only.
_base_ = "nyud_resnet50_multitask.py"
model = dict(heads=dict(semseg=None, depth=None, edge=None))
train_dataloader = dict(dataset=dict(tasks=["normals"]))
val_dataloader = dict(dataset=dict(tasks=["normals"]))
test_dataloader = val_dataloader
val_evaluator = [dict(type="NormalsMetric")]
test_evaluator = val_evaluator
