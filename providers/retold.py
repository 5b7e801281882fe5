"""Errors in words that the client does not take for something else: it shows its own in place of some of them."""

from __future__ import annotations

from msgspec.structs import replace

from providers.endpoint import endpoint_shown
from providers.errors import ProviderError

_TAKEN = "x-api-key"
"""A client that finds this in a message says that its user is not logged in, whosever key it was."""


def retold(error: ProviderError, url: str) -> ProviderError:
    """The same error; one about the path names the address, which is no model's fault, one about our key is not the
    client's, and one about a loop names the provider.

    A client takes every 404 for a model that does not exist, and says so in place of the message.
    """
    match error.kind.name:
        case "path":
            said = f"{error.message}; it has nothing at {endpoint_shown(url)}, check `endpoint`"
            return replace(error, message=said, verbatim=None)
        case "credential" if _TAKEN in error.message:
            return replace(error, message=error.message.replace(_TAKEN, "API key"), verbatim=None)
        case "loop":
            # what came around names this router, not the provider that leads to it
            return replace(error, verbatim=None)
        case _:
            return error
