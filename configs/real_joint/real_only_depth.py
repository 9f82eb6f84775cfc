# A network for depth only, which sees as many frames as the joint network. It also is a teacher.
_base_ = "real_masked.py"
model = dict(heads=dict(semseg=None))
train_dataloader = dict(
    sampler=dict(weights=dict(_delete_=True, kitti=1), length=_base_.samples["kitti"]),
    dataset=dict(datasets=dict(_delete_=True, kitti=_base_.train_parts["kitti"])),
)
val_dataloader = dict(dataset=dict(datasets=dict(_delete_=True, kitti=_base_.val_parts["kitti"])))
test_dataloader = val_dataloader
val_evaluator = [_base_.metrics["kitti"]]
test_evaluator = val_evaluator
