# The authors' later training script: SGD, three stages of 100 epochs, each with half the learning rate of the
# previous one; the encoder has a tenth of the decoder's learning rate.
optim_wrapper = dict(
    type="AutocastOptimWrapper",
    optimizer=dict(type="SGD", lr=5e-3, momentum=0.9, weight_decay=1e-5),
    paramwise_cfg=dict(custom_keys={"backbone": dict(lr_mult=0.1)}),
)
param_scheduler = [dict(type="StepLR", step_size=100, gamma=0.5, by_epoch=True)]
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=10)
val_cfg = dict()
test_cfg = dict()
