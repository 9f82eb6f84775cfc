"""The project's registries: children of mmengine's, with the scope `mtl_plugins`.

Decorate a class with the registry of its kind (`@MODELS.register_module()`) and name it in a config by
`type="ClassName"`. Components of mmengine (optimizers, schedulers, hooks, ...) are found through the parents.
"""

import inspect
import re
from typing import Any

from mmengine import registry as _mmengine
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import Registry

from mtl_plugins.did_you_mean import did_you_mean

__all__ = [
    "DATASETS",
    "DATA_SAMPLERS",
    "FUNCTIONS",
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
    "UnknownOptionError",
    "describe_unknown_option",
    "find_component",
    "parse_unknown_option",
]

SCOPE = "mtl_plugins"
_UNKNOWN_OPTION = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


class UnknownComponentError(KeyError):
    """A config names a component that no registry contains."""

    def __str__(self) -> str:  # KeyError prints the repr of its message, with escaped line breaks
        return self.args[0]


class UnknownOptionError(TypeError):
    """A config gives a component an option that its constructor does not have."""


class NamedRegistry(Registry):
    """mmengine's registry with errors that name the nearest known component or option."""

    def get(self, key: str) -> Any:
        """The component registered as `key` here or in a parent.

        Raises:
            UnknownComponentError: No such component; the message names the nearest ones.
        """
        found = super().get(key)
        if found is None:
            raise UnknownComponentError(self._unknown(key))
        return found

    def __contains__(self, key: str) -> bool:
        return super().get(key) is not None

    def build(self, cfg: dict, *args: Any, **kwargs: Any) -> Any:
        """Build the component of a config.

        Raises:
            UnknownComponentError: No component has the name `cfg["type"]`.
            UnknownOptionError: Its constructor does not have an option of `cfg`.
        """
        try:
            return super().build(cfg, *args, **kwargs)
        except TypeError as error:
            unknown = parse_unknown_option(error)
            given = {**(kwargs.get("default_args") or {}), **cfg} if isinstance(cfg, dict) else {}
            component = self.get(given["type"]) if isinstance(given.get("type"), str) else given.get("type")
            if unknown is None or unknown[1] not in given or not inspect.isclass(component):
                raise
            raise UnknownOptionError(describe_unknown_option(component, unknown[1])) from error

    def known_names(self) -> list[str]:
        """Names that a config may use: those registered here and in the parents."""
        registry, names = self, set()
        while registry is not None:
            registry.import_from_location()
            names |= set(registry.module_dict)
            registry = registry.parent
        return sorted(names)

    def _unknown(self, key: str) -> str:
        in_scopes = _in_children(self.root, key)  # such as a user's registry with the scope 'mine'
        hint = f"did you mean {' or '.join(map(repr, in_scopes))}? " if in_scopes else ""
        scope, dot, _ = key.rpartition(".")
        if not hint and dot and scope not in _scopes(self.root):
            return (
                f"unknown {self.name} {key!r}: no imported module has a registry with the scope {scope!r}. List its "
                "module in the config: custom_imports = dict(imports=['your_module'])."
            )
        hint = hint or did_you_mean(key, self.known_names(), n=3)
        own = f"Registered here: {', '.join(sorted(self.module_dict))}. " if self.module_dict else ""
        return (
            f"unknown {self.name} {key!r}: {hint}{own}To use a class of your own, list its module in the config: "
            "custom_imports = dict(imports=['your_module'])."
        )


def _in_children(registry: Registry, key: str) -> list[str]:
    """The names with scope, `scope.key`, under which registries below `registry` contain `key`."""
    found = []
    for child in registry.children.values():
        found += [f"{child.scope}.{key}"] if key in child.module_dict else []
        found += _in_children(child, key)
    return found


def _scopes(registry: Registry) -> set[str]:
    """The scopes of a registry and of all registries below it."""
    return {registry.scope, *(scope for child in registry.children.values() for scope in _scopes(child))}


def parse_unknown_option(error: TypeError) -> tuple[str, str] | None:
    """The class whose constructor failed and the option that it does not have; None for any other error."""
    unknown = _UNKNOWN_OPTION.search(str(error))
    return (unknown[1], unknown[2]) if unknown else None


def describe_unknown_option(component: type, given: str) -> str:
    """The message for an option that the constructor of `component` does not have."""
    options = sorted(_options(component))
    hint = did_you_mean(given, [*options, "type"])
    return (
        f"{component.__name__} has no option {given!r}{': ' if hint else '. '}{hint}Its options: {', '.join(options)}."
    )


def _options(component: type) -> set[str]:
    """Names of the options of a constructor, and of those that it passes on to its base classes."""
    names: set[str] = set()
    for base in component.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)} - {"self"}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return names


def find_component(name: str) -> Any:
    """The component of this name in any of the registries; None if there is no such component."""
    registries = [value for value in globals().values() if isinstance(value, NamedRegistry)]
    return next((registry.get(name) for registry in registries if name in registry), None)


def _child(parent: Registry, *packages: str) -> NamedRegistry:
    return NamedRegistry(
        parent.name, scope=SCOPE, parent=parent, locations=[f"{SCOPE}.{package}" for package in packages]
    )


MODELS = _child(_mmengine.MODELS, "models")
MODEL_WRAPPERS = _child(_mmengine.MODEL_WRAPPERS, "engine")
DATASETS = _child(_mmengine.DATASETS, "datasets")
DATA_SAMPLERS = _child(_mmengine.DATA_SAMPLERS, "datasets")
TRANSFORMS = _child(_mmengine.TRANSFORMS, "datasets")
FUNCTIONS = _child(_mmengine.FUNCTIONS, "datasets")
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

MODULE2PACKAGE.setdefault(SCOPE, "mtl-plugins")  # mmengine's table of the packages that `package::config` may name
