# The heads of PASCAL-Context's five tasks with the losses and weights of the multi-task papers. A preset adds the
# backbone and the decoders.
model = dict(
    type="MultiTaskModel",
    heads=dict(
        semseg=dict(type="SegmentationHead", num_classes=21),
        parts=dict(type="SegmentationHead", num_classes=7, loss=dict(type="CrossEntropyLoss", loss_weight=2.0)),
        saliency=dict(type="SaliencyHead", loss=dict(type="BalancedBCELoss", positive_weight=None, loss_weight=5.0)),
        normals=dict(type="NormalsHead", loss=dict(type="L1Loss", unit_vectors=True, loss_weight=10.0)),
        edge=dict(type="EdgeHead", loss=dict(type="BalancedBCELoss", positive_weight=0.95, loss_weight=50.0)),
    ),
)
