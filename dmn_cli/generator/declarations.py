"""The twenty tasks as declarations: what is in the world, which sentences tell of it, which question is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from dmn_cli.generator import world as tell
from dmn_cli.generator.world import Handled, Seen, World

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

Sentence = Callable[[World], bool]


class Asked(NamedTuple):
    """A question, its answer, and the supporting facts in the order of the real files."""

    text: str
    answer: str
    because: tuple[int, ...]


class Share(NamedTuple):
    """How many of the words of one kind a story is about, as in the real files, and how many it needs at least."""

    usual: int
    least: int = 1


@dataclass(frozen=True)
class Declaration:
    """A task.

    Attributes:
        about: the kinds of words a story is about, by field of ``Words``; ``entities`` changes the first one's count.
        sentences: what can be told, and how often it is tried.
        ask: a question about the world, or None where there is none to ask just now.
        facts: told a story; more where no question can be asked; None where the world itself sets their number.
        questions: asked a story; None for one after each fact, until the world is ``done``.
        together: questions asked at one point of the story.
        scene: sets the world up, given the hops.
        hops: supporting facts that a question chains, where that can be chosen.
        done: whether nothing is left to tell.
        mixed: the facts before each question are told out of order.
        anew: where no question can be asked, another story is told, instead of more facts.
    """

    about: Mapping[str, Share]
    sentences: Mapping[Sentence, int]
    ask: Callable[[World, int], Asked | None]
    facts: int | None = 10
    questions: int | None = 5
    together: int = 1
    scene: Callable[[World, int], None] = field(default=lambda world, hops: None)
    hops: int | None = None
    done: Callable[[World], bool] = field(default=lambda world: False)
    mixed: bool = False
    anew: bool = False

    @property
    def step(self) -> int:
        """Facts told at a time, where no question could be asked."""
        return max(1, (self.facts or 1) * self.together // (self.questions or 1))


# ---- where people are ------------------------------------------------------------------------------------------------


def where_is_who(world: World, hops: int) -> Asked | None:
    who = world.pick(world.recent("place")).who
    seen = world.seen[who][-1]
    return Asked(f"Where is {who}?", seen.place, seen.because)


def where_was_who(world: World, hops: int) -> Asked | None:
    """About one of the recent moves, but nobody's first one."""
    able = [(who, place) for _, who, place in world.recent("place") if _reached(world.seen[who], place)]
    if not able:
        return None
    who, place = world.pick(able)
    last = _reached(world.seen[who], place)
    before, after = world.seen[who][last - 1], world.seen[who][last]
    return Asked(f"Where was {who} before the {place}?", before.place, (*after.because, *before.because))


def _reached(seen: list[Seen], place: str) -> int:
    """When a place was reached last; 0 is before all else."""
    return max(index for index, one in enumerate(seen) if one.place == place)


def is_who_there(world: World, hops: int) -> Asked | None:
    """Half of the questions are about the true place; after `is no longer in`, all are about the place left."""
    recent = world.recent("place")
    if not recent:
        return None
    who = world.pick(recent).who
    seen = world.seen[who][-1]
    place = seen.place
    if seen.kind != "out" and world.coin():
        place = world.pick([other for other in world.places if other != seen.place])
    here = seen.kind != "out" and place in (seen.place, seen.other)
    answer = ("maybe" if seen.kind == "either" else "yes") if here else "no"
    return Asked(f"Is {who} in the {place}?", answer, seen.because)


# ---- what people carry -----------------------------------------------------------------------------------------------


def where_is_what(world: World, hops: int) -> Asked | None:
    """About what was dropped, or got and carried away."""
    able: list[tuple[Handled, Seen]] = []
    for clause in world.recent("get", "drop"):
        last = world.handled[clause.what][-1]
        carried = world.carried[clause.what]
        place = last.place if last.kind == "drop" else carried[-1] if carried else None
        if place:
            able.append((last, place))
    if not able:
        return None
    last, place = world.pick(able)
    return Asked(f"Where is the {last.what}?", place.place, (last.fact, *place.because))


