"""308, 313, 501, 502: parts of conditions that say the same of every request, or not what they seem to say."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rules.analysis.budget import Spent
from rules.analysis.prove import Prover
from rules.analysis.space import Region, TooMany, meet
from rules.analysis.texts import Texts, key_of
from rules.analysis.wording import owner_of, said_of
from rules.extract import plain_model
from rules.moments import Share, Window
from rules.nodes import All, Any, Constant, Not, Predicate, Reference, Test
from rules.patterns.compiled import Glob, Pattern
from rules.patterns.regex import Chars, Concat, Edge, Tree
from schemas.codes import finding
from schemas.diagnostics import Diagnostic, Label
from schemas.wording import quoted


class Part(Struct, frozen=True):
    """A part of a rule's or category's condition; `top`: it is the whole of it."""

    node: Predicate
    owner: str
    rule: str
    top: bool


def constants(prover: Prover, dead: set[int], known: set[int]) -> Iterator[Diagnostic]:
    """The findings; the ids of parts found are added to `known`."""
    shares: list[tuple[Test, Part, Region]] = []
    for number, outcome in enumerate(prover.listing.outcomes):
        entry = outcome.entry
        if entry is None or outcome.kind in ("filter", "refusing") or getattr(entry, "builtin", False):
            continue
        for part in _parts(entry.condition, owner_of(outcome), outcome.name, True):
            found = list(_of_test(prover, part, part.node)) if isinstance(part.node, Test) else []
            if not found and not (number in dead and (part.top or _is_conjunct(entry.condition, part.node))):
                found = list(_constant(prover, part))
            if found:
                known.add(id(part.node))
            yield from found
            if isinstance(part.node, Test) and isinstance(part.node.operand, Share) and not found:
                shares.append((part.node, part, outcome.region))
    yield from _salts(prover, shares)


def _parts(node: Predicate, owner: str, rule: str, top: bool) -> list[Part]:
    """A condition and everything in it, the smallest first."""
    parts: list[Part] = []
    match node:
        case All(children) | Any(children):
            for child in children:
                parts += _parts(child, owner, rule, False)
        case Not(child):
            parts = _parts(child, owner, rule, False)
        case Reference(_, child):
            return _parts(child, owner, rule, top)
    return [*parts, Part(node, owner, rule, top)]


def _is_conjunct(condition: Predicate, node: Predicate) -> bool:
    """Whether a condition is a conjunction with a part, so that the part alone makes it impossible."""
    if condition is node:
        return True
    if isinstance(condition, Reference):
        return _is_conjunct(condition.child, node)
    return isinstance(condition, All) and any(_is_conjunct(child, node) for child in condition.children)


def _constant(prover: Prover, part: Part) -> Iterator[Diagnostic]:
    node = part.node
    if part.top or (isinstance(node, Constant) and part.top):
        return
    sides = prover.boxes.sides_of(node)
    if sides.breaks:
        return
    always, never = prover.is_empty(sides.fails_to_hold), prover.is_empty(sides.holds)
    if not always and not never:
        return
    if isinstance(node, All | Any | Not) and any(
        prover.is_empty(side)
        for child in (node.children if isinstance(node, All | Any) else (node.child,))
        for side in (prover.boxes.sides_of(child).holds, prover.boxes.sides_of(child).fails_to_hold)
    ):
        return
    yield finding(
        "CCR308",
        f"{quoted(said_of(node))} {'always' if always else 'never'} holds",
        node.span,
        help="it says nothing about a request; remove or correct it",
        data={"rule": part.rule},
    )


def _of_test(prover: Prover, part: Part, test: Test) -> Iterator[Diagnostic]:
    match test.operand:
        case Pattern() | Glob():
            yield from _pattern(prover, part, test, test.operand)
        case Window():
            yield from _window(part, test, test.operand)
        case Share():
            yield from _percent(part, test, test.operand)
    if test.fact == "model" and test.operator in ("eq", "in", "suffix", "glob"):
        yield from _suffixed(part, test)


def _pattern(prover: Prover, part: Part, test: Test, pattern: Pattern | Glob) -> Iterator[Diagnostic]:
    sides = prover.boxes.sides_of(test)
    everything, nothing = _is_everything(prover, test), prover.is_empty(sides.holds)
    simpler = _simpler(test)
    if nothing:
        message, hint = f"the pattern {quoted(pattern.source)} matches nothing", "no text has it"
    elif everything:
        message, hint = (
            f"the pattern {quoted(pattern.source)} matches everything",
            "write `exists: true` if the fact must be there",
        )
    elif simpler is not None:
        message, hint = f"the pattern {quoted(pattern.source)} is no more than a plain text", f"write {simpler}"
    else:
        return
    yield finding("CCR313", message, test.span, help=hint, data={"rule": part.rule})


def _is_everything(prover: Prover, test: Test) -> bool:
    """Whether a pattern fits every text there is."""
    axis = prover.atoms.axes.get(test.fact)
    if not isinstance(axis, Texts) or key_of(test) not in axis.masks:
        return False
    mask = axis.masks[key_of(test)]
    return all(piece.text is None or mask >> number & 1 for number, piece in enumerate(axis.pieces))


def _simpler(test: Test) -> str | None:
    """The plain operator that says the same, for patterns without anything special in them."""
    if isinstance(test.operand, Glob):
        plain = not set(test.operand.source) & {"*", "?"}
        return f"`eq: {test.operand.source}`" if plain else None
    assert isinstance(test.operand, Pattern)
    if test.ignore_case or test.operand.source.startswith("(?"):
        return None
    items: tuple[Tree, ...] = test.operand.tree.items if isinstance(test.operand.tree, Concat) else (test.operand.tree,)
    start = bool(items) and items[0] == Edge("start")
    end = bool(items) and items[-1] == Edge("end")
    inner = items[int(start) : len(items) - int(end)]
    singles = [item.ranges[0][0] for item in inner if isinstance(item, Chars) and _is_single(item)]
    text = "".join(map(chr, singles))
    if not inner or len(text) != len(inner):
        return None
    name = {(True, True): "eq", (True, False): "prefix", (False, True): "suffix", (False, False): "contains"}[
        start, end
    ]
    return f"`{name}: {text}`"


def _is_single(item: Chars) -> bool:
    return len(item.ranges) == 1 and item.ranges[0][0] == item.ranges[0][1]


def _window(part: Part, test: Test, window: Window) -> Iterator[Diagnostic]:
    if window.start == window.end or not window.days:
        yield finding(
            "CCR502",
            f"the window of {part.owner} is empty",
            test.span,
            help="it ends where it starts; the end is excluded" if window.days else "it has no day",
            data={"rule": part.rule},
        )


def _suffixed(part: Part, test: Test) -> Iterator[Diagnostic]:
    """A model with the client's window suffix, which is cut off before rules see the name."""
    operand = test.operand.source if isinstance(test.operand, Glob) else test.operand
    for name in sorted(map(str, operand)) if isinstance(operand, frozenset) else [str(operand)]:
        if plain_model(name) != name:
            yield finding(
                "CCR308",
                f"no client's model ends with {quoted(name.removeprefix(plain_model(name)))} here: it is cut off before",
                test.span,
                help=f"write {quoted(plain_model(name))}"
                if plain_model(name).strip("*")
                else "ask for the model itself",
                data={"rule": part.rule},
            )


