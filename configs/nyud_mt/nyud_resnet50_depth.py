# The baseline for depth only.
_base_ = "nyud_resnet50_multitask.py"
model = dict(heads=dict(semseg=None, normals=None, edge=None))
train_dataloader = dict(dataset=dict(tasks=["depth"]))
val_dataloader = dict(dataset=dict(tasks=["depth"]))
test_dataloader = val_dataloader
val_evaluator = [dict(type="DepthMetric")]
test_evaluator = val_evaluator
