import difflib

from mmengine import registry as _mmengine
from mmengine.registry import Registry

SCOPE = "mtl_plugins"


class UnknownComponentError(KeyError):
    """A config names a component that no registry knows."""

    def __str__(self):  # KeyError would print the repr, with its line breaks escaped
        return self.args[0]


class NamedRegistry(Registry):
    """mmengine's registry, whose failed look-up names the nearest known names."""

    def get(self, key):
        found = super().get(key)
        if found is None:
            raise UnknownComponentError(self._unknown(key))
        return found

    def __contains__(self, key):
        return super().get(key) is not None

    def known_names(self):
        """Names that a config may use here: this registry's own and its ancestors'."""
        registry, names = self, set()
        while registry is not None:
            registry.import_from_location()
            names |= set(registry.module_dict)
            registry = registry.parent
        return sorted(names)

    def _unknown(self, key):
        names = self.known_names()
        near = difflib.get_close_matches(key, names, n=3, cutoff=0.5)
        lower = {name.lower(): name for name in names}
        if key.lower() in lower:
            near = [lower[key.lower()]]
        own = f"Registered here: {', '.join(sorted(self.module_dict))}. " if self.module_dict else ""
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        return (
            f"there is no {self.name} called {key!r}: {hint}{own}For a class of your own, "
            f"list its module in the config: custom_imports = dict(imports=['your_module'])."
        )


def _child(parent, *locations):
    return NamedRegistry(parent.name, scope=SCOPE, parent=parent, locations=[f"{SCOPE}.{room}" for room in locations])


MODELS = _child(_mmengine.MODELS, "models")
MODEL_WRAPPERS = _child(_mmengine.MODEL_WRAPPERS, "engine")
DATASETS = _child(_mmengine.DATASETS, "datasets")
DATA_SAMPLERS = _child(_mmengine.DATA_SAMPLERS, "datasets")
TRANSFORMS = _child(_mmengine.TRANSFORMS, "datasets")
METRICS = _child(_mmengine.METRICS, "evaluation")
VISUALIZERS = _child(_mmengine.VISUALIZERS, "visualization")
VISBACKENDS = _child(_mmengine.VISBACKENDS, "visualization")
HOOKS = _child(_mmengine.HOOKS, "engine", "visualization")
LOOPS = _child(_mmengine.LOOPS, "engine")
RUNNERS = _child(_mmengine.RUNNERS, "engine")
LOG_PROCESSORS = _child(_mmengine.LOG_PROCESSORS, "engine")
OPTIMIZERS = _child(_mmengine.OPTIMIZERS, "engine")
OPTIM_WRAPPERS = _child(_mmengine.OPTIM_WRAPPERS, "engine")
OPTIM_WRAPPER_CONSTRUCTORS = _child(_mmengine.OPTIM_WRAPPER_CONSTRUCTORS, "engine")
PARAM_SCHEDULERS = _child(_mmengine.PARAM_SCHEDULERS, "engine")
INFERENCERS = _child(_mmengine.INFERENCERS, "apis")
