"""What a keystroke in the page costs, in Chromium: the figures of docs/performance.md.

    python docs/keystrokes.py CHECKPOINT... --story FILE [--facts 5000]

Makes the page of each checkpoint (`dmn view`), puts the story of the file with the most facts before a question into
its playground, and types into its last line, its first line and the question. The cost of a keystroke is all that the
page's thread does because of it, by Chromium's own account in CPU time, which other programs do not disturb: editing,
the network's answer, layout and painting. Milliseconds, medians (and the longest); beside it, how long until the answer
was drawn. `--facts` says how long a story is made by telling it again.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from dmn_cli.data.stories import parse

KEYS = "garden kitchen"
TYPE = """async ([at, key]) => {
  const { story, question } = playground, field = at === "question" ? question : story;
  const end = at === "first" ? story.value.indexOf("\\n") : field.value.length;
  field.focus({ preventScroll: true });
  field.setSelectionRange(end, end);
  const began = performance.now();
  document.execCommand("insertText", false, key); // as a key does: Chromium edits, and then tells the page
  while (playground.pending) await new Promise((go) => setTimeout(go));
  await new Promise((go) => requestAnimationFrame(() => setTimeout(go))); // until it is drawn
  return performance.now() - began;
}"""


def longest(path: Path) -> tuple[list[str], str]:
    """The facts and the question of a file in bAbI's format that has the most facts before it."""
    asked = [(story, question) for story in parse(path.read_text("utf-8"), str(path)) for question in story.questions]
    story, question = max(asked, key=lambda one: one[1].facts)
    return list(story.facts[: question.facts]), question.text


def measure(page: Page, facts: list[str], question: str) -> list[str]:
    """What a keystroke at each of three places cost, and how long until it was answered."""
    page.evaluate("([facts, question]) => playground.set(facts, question, null)", [facts, question])
    chromium = page.context.new_cdp_session(page)
    chromium.send("Performance.enable")

    def spent() -> float:
        metrics = chromium.send("Performance.getMetrics")["metrics"]
        return 1000 * next(one["value"] for one in metrics if one["name"] == "ThreadTime")

    found = []
    for at in ("last", "first", "question"):
        cost, answered = [], []
        for key in KEYS + KEYS:  # the first half does not count
            page.wait_for_timeout(50)
            before = spent()
            answered.append(page.evaluate(TYPE, [at, key]))
            cost.append(spent() - before)
        for took in (cost[len(KEYS) :], answered[len(KEYS) :]):
            found.append(f"{statistics.median(took):.0f} ({max(took):.0f})")
    return found


def main() -> None:
    """Print a row for each checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--story", required=True, type=Path)
    parser.add_argument("--facts", type=int, help="make the story so long")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    facts, question = longest(given.story)
    count = given.facts or len(facts)
    facts = (facts * (count // len(facts) + 1))[:count]
    print(f"{count} facts\n")
    print("| network | last line | answered | first line | answered | question | answered |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=["--no-sandbox", "--disable-gpu"])
        for checkpoint in given.checkpoints:
            out = Path(folder) / "page.html"
            subprocess.run([sys.executable, "-m", "dmn_cli", "view", checkpoint, "--out", out], check=True, stdout=-3)
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            page.goto(out.as_uri())
            print(f"| {checkpoint} | {' | '.join(measure(page, facts, question))} |", flush=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
