# From scratch: AdamW with warm-up and polynomial decay, gradients clipped.
optim_wrapper = dict(
    type="AutocastOptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=1e-2, fused=True),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, begin=0, end=200, by_epoch=False),
    dict(type="PolyLR", power=0.9, eta_min=1e-6, by_epoch=True, convert_to_iter_based=True),
]
val_cfg = dict()
test_cfg = dict()
