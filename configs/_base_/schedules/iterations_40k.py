# The schedule of the multi-task papers on NYUDv2 and PASCAL-Context: Adam, 40,000 steps, polynomial decay. It contains
# runtime.py, whose hooks count epochs.
_base_ = "../runtime.py"
iterations = 40_000
optim_wrapper = dict(type="AutocastOptimWrapper", optimizer=dict(type="Adam", lr=1e-4, weight_decay=1e-4))
param_scheduler = [dict(type="PolyLR", power=0.9, eta_min=0, begin=0, end=iterations, by_epoch=False)]
train_cfg = dict(by_epoch=False, max_iters=iterations, val_interval=4_000)
val_cfg = dict()
test_cfg = dict()
default_hooks = dict(checkpoint=dict(interval=1_000))
log_processor = dict(by_epoch=False)
