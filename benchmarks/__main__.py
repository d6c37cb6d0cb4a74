"""``python -m benchmarks`` lists the benchmarks; ``python -m benchmarks.NAME`` runs one."""

import importlib
import pkgutil

import benchmarks


def benchmark_names() -> list[str]:
    """Names of the modules that measure something."""
    names = sorted(item.name for item in pkgutil.iter_modules(benchmarks.__path__))
    return [name for name in names if hasattr(_module(name), "HELP")]


def _module(name: str) -> object:
    return importlib.import_module(f"{benchmarks.__name__}.{name}")


if __name__ == "__main__":
    for benchmark in benchmark_names():
        print(f"python -m benchmarks.{benchmark:12} {_module(benchmark).HELP}")  # type: ignore[attr-defined]
