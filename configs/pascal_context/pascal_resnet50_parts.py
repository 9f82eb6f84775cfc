# The baseline for parts only.
_base_ = "pascal_resnet50_multitask.py"
model = dict(heads=dict(semseg=None, saliency=None, normals=None, edge=None))
train_dataloader = dict(dataset=dict(tasks=["parts"]))
val_dataloader = dict(dataset=dict(tasks=["parts"]))
test_dataloader = val_dataloader
val_evaluator = [dict(type="SegmentationMetric", task="parts")]
test_evaluator = val_evaluator
