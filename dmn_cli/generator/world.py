"""The world that generated stories are told of: people, objects, places, sizes and species, simulated once.

A sentence is a function of the world: it tries something at random, and where that is possible, does it, tells it, and
returns True. What the sentences told is kept with the facts that told it, so that questions can name those facts.
"""

import random
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeVar

from dmn_cli.generator.words import Words

T = TypeVar("T")

TIMES = ("yesterday", "this morning", "this afternoon", "this evening")
THEN = ("After that", "Afterwards", "Then", "Following that")
COMPASS = {"north": (0, 1), "south": (0, -1), "east": (1, 0), "west": (-1, 0)}
SIDES = {(0, 1): "above", (0, -1): "below", (1, 0): "to the right of", (-1, 0): "to the left of"}


class Clause(NamedTuple):
    """One thing told of one person; ``what`` is the place or object that it is about."""

    kind: str
    who: str
    what: str = ""


class Seen(NamedTuple):
    """Where somebody is told to be, and the facts that tell it.

    Attributes:
        place: where; of ``out`` the place left, of ``either`` the true one of the two.
        because: the facts.
        kind: ``in``, ``out`` or ``either``.
        other: the second place of ``either``.
    """

    place: str
    because: tuple[int, ...]
    kind: str = "in"
    other: str = ""


class Handled(NamedTuple):
    """Somebody got or lost an object; ``place`` is where, as far as told, and ``to`` who was given it."""

    kind: str
    who: str
    what: str
    fact: int
    place: Seen | None
    to: str = ""


