# HRNet-18 with attention between the tasks at stride 4, after DenseMTL. The heads read the result.
_base_ = "pascal_hrnet18_multitask.py"
model = dict(
    neck=dict(type="CrossTaskAttention", channels=128),
    heads=dict(
        semseg=dict(decoder=None),
        parts=dict(decoder=None),
        saliency=dict(decoder=None),
        normals=dict(decoder=None),
        edge=dict(decoder=None),
    ),
)
