"""Thinking that an upstream has refused: a session sends it with every turn, so it is refused once and left out from then on.

Only what was refused is left out: thinking that the same upstream gives later stays. Fingerprints are kept, not texts.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from providers.dialects.anthropic.thoughts import is_thought
from schemas.request import Block, MessagesRequest

MOST = 8_192
"""How many are remembered; the longest unseen goes, and is at worst refused once more."""


class RefusedThoughts:
    """Of one provider, while its configuration stays. A thought is known by its signature or its data, and by the model asked."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def has(self, block: Block, model: str) -> bool:
        """Whether the upstream refused this thought for this model before."""
        if not self._known or not is_thought(block):
            return False
        key = _key_of(block, model)
        if key is None or key not in self._known:
            return False
        self._known.move_to_end(key)
        return True

    def add_all(self, request: MessagesRequest, model: str) -> None:
        """Remembers the thoughts of a request that was refused for one of them: which one is not said."""
        for message in request.messages:
            for block in message.content if isinstance(message.content, list) else ():
                if is_thought(block) and (key := _key_of(block, model)) is not None:
                    self._known[key] = None
                    self._known.move_to_end(key)
        while len(self._known) > MOST:
            self._known.popitem(last=False)

    def ends(self, request: MessagesRequest, model: str) -> bool:
        """Whether the assistant's last turn thought, and all that it thought was refused."""
        if not self._known:
            return False
        for message in reversed(request.messages):
            if message.role == "assistant":
                blocks = message.content if isinstance(message.content, list) else []
                thoughts = [block for block in blocks if is_thought(block)]
                return bool(thoughts) and all(self.has(block, model) for block in thoughts)
        return False


def _key_of(block: Block, model: str) -> bytes | None:
    sealed = block.data if block.type == "redacted_thinking" else block.signature
    if not isinstance(sealed, str) or not sealed:
        return None
    return hashlib.blake2b(f"{model}\n{sealed}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