class World:
    """One story's world; facts are counted from 0 in the order told.

    Attributes:
        told: the sentences.
        clauses: what they said of people, in order.
        at: where everybody and everything really is, told or not.
        holder: who has an object.
        seen: each person's whereabouts as told, in order.
        handled: what happened to each object, in order.
        carried: where each object was taken since it was last got, in order.
        beside: a map: each node's neighbours and the step to them (x to the east, y to the north).
        path: the nodes of the way through the map that the question is about.
        sides: which node was told to be beside which, and the fact.
        sizes: things from small to large.
        larger: the larger and the smaller thing of each fact told.
        kinds, fears, colours, moods: what was told of a name, species or person, and the fact.
        hues: the colours that animals may have; and ``implied``: the one that follows for an animal from another's.
        untold: facts still to be told, where their number is given by the world.
    """

    def __init__(self, rng: random.Random, words: Words, drawn: dict[str, int]):
        self.rng, self.words = rng, words
        self.told: list[str] = []
        self.clauses: list[Clause] = []
        counts = defaultdict(int, drawn)
        self.people = self.some(list(words.people), counts["people"])
        self.places = self.some(words.places, counts["places"])
        self.objects = self.some(words.objects, counts["objects"])
        self.names = self.some(words.names, counts["names"])
        self.species = self.some(list(words.species), counts["species"])
        self.animals = self.some(words.animals, counts["animals"])
        self.hues = self.some(words.colours, counts["colours"])
        self.shapes = self.some(words.shapes, counts["shapes"])
        sizes = [thing for alike in words.sizes for thing in self.draw(alike, len(alike))]
        self.sizes = self.some(sizes, counts["sizes"])
        self.at = {one: self.pick(self.places) for one in (*self.people, *self.objects)} if self.places else {}
        self.holder: dict[str, str] = {}
        self.seen: dict[str, list[Seen]] = {who: [] for who in self.people}
        self.handled: dict[str, list[Handled]] = {what: [] for what in self.objects}
        self.carried: dict[str, list[Seen]] = {what: [] for what in self.objects}
        self.beside: dict[str, dict[str, tuple[int, int]]] = {}
        self.path: list[str] = []
        self.sides: dict[tuple[str, str], int] = {}
        self.larger: list[tuple[str, str]] = []
        self.kinds: dict[str, tuple[str, int]] = {}
        self.fears: dict[str, tuple[str, int]] = {}
        self.colours: dict[str, tuple[str, int]] = {}
        self.implied: dict[str, str] = {}
        self.moods: dict[str, tuple[str, int]] = {}
        self.untold = 0

    # Only random(), which gives the same numbers in every version of Python, unlike choice() and shuffle().

    def coin(self, chance: float = 0.5) -> bool:
        return self.rng.random() < chance

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.rng.random() * len(items))]

    def draw(self, items: Collection[T], count: int) -> list[T]:
        """So many different items, in random order."""
        left = list(items)
        return [left.pop(int(self.rng.random() * len(left))) for _ in range(min(count, len(left)))]

    def some(self, items: Collection[T], count: int) -> list[T]:
        """So many different items, in their own order."""
        drawn = self.draw(items, count) if count < len(items) else items
        return [item for item in items if item in drawn]

    def mix(self, items: Collection[T]) -> list[T]:
        """All items in another order, none in its old place: a random permutation of one cycle (Sattolo)."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = int(self.rng.random() * last)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed

    def tell(self, text: str) -> int:
        self.told.append(text)
        return len(self.told) - 1

    def recent(self, *kinds: str) -> list[Clause]:
        """Of the last five clauses those of a kind: the real questions are never about older ones."""
        return [clause for clause in self.clauses[-5:] if clause.kind in kinds]

    def held(self, who: str) -> list[str]:
        return [what for what in self.objects if self.holder.get(what) == who]

    def arrive(self, who: str, place: str, seen: Seen) -> None:
        self.at[who] = place
        self.seen[who].append(seen)
        self.clauses.append(Clause("place", who, seen.place))
        for what in self.held(who):
            self.carried[what].append(seen)

    def last_seen(self, who: str) -> Seen | None:
        return self.seen[who][-1] if self.seen[who] else None

    def handle(self, kind: str, who: str, what: str, fact: int, to: str = "") -> None:
        self.handled[what].append(Handled(kind, who, what, fact, self.last_seen(who), to))
        self.clauses.append(Clause(kind, who, what))


# ---- people and places -----------------------------------------------------------------------------------------------


def move(world: World) -> bool:
    """Mary went to the kitchen."""
    who = world.pick(world.people)
    return _go(world, (who,), who) is not None


def move_and_on(world: World) -> bool:
    """Mary went to the kitchen. Then she went to the garden."""
    who = world.pick(world.people)
    return _go_on(world, (who,), who, world.words.people[who])


def move_together(world: World) -> bool:
    """Mary and John went to the kitchen."""
    first, second = world.draw(world.people, 2)
    return _go(world, (first, second), f"{first} and {second}") is not None


def move_together_and_on(world: World) -> bool:
    """Mary and John went to the kitchen. Then they went to the garden."""
    first, second = world.draw(world.people, 2)
    return _go_on(world, (first, second), f"{first} and {second}", "they")


def _go(world: World, who: tuple[str, ...], subject: str, because: tuple[int, ...] = ()) -> int | None:
    """The fact of a move to a new place; None where one of them is there already."""
    place = world.pick(world.places)
    if any(world.at[one] == place for one in who):
        return None
    fact = world.tell(f"{subject} {world.pick(world.words.moves)} to the {place}.")
    for one in who:
        world.arrive(one, place, Seen(place, (*because, fact)))
    return fact


def _go_on(world: World, who: tuple[str, ...], subject: str, pronoun: str) -> bool:
    first = _go(world, who, subject)
    if first is None:
        return False
    while _go(world, who, f"{world.pick(THEN)} {pronoun}", (first,)) is None:
        pass
    return True


def move_in_time(world: World) -> bool:
    """Yesterday Mary went to the kitchen: each person's next time of day."""
    who = world.pick(world.people)
    place = world.pick(world.places)
    if world.at[who] == place or len(world.seen[who]) == len(TIMES):
        return False
    time = TIMES[len(world.seen[who])]
    went = f"{who} {world.pick(world.words.moves)} to the {place}"
    fact = world.tell(f"{time.capitalize()} {went}." if world.coin() else f"{went} {time}.")
    world.arrive(who, place, Seen(place, (fact,)))
    return True


def be_in(world: World) -> bool:
    """Mary is in the kitchen: she has gone there."""
    who, place = world.pick(world.people), world.pick(world.places)
    if world.at[who] == place:
        return False
    world.arrive(who, place, Seen(place, (world.tell(f"{who} is in the {place}."),)))
    return True


