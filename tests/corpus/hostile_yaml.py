"""YAML as dense as a file can be, a kind for each of its forms; each a function of a size to a text no longer than that."""

from __future__ import annotations

from collections.abc import Callable

STARTED = "providers: {here: {type: static}}\nrouting:\n  defaultProvider: here\ndebug:\n"


def _filled(line: str, *, head: str = STARTED, foot: str = "") -> Callable[[int], str]:
    """The line as often as there is room; `#` is its number, `##` a `#`."""

    def text(size: int) -> str:
        parts, room, number = [head], size - len(head) - len(foot), 0
        while True:
            number += 1
            one = line.replace("##", "\0").replace("#", str(number)).replace("\0", "#")
            room -= len(one.encode())
            if room < 0:
                return "".join((*parts, foot))
            parts.append(one)

    return text


YAML_KINDS: dict[str, Callable[[int], str]] = {
    "lists in lists on a line.yaml": _filled("  - - - a\n"),
    "fifty lists on a line.yaml": _filled("  " + "- " * 50 + "a\n"),
    "lists of nothing.yaml": _filled("  -\n"),
    "lists of nothing in lists.yaml": _filled("  - -\n    -\n"),
    "brackets in brackets.yaml": _filled("[[a],[b]],", head=STARTED + "  [", foot="]\n"),
    "empty brackets.yaml": _filled("[],", head=STARTED + "  [", foot="]\n"),
    "empty braces and a tag.yaml": _filled("{},", head=STARTED + "  [", foot="!t x]\n"),
    "deep brackets over and over.yaml": _filled("[" * 45 + "]" * 45 + ",", head=STARTED + "  [", foot="&a x]\n"),
    "brackets that are keys.yaml": _filled("  [a]: b\n"),
    "brackets that are keys in brackets.yaml": _filled("[a]: b,", head=STARTED + "  [", foot="]\n"),
    "keys behind question marks.yaml": _filled("  ? #\n"),
    "keys and values behind signs.yaml": _filled("  ? #\n  : b\n"),
    "question marks in braces.yaml": _filled("? #,", head=STARTED + "  {", foot="}\n"),
    "empty keys.yaml": _filled("  - : a\n"),
    "empty values.yaml": _filled("  a#:\n"),
    "empty values in braces.yaml": _filled("a#,", head=STARTED + "  {", foot="}\n"),
    "single pairs in brackets.yaml": _filled("a: b,", head=STARTED + "  [", foot="]\n"),
    "words in brackets.yaml": _filled("a,", head=STARTED + "  [", foot="]\n"),
    "numbers in brackets and an anchor.yaml": _filled("1,", head=STARTED + "  [", foot="&a x]\n"),
    "words on lines of their own.yaml": _filled("a,\n", head=STARTED + "  [", foot="]\n"),
    "quotes.yaml": _filled('"",', head=STARTED + "  [", foot="'']\n"),
    "quotes with escapes.yaml": _filled('  - "\\x41"\n'),
    "one text of escapes.yaml": _filled("\\n", head=STARTED + '  "', foot='"\n'),
    "one text of lines in quotes.yaml": _filled("a\n", head=STARTED + '  "', foot='"\n'),
    "one text of empty lines.yaml": _filled("\n", head=STARTED + "  '", foot="'\n"),
    "quotes in quotes.yaml": _filled("''", head=STARTED + "  '", foot="'\n"),
    "texts of two lines.yaml": _filled("  - a\n   b\n"),
    "texts of two lines in brackets.yaml": _filled("a\nb,", head=STARTED + "  [", foot="]\n"),
    "one text of many lines.yaml": _filled("  a\n"),
    "text blocks.yaml": _filled("  - |\n   a\n"),
    "folded text blocks with signs.yaml": _filled("  - >1-\n   a\n"),
    "empty text blocks.yaml": _filled("  - |\n"),
    "one text block.yaml": _filled("   a\n", head=STARTED + "  |\n"),
    "one folded text block.yaml": _filled("  a\n\n", head=STARTED + "  >\n"),
    "text blocks in steps.yaml": lambda size: (
        STARTED + "".join(f"  - |\n{' ' * width}a\n" for width in range(4, int((2 * size) ** 0.5) - 20))
    ),
    "anchors in lists.yaml": _filled("  - &a b\n"),
    "anchors in braces.yaml": _filled("  - {a: &b c}\n"),
    "anchors in anchors.yaml": _filled("&a [&b [&c []]],", head=STARTED + "  [", foot="]\n"),
    "anchors of nothing.yaml": _filled("&a ,", head=STARTED + "  [", foot="]\n"),
    "aliases of a text.yaml": _filled("*a,", head=STARTED + "  [&a b,", foot="]\n"),
    "aliases that are keys.yaml": _filled("  - *a : b\n", head=STARTED + "  - &a b\n"),
    "aliases of nothing.yaml": _filled("  - *a\n"),
    "tags.yaml": _filled("  - !t a\n"),
    "a tag that is odd.yaml": _filled("  - a\n", foot="  - !!<x> a\n"),
    "merges.yaml": _filled("  - <<: a\n"),
    "comments between all.yaml": _filled("  - a\n  ##\n"),
    "comments in brackets.yaml": _filled("a ##\n,", head=STARTED + "  [", foot="]\n"),
    "nothing but comments.yaml": _filled("##\n", head="", foot=STARTED + "  a\n"),
    "empty lines.yaml": _filled("\n", foot="  &a x\n"),
    "carriage returns.yaml": _filled("  - -\r    - a\r"),
    "other line ends.yaml": _filled("  - a\u2028\n"),
    "tabs in brackets.yaml": _filled("a\t,\t", head=STARTED + "  [", foot="]\n"),
    "documents.yaml": _filled("--- a\n", head=STARTED + "  a\n"),
    "directives.yaml": _filled("%A\n", head="", foot="---\n" + STARTED + "  a\n"),
    "a document that ends and goes on.yaml": _filled("  - - a\n", foot="...\na\n"),
    "nearly json.yaml": _filled("1,", head="[", foot="a]"),
    "words that are none.yaml": _filled("  - 012\n"),
    "a bracket that never ends.yaml": _filled("[a],", head=STARTED + "  ["),
    "a quote that never ends.yaml": _filled("a\\n\n", head=STARTED + '  - - "'),
    "a quote that never ends behind lists.yaml": _filled("  - - a\n", foot='  - "a\n'),
    "a wrong indentation at the end.yaml": _filled("  - - a\n", foot=" - a\n"),
    "a wrong escape at the end.yaml": _filled("  - - a\n", foot='  - "\\q"\n'),
    "a wrong bracket behind brackets.yaml": _filled("[a],", head=STARTED + "  - [", foot="]]\n"),
    "a text of many lines and a colon.yaml": _filled("  a\n", foot="  : b\n"),
    "a text of many lines in brackets and a colon.yaml": _filled("a\n", head=STARTED + "  [", foot=": b]\n"),
    "a text of many lines in quotes and a colon.yaml": _filled("a\n", head=STARTED + "  '", foot="': b\n"),
    "a text block and a bracket.yaml": _filled("   a\n", head=STARTED + "  |\n", foot="  }\n"),
    "a key without a colon.yaml": _filled("  a#:\n", foot="  b\n"),
    "a tab behind lists.yaml": _filled("  - - a\n", foot="\t- a\n"),
    "unquoted comparisons in lists.yaml": _filled("  - > 1\n"),
    "unquoted comparisons behind lists.yaml": _filled("  - - a\n", foot="  - > 1 x\n"),
    "a comparison that only looks like one.yaml": _filled("    > 1\n", head=STARTED + "  a: |\n", foot="  b: > 1 x\n"),
}  # fmt: skip
"""Name -> the text of a file of at most so many bytes."""
