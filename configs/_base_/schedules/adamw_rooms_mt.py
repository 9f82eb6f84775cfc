# As adamw_rooms.py, for decoders with batch norm: they allow a higher learning rate.
_base_ = "adamw_rooms.py"
decoder_rate = 0.4  # relative to the encoder's learning rate
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"neck": dict(lr_mult=decoder_rate), "heads": dict(lr_mult=decoder_rate)})
)