def be_out(world: World) -> bool:
    """Mary is no longer in the kitchen: she has left it, and nobody tells where to."""
    who, place = world.pick(world.people), world.pick(world.places)
    left = world.at[who]
    if left == place:
        return False
    no = world.pick(("no longer", "not"))
    world.arrive(who, place, Seen(left, (world.tell(f"{who} is {no} in the {left}."),), "out"))
    return True


def be_either(world: World) -> bool:
    """Mary is either in the kitchen or the garden; as in the real files, the two may be the same."""
    who, place, other = world.pick(world.people), world.pick(world.places), world.pick(world.places)
    if world.at[who] == place:
        return False
    first, second = (place, other) if world.coin() else (other, place)
    fact = world.tell(f"{who} is either in the {first} or the {second}.")
    world.arrive(who, place, Seen(place, (fact,), "either", other))
    return True


# ---- objects ---------------------------------------------------------------------------------------------------------


def get(world: World) -> bool:
    """Mary got the milk there."""
    return _get(world, there=1)


def get_sometimes_there(world: World) -> bool:
    """Mary got the milk."""
    return _get(world, there=0.2)


def _get(world: World, there: float) -> bool:
    who = world.pick(world.people)
    here = [what for what in world.objects if what not in world.holder and world.at[what] == world.at[who]]
    if not here:
        return False
    what = world.pick(here)
    fact = world.tell(f"{who} {world.pick(world.words.gets)} the {what}{' there' if world.coin(there) else ''}.")
    world.holder[what] = who
    world.carried[what] = []
    world.handle("get", who, what, fact)
    return True


def drop(world: World) -> bool:
    """Mary dropped the milk."""
    who = world.pick(world.people)
    held = world.held(who)
    if not held:
        return False
    what = world.pick(held)
    fact = world.tell(f"{who} {world.pick(world.words.drops)} the {what}{' there' if world.coin(0.2) else ''}.")
    del world.holder[what]
    world.at[what] = world.at[who]
    world.handle("drop", who, what, fact)
    return True


def give(world: World) -> bool:
    """Mary gave the milk to John: in the real files always the first object, and to the first person, that can be."""
    for what, who in sorted(world.holder.items(), key=lambda item: world.objects.index(item[0])):
        for to in world.people:
            if to != who and world.at[to] == world.at[who]:
                fact = world.tell(f"{who} {world.pick(world.words.gives)} the {what} to {to}.")
                world.holder[what] = to
                world.carried[what] = []
                world.handle("give", who, what, fact, to)
                return True
    return False


# ---- moods -----------------------------------------------------------------------------------------------------------


def feel(world: World) -> bool:
    """Mary is hungry."""
    who = world.pick(world.people)
    if who in world.moods:
        return False
    mood = world.pick(list(world.words.motives))
    world.moods[who] = mood, world.tell(f"{who} is {mood}.")
    world.clauses.append(Clause("feel", who))
    return True


def go_for_it(world: World) -> bool:
    """Mary went to the kitchen, where her mood leads."""
    who = world.pick(world.people)
    if who not in world.moods or world.seen[who]:
        return False
    place = world.words.motives[world.moods[who][0]][0]
    fact = world.tell(f"{who} {world.pick(world.words.moves)} to the {place}.")
    world.arrive(who, place, Seen(place, (fact,)))
    return True


def get_it(world: World) -> bool:
    """Mary got the apple there, unless another did."""
    who = world.pick(world.people)
    if not world.seen[who]:
        return False
    what = world.words.motives[world.moods[who][0]][1]
    if what in world.holder:
        return False
    world.holder[what] = who
    world.tell(f"{who} {world.pick(world.words.gets)} the {what} there.")
    world.clauses.append(Clause("get", who, what))
    return True


def all_got(world: World) -> bool:
    """Whether all moods are told and followed."""
    wanted = {world.words.motives[mood][1] for mood, _ in world.moods.values()}
    return all(who in world.moods and world.seen[who] for who in world.people) and wanted <= world.holder.keys()


# ---- maps ------------------------------------------------------------------------------------------------------------


