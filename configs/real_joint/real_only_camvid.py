# A network for CamVid only, with as many steps and images of it as the joint network. It is also a teacher.
_base_ = "real_masked.py"
model = dict(heads=dict(depth=None))
train_dataloader = dict(
    batch_size=_base_.batch["camvid"],
    sampler=dict(weights=dict(_delete_=True, camvid=1), length=_base_.steps * _base_.batch["camvid"]),
    dataset=dict(datasets=dict(_delete_=True, camvid=_base_.train_parts["camvid"])),
)
val_dataloader = dict(dataset=dict(datasets=dict(_delete_=True, camvid=_base_.val_parts["camvid"])))
test_dataloader = val_dataloader
val_evaluator = [_base_.metrics["camvid"]]
test_evaluator = val_evaluator
