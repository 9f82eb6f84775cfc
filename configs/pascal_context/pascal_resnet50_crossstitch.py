# Cross-stitch networks: one ResNet-50 per task, and learned sums of their features after each stage.
_base_ = "pascal_resnet50_multitask.py"
model = dict(backbone=dict(type="CrossStitchBackbone"))
# The papers train the units with 100 times the learning rate.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={"backbone.units": dict(lr_mult=100.0)}))
