import inspect
import re
import traceback

from mtl_plugins.did_you_mean import did_you_mean


def option_hint(error: TypeError) -> str | None:
    """For a component that was given an option it does not take: which it takes, and the nearest; else None.

    Python's own message names neither, and perhaps a base class. The innermost component under construction is in
    the traceback, where the registry built it.
    """
    unknown = re.search(r"got an unexpected keyword argument '(\w+)'", str(error))
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    built = [frame.f_locals["obj_cls"] for frame in frames if "obj_cls" in frame.f_locals]
    if unknown is None or not built or not inspect.isclass(built[-1]):
        return None
    component, given = built[-1], unknown[1]
    options = sorted(_options(component))
    hint = did_you_mean(given, options)
    return f"{component.__name__} has no option {given!r}: {hint}It takes: {', '.join(options)}."


def _options(component):
    """Names of a constructor's options, and of those that it hands on to its bases."""
    names = set()
    for base in component.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)} - {"self"}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return names
