# One label per image (as in MTPSL, CVPR 2022): a third of the images each has classes, depth or normals.
_base_ = "one_label_ceiling.py"
train_dataloader = dict(
    dataset=dict(label_shares=dict(semseg=(0.0, 1 / 3), depth=(1 / 3, 2 / 3), normals=(2 / 3, 1.0)))
)
