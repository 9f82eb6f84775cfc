# Asymmetric annotations: nine tenths of the images have only depth, one tenth only classes. Missing labels are masked.
_base_ = "rooms_ceiling.py"
train_dataloader = dict(dataset=dict(label_shares=dict(depth=(0.0, 0.9), semseg=(0.9, 1.0))))
