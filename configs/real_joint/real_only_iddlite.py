# A network for IDD-Lite only, with as many steps and images of it as the joint network.
_base_ = "real_masked.py"
model = dict(heads=dict(depth=None))
train_dataloader = dict(
    batch_size=_base_.batch["iddlite"],
    sampler=dict(weights=dict(_delete_=True, iddlite=1), length=_base_.steps * _base_.batch["iddlite"]),
    dataset=dict(datasets=dict(_delete_=True, iddlite=_base_.train_parts["iddlite"])),
)
val_dataloader = dict(dataset=dict(datasets=dict(_delete_=True, iddlite=_base_.val_parts["iddlite"])))
test_dataloader = val_dataloader
val_evaluator = [_base_.metrics["iddlite"]]
test_evaluator = val_evaluator
