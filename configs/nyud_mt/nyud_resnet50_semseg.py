# The baseline for semseg only.
_base_ = "nyud_resnet50_multitask.py"
model = dict(heads=dict(depth=None, normals=None, edge=None))
train_dataloader = dict(dataset=dict(tasks=["semseg"]))
val_dataloader = dict(dataset=dict(tasks=["semseg"]))
test_dataloader = val_dataloader
val_evaluator = [dict(type="SegmentationMetric")]
test_evaluator = val_evaluator
