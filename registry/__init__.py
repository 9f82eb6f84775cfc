"""The project's registries: children of mmengine's, scope ``mtl_plugins``.

A component is registered by decorating its class with the registry of its kind
(``@MODELS.register_module()``) and named in a config by ``type='ClassName'``.
Everything of mmengine's (optimisers, schedulers, hooks, ...) is found through the parents.
"""

from .registries import (
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    INFERENCERS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    MODEL_WRAPPERS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    RUNNERS,
    SCOPE,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
    UnknownComponentError,
)

__all__ = [
    "DATASETS",
    "DATA_SAMPLERS",
    "HOOKS",
    "INFERENCERS",
    "LOG_PROCESSORS",
    "LOOPS",
    "METRICS",
    "MODELS",
    "MODEL_WRAPPERS",
    "OPTIMIZERS",
    "OPTIM_WRAPPERS",
    "OPTIM_WRAPPER_CONSTRUCTORS",
    "PARAM_SCHEDULERS",
    "RUNNERS",
    "SCOPE",
    "TRANSFORMS",
    "VISBACKENDS",
    "VISUALIZERS",
    "UnknownComponentError",
]
