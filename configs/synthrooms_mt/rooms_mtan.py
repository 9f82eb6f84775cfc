# rooms_multitask with MTAN: each task attends to the features of each stage of the encoder. Its decoder is in the neck,
# so that the decoder reads all stages.
_base_ = "rooms_multitask.py"
model = dict(
    backbone=dict(out_features="last_blocks"),
    neck=dict(type="MTAN", decoder=_base_.decoder),
    heads=dict(
        semseg=dict(decoder=None), depth=dict(decoder=None), normals=dict(decoder=None), edge=dict(decoder=None)
    ),
)
