# For training from scratch: AdamW with warm-up, polynomial decay and gradient clipping. The encoder has batch norm, so
# the scale of its weights does not matter; it needs a learning rate twenty times that of the decoder, which has none.
decoder_rate = 0.05  # relative to the encoder's learning rate
optim_wrapper = dict(
    type="AutocastOptimWrapper",
    optimizer=dict(type="AdamW", lr=8e-3, weight_decay=1e-2, fused=True),
    paramwise_cfg=dict(custom_keys={"neck": dict(lr_mult=decoder_rate), "heads": dict(lr_mult=decoder_rate)}),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type="PolyLR", power=0.9, eta_min=1e-6, by_epoch=True, convert_to_iter_based=True),
]
val_cfg = dict()
test_cfg = dict()
