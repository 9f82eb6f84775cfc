# AdamW for networks trained on SynthRooms: a higher learning rate and few epochs.
_base_ = "adamw_poly.py"
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
train_cfg = dict(by_epoch=True, max_epochs=9, val_interval=9)
