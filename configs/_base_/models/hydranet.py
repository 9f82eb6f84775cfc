# HydraNet (Nekrasov et al., ICRA 2019, arXiv 1809.04766) without heads: each preset adds those of its tasks.
model = dict(
    type="MultiTaskModel",
    backbone=dict(type="TimmBackbone", model_name="mobilenetv2_hydranet"),
    neck=dict(type="LightWeightRefineNet"),
    heads=dict(),
)
