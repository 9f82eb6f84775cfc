# NDDR-CNN: one ResNet-50 per task, and 1x1 convolutions on the features of all of them after each stage.
_base_ = "pascal_resnet50_multitask.py"
model = dict(backbone=dict(type="NDDRBackbone"))
# SGD, because the papers train the units with 100 times the learning rate, which Adam does not stand.
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type="SGD", lr=1e-3, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={"backbone.units": dict(lr_mult=100.0)}),
)
