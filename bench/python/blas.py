"""Prints the versions of Python and PyTorch, and which BLAS multiplies PyTorch's matrices with which kernel, as one line of JSON."""
import ctypes
import json
import re
import sys

import torch

# A symbol of each library, and the functions that return its version and the kernel for this processor.
LIBRARIES = [
    ("OpenBLAS", "openblas_get_config", "openblas_get_corename"),
    ("MKL", "mkl_get_version_string", None),
    ("BLIS", "bli_info_get_version_str", None),
    ("ATLAS", "ATL_buildinfo", None),
]


def text_of(library, name):
    function = getattr(library, name)
    function.restype = ctypes.c_char_p
    return function().decode()


def mapped():
    """The libraries of this process that may have a matrix product. Linux only."""
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "/" in line}
    return sorted(path for path in paths if re.search(r"/lib(\w*blas|mkl_rt|mkl_core|blis)\w*[-.][^/]*$", path))


def found():
    """`name`, `kernel` and `path` of the BLAS. The reference BLAS has none of the symbols."""
    built = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    built = built.group(1) if built else "unknown"
    torch.mm(torch.ones(64, 64), torch.ones(64, 64))
    paths = mapped() if sys.platform == "linux" else []
    for path in paths:
        library = ctypes.CDLL(path)
        for name, version, kernel in LIBRARIES:
            if not hasattr(library, version):
                continue
            if name == "OpenBLAS":
                name = " ".join(text_of(library, version).split()[:2])
            return dict(name=name, kernel=text_of(library, kernel) if kernel else None, path=path)
    if paths:
        return dict(name="reference", kernel=None, path=paths[0])
    return dict(name=built, kernel=None, path=None)  # linked into PyTorch, as in the packages of pytorch.org


capability = re.search(r"CPU capability usage: (\w+)", torch.__config__.show())
print(json.dumps(dict(
    python=sys.version.split()[0],
    torch=torch.__version__,
    capability=capability.group(1) if capability else None,
    blas=found(),
)))
