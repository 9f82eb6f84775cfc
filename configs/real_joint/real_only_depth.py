# A network for depth only, with as many steps and frames as the joint network. It is also a teacher.
_base_ = "real_masked.py"
model = dict(heads=dict(semseg=None))
train_dataloader = dict(
    batch_size=_base_.batch["kitti"],
    sampler=dict(weights=dict(_delete_=True, kitti=1), length=_base_.steps * _base_.batch["kitti"]),
    dataset=dict(datasets=dict(_delete_=True, kitti=_base_.train_parts["kitti"])),
)
val_dataloader = dict(dataset=dict(datasets=dict(_delete_=True, kitti=_base_.val_parts["kitti"])))
test_dataloader = val_dataloader
val_evaluator = [_base_.metrics["kitti"]]
test_evaluator = val_evaluator
