"""Write .ci/lock.txt and .ci/lock-cuda.txt anew, after a change of constraints.txt or of the dependencies.

    python3 .ci/lock.py     # a recent pip reads metadata alone; an old one downloads 3 GB

lock.txt: what .ci/run installs. torch has two hashes: that of the build that pip finds here, which should be one
without CUDA, and that of the package index. lock-cuda.txt: what the latter needs besides.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

CI = Path(__file__).parent
HEADER = f"""\
# {{what}}, with hashes: CPython {sys.version_info[0]}.{sys.version_info[1]} on Linux x86-64.
# Made by .ci/lock.py; installed by .ci/run:
#
#   pip install --require-hashes --no-deps -r {{file}}
"""


def resolved(*wanted: str, **environment: str) -> dict[str, tuple[str, str]]:
    """What pip would install into an empty environment: version and SHA-256 of each package."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    done = subprocess.run(
        [*command, *wanted], stdout=subprocess.PIPE, check=True, cwd=CI.parent, env={**os.environ, **environment}
    )
    found = {}
    for package in json.loads(done.stdout)["install"]:
        name, version = package["metadata"]["name"], package["metadata"]["version"]
        if "archive_info" in package["download_info"]:  # not this package itself
            found[name] = version.partition("+")[0], package["download_info"]["archive_info"]["hashes"]["sha256"]
    return found


def write(name: str, what: str, packages: dict[str, list[str]]) -> None:
    lines = [" ".join([package, *packages[package]]) for package in sorted(packages, key=str.lower)]
    (CI / name).write_text(HEADER.format(what=what, file=f".ci/{name}") + "\n".join(lines) + "\n")


def main() -> None:
    here = resolved("-c", "constraints.txt", "-e", ".[dev]")
    torch = f"torch=={here['torch'][0]}"
    index = resolved(torch, PIP_FIND_LINKS="", PIP_EXTRA_INDEX_URL="", PIP_CONFIG_FILE=os.devnull)
    pinned = {f"{name}=={version}": [f"--hash=sha256:{digest}"] for name, (version, digest) in here.items()}
    pinned[torch] = [f"--hash=sha256:{digest}" for digest in dict.fromkeys((here["torch"][1], index["torch"][1]))]
    write("lock.txt", "All that CI installs", pinned)
    cuda = {f"{name}=={version}": [f"--hash=sha256:{digest}"] for name, (version, digest) in index.items()}
    write(
        "lock-cuda.txt",
        "What torch needs besides where it is built with CUDA",
        {package: hashes for package, hashes in cuda.items() if package.partition("==")[0] not in here},
    )


if __name__ == "__main__":
    main()
