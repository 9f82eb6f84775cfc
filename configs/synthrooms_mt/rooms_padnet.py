# rooms_multitask with PAD-Net: the tasks exchange features at stride 4, and the heads read the result.
_base_ = "rooms_multitask.py"
model = dict(
    neck=dict(type="PADNet", channels=64),
    heads=dict(
        semseg=dict(decoder=None), depth=dict(decoder=None), normals=dict(decoder=None), edge=dict(decoder=None)
    ),
)
