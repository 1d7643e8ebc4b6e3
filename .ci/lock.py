"""Write what .ci/run installs anew, after a change of constraints.txt or of the dependencies.

    python3 .ci/lock.py     # a recent pip reads metadata alone; an old one downloads 3 GB

lock.txt: all but torch. torch-cpu.txt: its build without CUDA, which pip finds where an index or folder that it knows
has one. torch-cuda.txt: that of the package index, with what it needs besides.
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
#   pip install --require-hashes --no-deps -r .ci/{{name}}
"""

Packages = dict[str, tuple[str, str]]
"""Version and SHA-256 by name."""


def resolved(*wanted: str, **environment: str) -> Packages:
    """What pip would install into an empty environment."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    done = subprocess.run(
        [*command, *wanted], stdout=subprocess.PIPE, check=True, cwd=CI.parent, env={**os.environ, **environment}
    )
    found = {}
    for package in json.loads(done.stdout)["install"]:
        if "archive_info" in package["download_info"]:  # not this package itself
            digest = package["download_info"]["archive_info"]["hashes"]["sha256"]
            found[package["metadata"]["name"]] = package["metadata"]["version"], digest
    return found


def write(name: str, what: str, packages: Packages) -> None:
    lines = [
        f"{package}=={packages[package][0]} --hash=sha256:{packages[package][1]}\n"
        for package in sorted(packages, key=str.lower)
    ]
    (CI / name).write_text(HEADER.format(what=what, name=name) + "".join(lines))


def main() -> None:
    here = resolved("-c", "constraints.txt", "-e", ".[dev]")
    torch = here.pop("torch")
    version = torch[0].partition("+")[0]
    index = resolved(f"torch=={version}", PIP_FIND_LINKS="", PIP_EXTRA_INDEX_URL="", PIP_CONFIG_FILE=os.devnull)
    write("lock.txt", "All that CI installs but torch", here)
    write(
        "torch-cuda.txt", "torch and what it needs besides", {name: index[name] for name in index if name not in here}
    )
    if torch[0].endswith("+cpu"):
        write("torch-cpu.txt", "torch without CUDA", {"torch": torch})
    else:
        print("pip finds no torch without CUDA here: .ci/torch-cpu.txt stays as it is", file=sys.stderr)


if __name__ == "__main__":
    main()