def _percent(part: Part, test: Test, share: Share) -> Iterator[Diagnostic]:
    if share.percent in (0, 100):
        percent = int(share.percent)
        yield finding(
            "CCR501",
            f"the rollout of {part.owner} is at {percent} %",
            test.span,
            help="it takes nobody; remove the rule or raise it"
            if not percent
            else "it takes everybody who has a key; remove it",
            data={"rule": part.rule},
        )


def _salts(prover: Prover, shares: list[tuple[Test, Part, Region]]) -> Iterator[Diagnostic]:
    """Two experiments on different requests that pick the same sessions; and parts of one split that overlap."""
    seen: dict[tuple[str, str], list[tuple[Test, Part, Region]]] = {}
    for test, part, region in shares:
        assert isinstance(test.operand, Share)
        others = seen.setdefault((test.fact, test.operand.salt), [])
        axis = prover.atoms.axes[test.fact]
        if not isinstance(axis, Texts):
            continue
        free = [prover.atoms.space.but(box, axis.variable) for box in region]
        for other, _, boxes in others:
            if other is test:
                continue
            assert isinstance(other.operand, Share)
            try:
                prover.budget.ask()
                apart = prover.is_empty(meet(tuple(free), boxes, prover.budget))
            except (TooMany, Spent):
                prover.budget.unproven += 1
                continue
            if apart:
                yield finding(
                    "CCR501",
                    f"the rollout of {part.owner} uses the salt {quoted(test.operand.salt)} of another one",
                    test.span,
                    help="both pick the same keys; give each experiment a salt of its own",
                    labels=(Label(other.span, "the other one"),),
                    data={"rule": part.rule},
                )
                break
        others.append((test, part, tuple(free)))
