# A network for CamVid only, which sees as many of its images as the joint network. It also is a teacher.
_base_ = "real_masked.py"
model = dict(heads=dict(depth=None))
train_dataloader = dict(
    sampler=dict(weights=dict(_delete_=True, camvid=1), length=_base_.samples["camvid"]),
    dataset=dict(datasets=dict(_delete_=True, camvid=_base_.train_parts["camvid"])),
)
val_dataloader = dict(dataset=dict(datasets=dict(_delete_=True, camvid=_base_.val_parts["camvid"])))
test_dataloader = val_dataloader
val_evaluator = [_base_.metrics["camvid"]]
test_evaluator = val_evaluator
