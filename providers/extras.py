"""Which of the packages are installed that only some providers need."""

from __future__ import annotations

from importlib.util import find_spec

MISSING_BOTOCORE = (
    "requests to `bedrock` are signed by botocore, which is not installed: `pip install ccr-router[bedrock]`"
)


def can_sign() -> bool:
    """Whether botocore is installed, which signs requests to AWS services."""
    return find_spec("botocore") is not None
