# The paper's first stage on KITTI: the same network for depth only, trained on the frames that have depth. It then
# labels the images of KITTI-6, which have classes but no depth.
_base_ = "../hydranet_kitti.py"
model = dict(heads=dict(semseg=None))
train_dataloader = dict(
    sampler=dict(weights=dict(kitti=1, kitti6=0)),
    dataset=dict(datasets=dict(kitti=dict(tasks=["depth"]), kitti6=dict(tasks=["depth"]))),
)
val_evaluator = [dict(type="DepthMetric", dataset="kitti", protocol="kitti-eigen-80")]
test_evaluator = val_evaluator
