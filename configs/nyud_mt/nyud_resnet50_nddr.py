# NDDR-CNN: one ResNet-50 per task, and 1x1 convolutions on the features of all of them after each stage.
_base_ = "nyud_resnet50_multitask.py"
model = dict(backbone=dict(type="NDDRBackbone"))
# The papers train the units with 100 times the learning rate.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={"backbone.units": dict(lr_mult=100.0)}))
