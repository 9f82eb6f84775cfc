# ResNet-50 with MTAN: each task attends to the features of each stage. The DeepLab heads read those of the last one.
_base_ = "pascal_resnet50_multitask.py"
model = dict(backbone=dict(out_features="last_blocks"), neck=dict(type="MTAN"))
