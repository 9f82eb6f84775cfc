# A larger teacher with ImageNet weights, trained on the quarter of CamVid that has classes.
_base_ = "camvid_quarter.py"
model = dict(backbone=dict(model_name="tf_efficientnet_lite2", pretrained=True))
# A pretrained backbone needs small steps too.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=_base_.decoder_rate))))
train_cfg = dict(max_epochs=60, val_interval=20)