def where_was_what(world: World, hops: int) -> Asked | None:
    """About what was carried on, by the one who has it or dropped it, and any place on the way but the first."""
    able = [clause.what for clause in world.recent("get", "drop") if len(world.carried[clause.what]) > 1]
    if not able:
        return None
    what = world.pick(able)
    way = world.carried[what]
    last = 0
    while last == 0:
        last = _reached(way, world.pick(way).place)
    before, after = way[last - 1], way[last]
    because = world.handled[what][-1].fact, *after.because, *before.because
    return Asked(f"Where was the {what} before the {after.place}?", before.place, because)


def who_gave_what(world: World, hops: int) -> Asked | None:
    """About the last time an object was given; `What did Mary give to John?` only if it is the last from her to him."""
    recent = world.recent("give")
    if not recent:
        return None
    what = world.pick(recent).what
    last = _gives(world, what)[-1]
    who, to = last.who, last.to
    between = [
        give.fact for other in world.objects for give in _gives(world, other) if (give.who, give.to) == (who, to)
    ]
    forms = [
        (f"Who gave the {what}?", who),
        (f"Who gave the {what} to {to}?", who),
        (f"Who received the {what}?", to),
        (f"Who did {who} give the {what} to?", to),
        *[(f"What did {who} give to {to}?", what)] * 2 * (max(between) == last.fact),
    ]
    return Asked(*world.pick(forms), (last.fact,))


def _gives(world: World, what: str) -> list[Handled]:
    return [handled for handled in world.handled[what] if handled.kind == "give"]


def how_many(world: World, hops: int) -> Asked | None:
    who = _handler(world)
    if who is None:
        return None
    because = sorted(handled.fact for what in world.objects for handled in _by(world, who, what))
    return Asked(f"How many objects is {who} carrying?", NUMBERS[len(world.held(who))], tuple(because))


def what_carried(world: World, hops: int) -> Asked | None:
    """Objects in the order they first came to that person, and the facts object by object."""
    who = _handler(world)
    if who is None:
        return None
    had = sorted(
        (what for what in world.objects if _by(world, who, what)), key=lambda what: _by(world, who, what)[0].fact
    )
    answer = ",".join(what for what in had if world.holder.get(what) == who)
    because = [handled.fact for what in had for handled in _by(world, who, what)]
    return Asked(f"What is {who} carrying?", answer or "nothing", tuple(because))


def _handler(world: World) -> str | None:
    recent = world.recent("get", "drop", "give")
    return world.pick(recent).who if recent else None


def _by(world: World, who: str, what: str) -> list[Handled]:
    return [handled for handled in world.handled[what] if who in (handled.who, handled.to)]


# ---- moods -----------------------------------------------------------------------------------------------------------


def mood(world: World, hops: int) -> Asked | None:
    """About the fact just told."""
    kind, who, what = world.clauses[-1]
    feeling, because = world.moods[who]
    place = world.words.motives[feeling][0]
    text, answer = {
        "feel": (f"Where will {who.lower()} go?", place),
        "place": (f"Why did {who.lower()} go to the {place}?", feeling),
        "get": (f"Why did {who.lower()} get the {what}?", feeling),
    }[kind]
    return Asked(text, answer, (because,))


# ---- maps ------------------------------------------------------------------------------------------------------------


def line(world: World, hops: int) -> None:
    tell.lay_out(world, world.places, min(2, len(world.places) - 1), straight=True)


def way(world: World, hops: int) -> None:
    tell.lay_out(world, world.places, hops)


def shapes(world: World, hops: int) -> None:
    tell.lay_out(world, world.shapes, hops)


def what_is_beside(world: World, hops: int) -> Asked | None:
    """One of the facts, asked back for the place that it is about."""
    (node, near), fact = world.pick(list(world.sides.items()))
    x, y = world.beside[near][node]
    there, back = _compass(x, y), _compass(-x, -y)
    return Asked(f"What is {there} of the {near}?" if world.coin() else f"What is the {near} {back} of?", node, (fact,))