def lay_out(world: World, nodes: list[str], steps: int, straight: bool = False) -> None:
    """Lay a path of so many steps that never crosses itself, and the other nodes on free sides of it.

    As in the real files, two nodes laid beside different ones may be at the same point: nobody asks for both.
    """
    nodes = world.draw(nodes, len(nodes))
    way: list[tuple[int, int]] = []
    while len(way) < steps:
        way = _walk(world, steps, straight)
    world.path = nodes[: steps + 1]
    world.beside = {node: {} for node in nodes}
    for here, there, step in zip(world.path, world.path[1:], way, strict=False):
        _join(world, here, there, step)
    for node in nodes[steps + 1 :]:
        free = _free(world, world.path) or _free(world, [near for near in nodes if world.beside[near]])
        near, step = world.pick(free)
        _join(world, near, node, step)
    world.untold = len(nodes) - 1


def _walk(world: World, steps: int, straight: bool) -> list[tuple[int, int]]:
    """Steps from the origin on, fewer than wanted where the way is blocked."""
    x, y = 0, 0
    been = {(x, y)}
    way: list[tuple[int, int]] = []
    for _ in range(steps):
        step = way[-1] if straight and way else world.pick(list(SIDES))
        x, y = x + step[0], y + step[1]
        if (x, y) in been:
            break
        been.add((x, y))
        way.append(step)
    return way


def _free(world: World, nodes: list[str]) -> list[tuple[str, tuple[int, int]]]:
    return [(node, step) for node in nodes for step in SIDES if step not in world.beside[node].values()]


def _join(world: World, here: str, there: str, step: tuple[int, int]) -> None:
    world.beside[here][there] = step
    world.beside[there][here] = (-step[0], -step[1])


def beside(world: World) -> bool:
    """The kitchen is north of the garden."""
    node = world.pick(list(world.beside))
    near = world.pick(list(world.beside[node]))
    compass = {vector: name for name, vector in COMPASS.items()}
    return _tell_side(world, node, near, f"{compass[world.beside[near][node]]} of")


def on_a_side(world: World) -> bool:
    """The red square is above the triangle."""
    near = world.pick(list(world.beside))
    node = world.pick(list(world.beside[near]))
    return _tell_side(world, node, near, SIDES[world.beside[near][node]])


def _tell_side(world: World, node: str, near: str, side: str) -> bool:
    if (node, near) in world.sides or (near, node) in world.sides:
        return False
    world.sides[node, near] = world.tell(f"The {node} is {side} the {near}.")
    return True


# ---- sizes and species -----------------------------------------------------------------------------------------------


def size(world: World) -> bool:
    """The box is bigger than the chocolate."""
    one, other = world.draw(world.sizes, 2)
    small, large = sorted((one, other), key=world.sizes.index)
    bigger, fits = f"The {large} is bigger than the {small}.", f"The {small} fits inside the {large}."
    world.tell(bigger if world.coin() else fits)
    world.larger.append((large, small))
    return True


def fear(world: World) -> bool:
    """Mice are afraid of cats."""
    kind, feared = world.draw(world.species, 2)
    if kind in world.fears:
        return False
    plural = world.words.species
    world.fears[kind] = feared, world.tell(f"{plural[kind].capitalize()} are afraid of {plural[feared]}.")
    return True


def be_of_feared_kind(world: World) -> bool:
    """Gertrude is a mouse, if it was told what mice fear."""
    name, kind = world.pick(world.names), world.pick(world.species)
    return kind in world.fears and _be_of_kind(world, name, kind)


def be_of_kind(world: World) -> bool:
    """Lily is a swan."""
    return _be_of_kind(world, world.pick(world.names), world.pick(world.animals))


def _be_of_kind(world: World, name: str, kind: str) -> bool:
    if name in world.kinds:
        return False
    article = "an" if kind[0].lower() in "aeiou" else "a"
    world.kinds[name] = kind, world.tell(f"{name} is {article} {kind}.")
    return True


def be_of_colour(world: World) -> bool:
    """Lily is white; a colour told also holds for those of the kind that were named before."""
    name = world.pick(world.names)
    if name not in world.kinds or name in world.colours:
        return False
    colour = world.implied.get(name) or world.pick(world.hues)
    world.colours[name] = colour, world.tell(f"{name} is {colour}.")
    kind = world.kinds[name][0]
    world.implied.update({other: colour for other, (its, _) in world.kinds.items() if its == kind})
    return True
