# rooms_multitask with NDDR layers: one encoder per task, and 1x1 convolutions on the features of all of them after each
# stage.
_base_ = "rooms_multitask.py"
model = dict(backbone=dict(type="NDDRBackbone"))
