# Classes only, from CamVid: what the joint networks are compared with.
_base_ = "student_masked.py"
model = dict(heads=dict(depth=None))
train_dataloader = dict(sampler=dict(weights=dict(drive=0, camvid=1), length=80))
val_evaluator = [dict(type="SegmentationMetric", dataset="labelled")]
test_evaluator = val_evaluator
