# rooms_multitask with attention between the tasks at stride 4, after DenseMTL. The heads read the result.
_base_ = "rooms_multitask.py"
model = dict(
    neck=dict(type="CrossTaskAttention", channels=64),
    heads=dict(
        semseg=dict(decoder=None), depth=dict(decoder=None), normals=dict(decoder=None), edge=dict(decoder=None)
    ),
)
