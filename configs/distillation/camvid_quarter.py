# A quarter of the images of CamVid has classes, and only that quarter is used.
_base_ = "camvid_quarter_ceiling.py"
train_dataloader = dict(dataset=dict(label_shares=dict(semseg=(0.0, 0.25)), skip_unlabelled=True))
train_cfg = dict(max_epochs=80, val_interval=80)
