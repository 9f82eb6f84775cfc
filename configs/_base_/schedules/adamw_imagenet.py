# For training from ImageNet weights: as adamw_poly.py, but with small steps also for the encoder.
_base_ = "adamw_poly.py"
optim_wrapper = dict(
    optimizer=dict(lr=4e-4),
    paramwise_cfg=dict(_delete_=True, custom_keys=dict(backbone=dict(lr_mult=0.5))),
)
