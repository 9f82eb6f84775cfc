# The baseline for saliency only.
_base_ = "pascal_resnet50_multitask.py"
model = dict(heads=dict(semseg=None, parts=None, normals=None, edge=None))
train_dataloader = dict(dataset=dict(tasks=["saliency"]))
val_dataloader = dict(dataset=dict(tasks=["saliency"]))
test_dataloader = val_dataloader
val_evaluator = [dict(type="SaliencyMetric")]
test_evaluator = val_evaluator
