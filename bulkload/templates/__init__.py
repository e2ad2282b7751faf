"""Every template, found by looking into this folder: a module's `TEMPLATES` are its templates."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from graphlib import TopologicalSorter

from bulkload.errors import UsageError
from bulkload.kinds import nearest
from bulkload.template import Template


@cache
def templates() -> dict[str, Template]:
    """Return all templates by name, in reference order: what others refer to comes first."""
    found: dict[str, Template] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for one in getattr(importlib.import_module(module.name), "TEMPLATES", ()):
            found[one.name] = one
    order = TopologicalSorter({name: sorted(found[name].refers_to) for name in sorted(found)})
    return {name: found[name] for name in order.static_order()}


def template_named(name: str) -> Template:
    """Return a template; raise UsageError, with the nearest name, where there is none."""
    known = templates()
    if name in known:
        return known[name]
    near = nearest(name, tuple(known))
    hint = f"Did you mean '{near}'?" if near else f"There are: {', '.join(known)}."
    raise UsageError(f"There is no template '{name}'. {hint}")
