# HRNet-18 with MTI-Net: the tasks exchange features at four strides, which the decoders of the heads join.
_base_ = "pascal_hrnet18_multitask.py"
model = dict(neck=dict(type="MTINet", decoder=None))
