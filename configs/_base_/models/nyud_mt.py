# The heads of NYUDv2's four tasks with the losses and weights of the multi-task papers. A preset adds the backbone and
# the decoders.
model = dict(
    type="MultiTaskModel",
    heads=dict(
        semseg=dict(type="SegmentationHead", num_classes=40),
        depth=dict(type="DepthHead", loss=dict(type="L1Loss")),
        normals=dict(type="NormalsHead", loss=dict(type="L1Loss", unit_vectors=True, loss_weight=10.0)),
        edge=dict(type="EdgeHead", loss=dict(type="BalancedBCELoss", positive_weight=0.95, loss_weight=50.0)),
    ),
)
