"""An upstream that has nothing at the path that it was asked at: the error says which that was."""

from __future__ import annotations

from msgspec.structs import replace

from providers.endpoint import endpoint_shown
from providers.errors import ProviderError


def told_where(error: ProviderError, url: str) -> ProviderError:
    """The same error; where it is about the path it names the address, and the client reads our words in place of its own.

    A client takes every 404 for a model that does not exist, and says so in place of the message.
    """
    if error.kind.name != "path":
        return error
    said = f"{error.message}; it has nothing at {endpoint_shown(url)}, check `endpoint`"
    return replace(error, message=said, verbatim=None)
