"""Names in the answers of AWS services."""

from __future__ import annotations


def bare_name(name: str) -> str:
    """`com.amazon.service#ValidationException:http://...` without its name space and its link."""
    return name.partition(":")[0].rpartition("#")[2].strip()
