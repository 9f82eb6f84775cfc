# rooms_multitask with cross-stitch units: one encoder per task, and learned sums of their features after each stage.
_base_ = "rooms_multitask.py"
model = dict(backbone=dict(type="CrossStitchBackbone"))
