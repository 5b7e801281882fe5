"""`expr`: a Python-syntax condition, checked against an allow-list and the facts' types, lowered to predicates.

What one fact decides becomes the same `Test` a declarative condition would be; arithmetic over several facts becomes
`Compare`, the rest `Opaque`. A comparison with a missing fact is false; `not`, `!=` and `not in` are plain negations.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Callable, Mapping

from msgspec import Struct

from rules.expressions.lowering import Lowering
from rules.expressions.values import Values
from rules.nodes import Predicate
from schemas.codes import finding
from schemas.diagnostics import Diagnostic
from schemas.places import Within

MAX_LENGTH = 2000
MAX_NODES = 400
_MAX_DEPTH = 60


class Parsed(Struct, frozen=True):
    """The syntax tree of an expression and the map from its byte columns to offsets in the text."""

    tree: ast.expr
    offset: Callable[[int], int]


def compile_expression(source: str, within: Within) -> tuple[Predicate | None, list[Diagnostic]]:
    """The predicate of an expression, or None and everything that is wrong with it; `within` places parts of it."""
    parsed = _parse(source, within)
    if isinstance(parsed, Diagnostic):
        return None, [parsed]
    values = Values(source, parsed.offset, within)
    predicate = Lowering(values).condition(parsed.tree)
    return (None if values.diagnostics else predicate), values.diagnostics


def _parse(source: str, within: Within) -> Parsed | Diagnostic:
    everything = within(0, len(source))
    if len(source) > MAX_LENGTH:
        return finding("CCR605", f"the expression is longer than {MAX_LENGTH} characters", everything)
    if not source.strip():
        return finding("CCR601", "the expression is empty", everything)
    nul = source.find("\0")
    if nul >= 0:
        return finding("CCR601", "an expression holds no NUL", within(nul, nul + 1))
    indent = len(source) - len(source.lstrip())
    text = re.sub(r"[\r\n\t\f]", " ", source[indent:])
    comment = _comment_at(text)
    if comment is not None:
        return finding("CCR602", "an expression has no comments", within(indent + comment, len(source)))
    data = text.encode("utf-8", "surrogatepass")

    def offset(column: int) -> int:
        # of ASCII alone, bytes are letters
        return indent + (column if len(data) == len(text) else len(data[:column].decode("utf-8", "ignore")))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, mode="eval").body
    except SyntaxError as fault:
        start = indent + min(max((fault.offset or 1) - 1, 0), len(text) - 1)
        end = max(indent + (fault.end_offset or 0) - 1, start + 1)
        return finding(
            "CCR601",
            "the expression cannot be read",
            within(start, min(end, len(source))),
            help=_hint_of(source, fault.msg),
        )
    except (ValueError, RecursionError, MemoryError):
        return finding("CCR601", "the expression cannot be read", everything)
    if _is_too_large(tree):
        return finding("CCR605", "the expression is too large", everything, help="split it with `all` and `any`")
    return Parsed(tree, offset)


def _comment_at(text: str) -> int | None:
    if "#" not in text:
        return None
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                return token.start[1]
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass
    return None


_HINTS: Mapping[str, str] = {
    r"&&": "write `and`",
    r"\|\|": "write `or`",
    r"!(?!=)": "write `not`",
    r"(?<![=<>!])=(?!=)": "compare with `==`",
    r"\b\d+[kKM]\b": "write the number out: 10k is 10000",
    r";": "one expression, no statements",
}


def _hint_of(source: str, message: str) -> str:
    outside = re.sub(r"'[^']*'|\"[^\"]*\"", '""', source)
    return next((hint for trap, hint in _HINTS.items() if re.search(trap, outside)), message.lower())


def _is_too_large(tree: ast.AST) -> bool:
    count = depth = 0
    level = [tree]
    while level and count <= MAX_NODES and depth <= _MAX_DEPTH:
        count, depth = count + len(level), depth + 1
        below: list[ast.AST] = []
        # as `ast.iter_child_nodes`, which takes three times as long
        for node in level:
            for part in vars(node).values():
                if isinstance(part, ast.AST):
                    below.append(part)
                elif isinstance(part, list):
                    below += [one for one in part if isinstance(one, ast.AST)]
        level = below
    return count > MAX_NODES or depth > _MAX_DEPTH
