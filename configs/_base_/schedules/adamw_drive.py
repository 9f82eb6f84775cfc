# Few steps for few images: AdamW from ImageNet weights, with a smaller learning rate for the encoder.
optim_wrapper = dict(
    type="AutocastOptimWrapper",
    optimizer=dict(type="AdamW", lr=2e-4, weight_decay=1e-2, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.25))),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, begin=0, end=20, by_epoch=False),
    dict(type="PolyLR", power=0.9, eta_min=1e-6, by_epoch=True, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=10, val_interval=5)
val_cfg = dict()
test_cfg = dict()
