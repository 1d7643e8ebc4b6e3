"""A prediction: what a network made of a question, as plain values for every report."""

from typing import Any, NamedTuple

END_OF_PASSES = "(end of passes)"
"""What stands for the fact that is no fact, but means: enough."""

ATTENDED = 0.05
"""The smallest gate that counts: below it a fact leaves next to nothing in the memory."""


class Guess(NamedTuple):
    """An answer and its probability, 0 to 1."""

    answer: str
    probability: float


class Prediction(NamedTuple):
    """What the network made of a question.

    Attributes:
        task: 1 to 20; 0 for a user's own stories.
        story: which story of the task's split it is asked of, from 1.
        place: ``file:line`` of the question; "" where it was not read from a file.
        question: as asked.
        gold: the true answer as written; "" where it is not known.
        right: whether the answer is the true one; None where that is not known.
        answer: the parts of a list or path are joined by commas.
        probability: of the answer, 0 to 1; of all its words together where a decoder writes it.
        others: the next likeliest answers, the likelier first.
        facts: what there was to attend to: sentences, or words with ``model.facts: word``; then ``END_OF_PASSES``,
            where the network has this fact.
        gates: of each pass what each of these facts counted, 0 to 1.
        passes: what each pass is: ``free`` (not taught), ``taught``, ``end`` (it picked the end of passes and changed
            nothing), or "" where no pass is taught.
        attended: of each pass the fact that counted most, by its position in ``facts``; None where no gate reaches
            ``ATTENDED``.
        supporting: positions in ``facts`` of the supporting facts, as far as they are known and in sight.
        unknown: words of story and question that training has never seen.
    """

    task: int
    story: int
    place: str
    question: str
    gold: str
    right: bool | None
    answer: str
    probability: float
    others: list[Guess]
    facts: list[str]
    gates: list[list[float]]
    passes: list[str]
    attended: list[int | None]
    supporting: list[int]
    unknown: list[str]

    @property
    def blind(self) -> bool:
        """Whether no fact counted in any pass that changed the memory: the answer rests on the question alone."""
        facts = len(self.facts) - (self.facts[-1:] == [END_OF_PASSES])
        looked = [gates[:facts] for gates, kind in zip(self.gates, self.passes, strict=True) if kind != "end"]
        return not any(gate >= ATTENDED for gates in looked for gate in gates)

    def as_row(self) -> dict[str, Any]:
        """The same as plain types for JSON, numbers with six digits."""
        return {
            **self._asdict(),
            "probability": round(self.probability, 6),
            "others": [{"answer": answer, "probability": round(part, 6)} for answer, part in self.others],
            "gates": [[round(gate, 6) for gate in gates] for gates in self.gates],
        }