def which_way(world: World, hops: int) -> Asked | None:
    path = world.path
    steps = [_compass(*world.beside[here][there])[0] for here, there in pairwise(path)]
    return Asked(f"How do you go from the {path[0]} to the {path[-1]}?", ",".join(steps), _along(world, path))


def is_on_side(world: World, hops: int) -> Asked | None:
    """About the two ends of the path; half of the questions are to be answered with yes."""
    path = world.path if world.coin() else world.path[::-1]
    steps = [world.beside[there][here] for here, there in pairwise(path)]
    x, y = (sum(step[axis] for step in steps) for axis in (0, 1))
    yes = world.coin()
    side = world.pick([name for step, name in tell.SIDES.items() if (x * step[0] + y * step[1] > 0) == yes])
    return Asked(f"Is the {path[0]} {side} the {path[-1]}?", "yes" if yes else "no", _along(world, path))


def _compass(x: int, y: int) -> str:
    return next(name for name, step in tell.COMPASS.items() if step == (x, y))


def _along(world: World, path: list[str]) -> tuple[int, ...]:
    """The facts that tell of a path's sides, in its order."""
    facts = world.sides | {(near, node): fact for (node, near), fact in world.sides.items()}
    return tuple(facts[side] for side in pairwise(path))


# ---- sizes and species -----------------------------------------------------------------------------------------------


def is_bigger(world: World, hops: int) -> Asked | None:
    """About the two ends of a chain of facts, though another fact may tell it outright.

    In the real files a chain that starts with a later fact than it ends with is asked about twice as often.
    """
    rising = [(small, large) for large, small in world.larger]
    chains = [("yes", world.larger, chain) for chain in _chains(world, world.larger, hops)]
    chains += [("no", rising, chain) for chain in _chains(world, rising, hops)]
    chains += [(answer, steps, chain) for answer, steps, chain in chains if chain[0] > chain[-1]]
    if not chains:
        return None
    answer, steps, chain = world.pick(chains)
    first, last = steps[chain[0]][0], steps[chain[-1]][1]
    text = f"Is the {first} bigger than the {last}?" if world.coin() else f"Does the {last} fit in the {first}?"
    return Asked(text, answer, tuple(chain))


def _chains(world: World, steps: list[tuple[str, str]], hops: int) -> list[list[int]]:
    """Facts that lead on from one another, each a step from a thing to a larger (or to a smaller) one.

    Those of two facts, from a to b and from b to c, are as in all 11,000 questions of the real files: of the facts from
    b the first; of those to b any, but the first where that was told before the one from b. Of longer ones it is one.
    """
    if hops != 2:
        return _chain(world, steps, hops)
    chains = []
    for middle in dict.fromkeys(start for start, _ in steps):
        after = next(fact for fact, (start, _) in enumerate(steps) if start == middle)
        before = [fact for fact, (_, end) in enumerate(steps) if end == middle]
        chains += [[fact, after] for fact in (before[:1] if before[:1] < [after] else before)]
    return chains


def _chain(world: World, steps: list[tuple[str, str]], hops: int) -> list[list[int]]:
    """A random chain of so many facts, or none."""
    first = {step: fact for fact, step in reversed(list(enumerate(steps)))}  # told again, the first counts
    able = [{thing for step in steps for thing in step}]  # after so many hops: where as many more lead on from
    for _ in range(hops):
        able.append({start for start, end in first if end in able[-1]})
    if not able[hops]:
        return []
    here = world.pick([thing for thing in world.sizes if thing in able[hops]])
    chain = []
    for left in reversed(range(hops)):
        there = world.pick([end for start, end in first if start == here and end in able[left]])
        chain.append(first[here, there])
        here = there
    return [chain]


def species(world: World, hops: int) -> None:
    world.untold = len(world.names) + len(world.species)


