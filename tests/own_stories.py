"""Small stories of one's own, as an issue of this project gives them: who went where, asked twice per story."""

import random


def make(path, names, places, fact, q, n, seed, facts=6, ask=2, ans=lambda place: place):
    """Write n stories: ``ask`` times three facts (a random name, a random place) and a question of the latest place.

    Args:
        path: of the file.
        names: for ``{a}`` in fact and question.
        places: for ``{p}`` in the fact; ``ans`` makes the answer of one.
        fact: a sentence with ``{a}`` and ``{p}``.
        q: a question with ``{a}``.
        n: how many stories.
        seed: of the stories.
        facts: of a story.
        ask: questions of a story.
        ans: from the place to the answer.
    """
    draw = random.Random(seed)
    lines = []
    for _ in range(n):
        at, place, told = 0, {}, {}
        for _ in range(ask):
            for _ in range(facts // ask):
                at += 1
                name = draw.choice(names)
                place[name], told[name] = draw.choice(places), at
                lines.append(f"{at} {fact.format(a=name, p=place[name])}")
            at += 1
            name = draw.choice(sorted(place))
            lines.append(f"{at} {q.format(a=name)}\t{ans(place[name])}\t{told[name]}")
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
