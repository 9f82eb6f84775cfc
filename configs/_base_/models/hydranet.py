# HydraNet (Nekrasov et al., ICRA 2019, arXiv 1809.04766) without heads: each preset adds those of its tasks.
# The encoder starts from ImageNet weights, as in the paper; pretrained=FILE reads them from a local file.
model = dict(
    type="MultiTaskModel",
    backbone=dict(type="TimmBackbone", model_name="mobilenetv2_hydranet", pretrained=True),
    neck=dict(type="LightWeightRefineNet"),
    heads=dict(),
)
