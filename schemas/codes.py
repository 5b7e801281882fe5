"""The table of all finding codes: what each means, how much it weighs, and whether it stops a start.

`finding` makes a diagnostic with the severity of the table; nothing else should write a severity down.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from schemas.diagnostics import Diagnostic, Fix, Label, Severity, Span

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


class Code(Struct, frozen=True):
    """One row: a title, the usual severity, and whether an error of this code refuses start and reload.

    `asked`: the finding is made only where `--select` or another option asks for it.
    """

    title: str
    severity: Severity
    blocking: bool = False
    asked: bool = False


def _blocks(title: str, severity: Severity = ERROR) -> Code:
    return Code(title, severity, blocking=True)


CODES: Mapping[str, Code] = {
    # 0xx: the text
    "CCR001": _blocks("the file cannot be read"),
    "CCR002": _blocks("the text is not valid UTF-8"),
    "CCR003": _blocks("the file is too large"),
    "CCR004": _blocks("a syntax error"),
    "CCR005": _blocks("a key is written twice"),
    "CCR006": _blocks(
        "nested too deep, or too many values or predicates after what is named is expanded, or too many mistakes"
    ),
    "CCR007": _blocks("a tab where YAML wants spaces"),
    "CCR008": _blocks("a control character"),
    "CCR009": _blocks("an unquoted comparison that YAML reads as a folded text"),
    "CCR010": _blocks("an unquoted `*` or `&` that YAML reads as an alias or an anchor"),
    "CCR011": _blocks("a tag"),
    "CCR012": _blocks("the file is empty"),
    "CCR013": _blocks("more than one document in a file"),
    "CCR014": _blocks("a key that is not a string"),
    "CCR015": _blocks("a number written in a form that is read differently elsewhere"),
    "CCR016": _blocks("a YAML merge key"),
    "CCR017": _blocks("`${...}` names something that is not there"),
    "CCR018": _blocks("`${...}` is malformed"),
    "CCR019": _blocks("an included file cannot be used"),
    "CCR020": _blocks("an unquoted text that starts with a character YAML reserves"),
    "CCR021": _blocks("an encrypted value that cannot be read"),
    # 1xx: the shape
    "CCR101": _blocks("an unknown key"),
    "CCR102": _blocks("a missing key"),
    "CCR103": _blocks("a value of the wrong kind"),
    "CCR104": _blocks("a value that is not one of those allowed"),
    "CCR105": _blocks("a number or length out of range"),
    "CCR106": _blocks("a text not of the wanted form"),
    "CCR107": _blocks("keys that exclude each other"),
    "CCR108": _blocks("a name defined twice"),
    # 2xx: literals and types of conditions
    "CCR201": _blocks("an unknown fact"),
    "CCR202": _blocks("a matcher that does not fit the fact"),
    "CCR203": _blocks("a literal that cannot be read"),
    "CCR204": _blocks("a value the fact never has"),
    "CCR205": _blocks("named conditions that refer to each other in a circle"),
    # 3xx: what rules do together
    "CCR301": Code("a rule's condition contradicts itself", ERROR),
    "CCR302": Code("a rule that can never be reached", ERROR),
    "CCR303": Code("a rule that changes nothing", WARNING),
    "CCR304": Code("a predicate that changes nothing in its rule", INFO),
    "CCR305": Code("rules that overlap and lead elsewhere", INFO, asked=True),
    "CCR307": Code("a condition written twice", ERROR),
    "CCR308": Code("a part of a condition that is the same for every request", WARNING),
    "CCR309": Code("a rule that always holds is not the last one", ERROR),
    "CCR312": Code("a number between two bounds that neither takes", WARNING),
    "CCR313": Code("a pattern that matches nothing, everything, or a plain text", WARNING),
    "CCR314": Code("a filter that no request gets to", ERROR),
    # 4xx: references
    "CCR401": _blocks("an unknown provider, model, category or named condition"),
    "CCR402": Code("the target's provider does not offer the model", ERROR),
    "CCR403": Code("a target that cannot serve what its rule admits", WARNING),
    "CCR404": Code("a provider or named condition that nothing uses", WARNING),
    "CCR405": _blocks("a fallback that repeats a target"),
    "CCR406": Code("`categoryMappings` that contradict the rules or each other", WARNING),
    "CCR407": Code("a category that nothing serves", WARNING),
    "CCR408": Code("a model whose id at the service is not known", ERROR),
    "CCR409": Code("a budget of money that does not see what something costs", WARNING),
    "CCR411": Code("a limit that holds for nothing", ERROR),
    "CCR412": Code("a condition on a router key that there is none of", WARNING),
    # 5xx: shares and times
    "CCR501": Code("a rollout or split that does not do what it says", WARNING),
    "CCR502": Code("a time window that is empty", WARNING),
    # 6xx: expressions and patterns
    "CCR601": _blocks("an expression that cannot be read"),
    "CCR602": _blocks("a forbidden feature in an expression"),
    "CCR603": _blocks("an unknown name in an expression"),
    "CCR604": _blocks("types that do not fit in an expression"),
    "CCR605": _blocks("an expression that costs too much"),
    "CCR606": _blocks("a regular expression that cannot be read"),
    "CCR607": _blocks("a regular expression outside the linear-time subset"),
    # 7xx: tests and invariants
    "CCR701": Code("a test that fails", ERROR),
    "CCR702": Code("an invariant that is refuted", ERROR),
    "CCR703": Code("a rule that no test reaches", WARNING, asked=True),
    "CCR704": Code("a change of the rules that no test notices", WARNING, asked=True),
    # 8xx: safety of the deployment
    "CCR801": Code("a secret written in the file", WARNING),
    "CCR802": Code("a placeholder left in", WARNING),
    "CCR803": Code("a file with secrets that others can read", WARNING),
    "CCR804": _blocks("plain http to a public host"),
    "CCR805": Code("an endpoint known to be wrong for its vendor", WARNING),
    "CCR806": _blocks("a public address without a key"),
    "CCR808": _blocks("a certificate or key that cannot be used"),
    "CCR811": Code("limits that each process counts for itself", WARNING),
    # 9xx: comments to this program
    "CCR901": Code("a suppression that suppresses nothing", WARNING),
    "CCR902": Code("a suppression that cannot work", WARNING),
}


# codes whose findings do not all have the severity of the table
WEIGHED_TWICE: Mapping[str, str] = {
    "CCR302": "error where the targets differ, else warning",
    "CCR401": "error, or info for a model that an invariant keeps requests from",
    "CCR404": "warning, or info while a client may ask for it",
    "CCR405": "error, or warning for fallbacks at one provider",
    "CCR408": "error where the id would be a guess, else info",
}


def finding(
    code: str,
    message: str,
    span: Span,
    *,
    help: str | None = None,  # noqa: A002 - the field's name
    labels: tuple[Label, ...] = (),
    fix: Fix | None = None,
    severity: Severity | None = None,
    data: Mapping[str, object] | None = None,
) -> Diagnostic:
    """A diagnostic with the table's severity (`severity` overrides it where one code has two weights)."""
    return Diagnostic(
        code=code,
        severity=severity or CODES[code].severity,
        message=message,
        span=span,
        help=help,
        labels=labels,
        fix=fix,
        data=data or {},
    )


def is_blocking(diagnostic: Diagnostic) -> bool:
    """Whether start and reload refuse because of it."""
    row = CODES.get(diagnostic.code)
    return diagnostic.severity is Severity.ERROR and (row is None or row.blocking)
