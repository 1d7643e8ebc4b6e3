"""Rows as the real Hugging Face ``datasets`` writes them."""

import os
import subprocess
import sys

import pytest

from dmn_cli.data.stories import Question, Story, dump, read

FACTS = ("Mary moved to the bathroom.", "John went to the hallway.", "Daniel slept.")
STORY = Story(FACTS, (Question("Where is Mary?", "bathroom", 2, (0,)), Question("Who slept?", "Daniel", 3, (2,))))

WRITE = """
import sys
from datasets import ClassLabel, Dataset, Features, Sequence, Value

facts, text = sys.argv[1:4], Value("string")
flat = [
    {"passage": "\\n".join(facts[:2]) + "\\n", "question": "Where is Mary?", "answer": "bathroom", "task": 1},
    {"passage": " ".join(facts), "question": "Who slept?", "answer": "Daniel", "task": 1},
]
Dataset.from_list(flat).to_json("flat.jsonl")
Dataset.from_list(flat).to_json("flat.json", lines=False)

lines = [
    ("1", "context", facts[0], [], ""),
    ("2", "context", facts[1], [], ""),
    ("3", "question", "Where is Mary?", ["1"], "bathroom"),
    ("4", "context", facts[2], [], ""),
    ("5", "question", "Who slept?", ["4"], "Daniel"),
]
line = {
    "id": text, "type": ClassLabel(names=["context", "question"]), "text": text, "supporting_ids": Sequence(text),
    "answer": text,
}
rows = [dict(zip(line, values)) for values in lines]
columns = {key: [row[key] for row in rows] for key in line}
Dataset.from_list([{"story": rows}] * 2, Features({"story": [line]})).to_json("rows.jsonl")
Dataset.from_list([{"story": columns}] * 2, Features({"story": Sequence(line)})).to_json("columns.jsonl")
"""


@pytest.mark.slow
def test_rows_of_the_real_package(dmn, tmp_path):
    environment = {**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", WRITE, *FACTS], cwd=tmp_path, env=environment, check=True)
    one, two = (Story(FACTS[: q.facts], (q,)).unsupported() for q in STORY.questions)
    for name, stories in {
        "flat.jsonl": [one, two],
        "flat.json": [one, two],
        "rows.jsonl": [STORY] * 2,
        "columns.jsonl": [STORY] * 2,
    }.items():
        assert read(tmp_path / name) == stories
        assert dmn("data", "convert", name, f"{name}.txt").code == 0
        assert (tmp_path / f"{name}.txt").read_text() == dump(stories)
        (tmp_path / "own.yaml").write_text(f"base: weak.yaml\ndata: {{source: files, train: {name}, valid: {name}}}\n")
        done = dmn("train", "--config", "own.yaml", "--dry-run", "--quiet")
        assert (done.code, f"training  {len(stories)} stories" in done.out) == (0, True), done.err
