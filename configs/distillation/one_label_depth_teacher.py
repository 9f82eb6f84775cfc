# A teacher for depth only, trained on the third of the images that has this label.
_base_ = "one_label_masked.py"
model = dict(heads=dict(semseg=None, normals=None))
train_dataloader = dict(dataset=dict(tasks=["depth"], skip_unlabelled=True))
train_cfg = dict(max_epochs=27, val_interval=27)
val_evaluator = [dict(type="DepthMetric")]
test_evaluator = val_evaluator
