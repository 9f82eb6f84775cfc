# As iterations_40k.py, for transformers: AdamW with warm-up, and learning rates that decay by layer.
_base_ = "iterations_40k.py"
warm_up = 1_500
no_decay = dict(decay_mult=0.0)
optim_wrapper = dict(
    constructor="LayerDecayOptimWrapperConstructor",
    optimizer=dict(_delete_=True, type="AdamW", lr=2e-4, weight_decay=0.05),
    paramwise_cfg=dict(
        layer_decay_rate=0.75,
        flat_decay_mult=0.0,
        custom_keys=dict(pos_embed=no_decay, cls_token=no_decay, relative_position_bias_table=no_decay),
    ),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, begin=0, end=warm_up, by_epoch=False),
    dict(type="PolyLR", power=0.9, eta_min=0, begin=warm_up, end=_base_.iterations, by_epoch=False),
]
