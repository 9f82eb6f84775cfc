# HRNet-18 with PAD-Net: the tasks exchange features at stride 4, and the heads read the result.
_base_ = "pascal_hrnet18_multitask.py"
model = dict(
    neck=dict(type="PADNet"),
    heads=dict(
        semseg=dict(decoder=None),
        parts=dict(decoder=None),
        saliency=dict(decoder=None),
        normals=dict(decoder=None),
        edge=dict(decoder=None),
    ),
)
