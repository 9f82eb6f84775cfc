# HRNet-18 with attention between the tasks at stride 4, after DenseMTL. The heads read the result.
_base_ = "nyud_hrnet18_multitask.py"
model = dict(
    neck=dict(type="CrossTaskAttention", channels=128),
    heads=dict(
        semseg=dict(decoder=None), depth=dict(decoder=None), normals=dict(decoder=None), edge=dict(decoder=None)
    ),
)
