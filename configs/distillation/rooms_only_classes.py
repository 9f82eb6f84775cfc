# A network for classes only, trained on the tenth of the images that have classes.
_base_ = "rooms_masked.py"
model = dict(heads=dict(depth=None))
train_dataloader = dict(dataset=dict(tasks=["semseg"], skip_unlabelled=True))
train_cfg = dict(max_epochs=88, val_interval=88)
val_evaluator = [dict(type="SegmentationMetric")]
test_evaluator = val_evaluator