def animals(world: World, hops: int) -> None:
    world.untold = 2 * len(world.names) - 1


def what_feared(world: World, hops: int) -> Asked | None:
    name = world.pick(world.names)
    kind, fact = world.kinds[name]
    feared, because = world.fears[kind]
    return Asked(f"What is {name.lower()} afraid of?", feared, (fact, because))


def what_colour(world: World, hops: int) -> Asked | None:
    """The one whose colour was not told has that of the last of its kind to be named.

    In the real files an odd number of others of its kind has been named, always.
    """
    name = next(name for name in world.names if name not in world.colours)
    kind, fact = world.kinds[name]
    others = [(at, other) for other, (its, at) in world.kinds.items() if its == kind and other != name]
    if len(others) % 2 == 0:
        return None
    at, other = max(others)
    colour, because = world.colours[other]
    return Asked(f"What color is {name}?", colour, (fact, at, because))


# ---- the tasks -------------------------------------------------------------------------------------------------------

PEOPLE = {"people": Share(4), "places": Share(6, 2)}
THINGS = {**PEOPLE, "objects": Share(3)}
PAIRS = {"people": Share(4, 2), "places": Share(6, 3)}
CARRY: dict[Sentence, int] = {tell.move: 1, tell.get: 1, tell.drop: 1}
GIVE: dict[Sentence, int] = {**CARRY, tell.give: 1}

DECLARATIONS: dict[int, Declaration] = {
    1: Declaration(PEOPLE, {tell.move: 1}, where_is_who),
    2: Declaration(THINGS, CARRY, where_is_what),
    3: Declaration(THINGS, {tell.move: 1, tell.get_sometimes_there: 1, tell.drop: 1}, where_was_what),
    4: Declaration({"places": Share(3, 2)}, {tell.beside: 1}, what_is_beside, None, 1, scene=line),
    5: Declaration({**THINGS, "people": Share(4, 2)}, GIVE, who_gave_what),
    6: Declaration(THINGS, CARRY, is_who_there),
    7: Declaration(THINGS, GIVE, how_many),
    8: Declaration(THINGS, CARRY, what_carried),
    9: Declaration(PEOPLE, {tell.move: 2, tell.be_in: 1, tell.be_out: 1}, is_who_there),
    10: Declaration(PEOPLE, {tell.move: 2, tell.be_in: 1, tell.be_either: 1}, is_who_there),
    11: Declaration(PEOPLE, {tell.move_and_on: 1}, where_is_who),
    12: Declaration(PAIRS, {tell.move_together: 1}, where_is_who),
    13: Declaration(PAIRS, {tell.move_together_and_on: 1}, where_is_who),
    14: Declaration({**PEOPLE, "people": Share(4, 3)}, {tell.move_in_time: 1}, where_was_who, mixed=True),
    15: Declaration(
        {"names": Share(4), "species": Share(4, 2)},
        {tell.fear: 1, tell.be_of_feared_kind: 1},
        what_feared,
        None,
        questions=4,
        together=4,
        scene=species,
    ),
    16: Declaration(
        {"names": Share(5, 2), "animals": Share(4), "colours": Share(4)},
        {tell.be_of_kind: 1, tell.be_of_colour: 1},
        what_colour,
        None,
        questions=1,
        scene=animals,
        anew=True,
    ),
    17: Declaration(
        {"shapes": Share(3, 2)}, {tell.on_a_side: 1}, is_on_side, None, questions=8, together=8, scene=shapes, hops=2
    ),
    18: Declaration({"sizes": Share(6, 3)}, {tell.size: 1}, is_bigger, facts=5, together=5, hops=2),
    19: Declaration({"places": Share(6, 2)}, {tell.beside: 1}, which_way, None, questions=1, scene=way, hops=2),
    20: Declaration(
        {"people": Share(4)},
        {tell.feel: 1, tell.go_for_it: 1, tell.get_it: 1},
        mood,
        None,
        questions=None,
        done=tell.all_got,
    ),
}
