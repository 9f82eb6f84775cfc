# For an encoder that starts from ImageNet weights: small steps for all parts, half of them for the encoder.
_base_ = "adamw_poly.py"
optim_wrapper = dict(
    optimizer=dict(lr=4e-4),
    paramwise_cfg=dict(custom_keys=dict(_delete_=True, backbone=dict(lr_mult=0.5))),
)
