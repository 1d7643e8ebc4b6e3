"""Shell completion, where typer's falls short."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator

SHELL = ("--show-completion", "--install-completion")


def take_shell() -> None:
    """Let ``dmn --show-completion zsh`` name its shell: typer takes a name only where it may not look for the shell."""
    if len(sys.argv) == 3 and sys.argv[1] in SHELL:
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"


@contextlib.contextmanager
def whole_words() -> Iterator[None]:
    """Complete whole words in bash, which cuts them at ``=`` and ``:`` and wants only what comes after.

    ``dmn train --set model.gate=by`` reaches us as the words model.gate, =, by. To complete ``by-order`` typer has to
    see ``model.gate=by``.
    """
    if os.environ.get("_DMN_COMPLETE") != "complete_bash":
        yield
        return
    words, at = os.environ.get("COMP_WORDS", "").split("\n"), int(os.environ.get("COMP_CWORD", "0"))
    before = ""
    joined = [words[0]]
    for word in words[1 : at + 1]:
        if word in ("=", ":") or (joined[-1].endswith(("=", ":")) and len(joined) > 1):
            before = joined[-1] if word not in ("=", ":") else joined[-1] + word
            joined[-1] += word
        else:
            before = ""
            joined.append(word)
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(joined), str(len(joined) - 1)
    offered = io.StringIO()
    try:
        with contextlib.redirect_stdout(offered):
            yield
    finally:
        print("\n".join(line.removeprefix(before) for line in offered.getvalue().splitlines()))
