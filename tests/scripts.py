"""Scripts of benchmarks/ as modules: they are no part of the package."""

import importlib.util
from types import ModuleType

from rnnreg.study import registry


def script(path: str) -> ModuleType:
    """The script at a path in benchmarks/, imported under a name that no other module has."""
    file = registry.PACKAGE.parent / "benchmarks" / path
    name = "script_" + path.removesuffix(".py").replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
