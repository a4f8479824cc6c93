"""What programs may use besides the language: imported and warmed once, then readable in each child."""

import contextlib
import importlib
import os
import sys
import sysconfig

_RUNTIME = ("/usr/lib64", "/lib64", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/dev/zero")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Each BLAS thread would reserve a good part of a program's address space."""
LIBRARIES = (
    "numpy",
    "numpy.fft",
    "numpy.linalg",
    "numpy.random",
    "pandas",
    "sympy",
    "mpmath",
    "PIL",
    "matplotlib",
)
"""Of the scientific kind; those that are not installed are left out."""
_USUAL = (
    "base64", "bisect", "calendar", "collections.abc", "copy", "csv", "dataclasses", "datetime",
    "decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq", "html", "io",
    "itertools", "json", "math", "operator", "pathlib", "pprint", "random", "re", "statistics",
    "string", "struct", "tempfile", "textwrap", "time", "typing", "unicodedata", "uuid", "zoneinfo",
)  # fmt: skip
"""Of the standard library: programs of both kinds find these loaded."""
_COMPANIONS = (
    "numpy.libs", "pandas.libs", "pillow.libs", "dateutil", "pytz", "tzdata", "six.py", "cycler",
    "kiwisolver", "contourpy", "pyparsing", "fontTools", "packaging", "mpl_toolkits", "pylab.py",
)  # fmt: skip


def load(kind: str, site: str) -> list[str]:
    """Import and warm what programs of this kind may use; returns the places to read it from."""
    for name in _USUAL:
        importlib.import_module(name)
    if kind == "light":
        return []
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    sys.path.append(site)
    places: list[str] = []
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
            places.append(os.path.join(site, name.partition(".")[0]))
    _warm()
    # Companions are found by what is loaded already: the folder they stand in cannot be listed.
    sys.path.remove(site)
    return [*places, *(os.path.join(site, name) for name in _COMPANIONS)]


def standard_library() -> list[str]:
    """Every entry of the library folder but third-party packages, of which ours may be one."""
    folder = os.path.dirname(os.__file__)
    return [
        os.path.join(folder, name)
        for name in sorted(os.listdir(folder))
        if name not in {"site-packages", "dist-packages"}
    ]


def runtime() -> list[str]:
    """Shared libraries and devices."""
    machine = sysconfig.get_config_var("MULTIARCH") or ""
    places = [*_RUNTIME, *((f"/usr/lib/{machine}", f"/lib/{machine}") if machine else ())]
    own = os.path.join(sys.base_prefix, "lib")
    with contextlib.suppress(OSError):
        places += [os.path.join(own, name) for name in sorted(os.listdir(own)) if ".so" in name]
    return places


def _warm() -> None:
    """First uses load and compile a good deal: once here instead of in every child."""
    loaded = sys.modules
    if "pandas" in loaded:
        frame = importlib.import_module("pandas").DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
        str(frame.describe())
        str(frame.groupby("b")["a"].mean())
    if "sympy" in loaded:
        algebra = importlib.import_module("sympy")
        x = algebra.symbols("x")
        algebra.solve(x**2 - 2, x)
        str(algebra.integrate(x * algebra.exp(x), x))
    if "PIL" in loaded:
        importlib.import_module("PIL.Image").init()
    if "matplotlib" in loaded:
        importlib.import_module("matplotlib").use("Agg")
        plot = importlib.import_module("matplotlib.pyplot")
        plot.figure().canvas.draw()
        plot.close("all")
