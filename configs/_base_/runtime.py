# Hooks, logging and environment of all presets.
default_scope = "mtl_plugins"
default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=20),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="AtomicCheckpointHook", interval=1, max_keep_ckpts=2),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    visualization=dict(type="PanelHook"),
    preemption=dict(type="PreemptionHook"),
    heartbeat=dict(type="HeartbeatHook", timeout=600),
)
custom_hooks = [
    dict(type="SeedIterationHook"),
    dict(type="LabelPresenceHook"),
    dict(type="LabelRangesHook"),
    dict(type="InputScaleHook"),
    dict(type="LabelSharesHook"),
    dict(type="BadSamplesHook"),
    dict(type="NonFiniteLossHook"),
    dict(type="SyncAllBuffersHook"),
    dict(type="SummaryHook"),
    dict(type="CurvesHook"),
]
visualizer = dict(type="MultiTaskVisualizer", vis_backends=[dict(type="LocalVisBackend")])
log_processor = dict(type="LogProcessor", window_size=20, by_epoch=True)
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),  # gloo on machines without a GPU
)
randomness = dict(seed=0)
log_level = "INFO"
load_from = None
resume = False
