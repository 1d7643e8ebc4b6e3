"""The compiled kernels, built where there is a C compiler; without one the package installs all the same.

All else about the package stands in pyproject.toml.
"""

import hashlib
from pathlib import Path

from setuptools import Extension, setup

SOURCE = Path("dmn_cli/model/fast/kernels.c")

setup(
    ext_modules=[
        Extension(
            "dmn_cli.model.fast._kernels",
            [str(SOURCE)],
            define_macros=[("DMN_SOURCE", f'"{hashlib.sha256(SOURCE.read_bytes()).hexdigest()}"')],
            extra_compile_args=["-std=gnu11", "-O3", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math", "-g0"],
            libraries=["m"],
            optional=True,
        )
    ]
)
