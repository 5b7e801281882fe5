"""The keys of encrypted secrets, and encryption with them. An edge: it reads a key file or the system's keyring.

A key file holds one key a line, the newest first: that one encrypts, all of them decrypt. The format of a value is a
Fernet token (AES-128-CBC and HMAC-SHA256; source: the Fernet specification, version 0x80).
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.substitute import Undecipherable

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

KEY_FILE = "~/.claude-code-router/secret.key"
VARIABLE = "CCR_SECRET_KEY_FILE"
IN_KEYRING = "keyring"
"""What `CCR_SECRET_KEY_FILE` says where the key is in the system's keyring, under these two names."""
_RING, _ENTRY = "claude-code-router", "secret.key"

_MAKE = (
    "bring the key with which values were encrypted there, or name its file in `CCR_SECRET_KEY_FILE`;"
    " `ccr secrets init` makes a new key, for new values"
)


class NoKey(Undecipherable):
    """There is no key yet."""


def decrypting(environ: Mapping[str, str]) -> Callable[[str], str]:
    """Reads encrypted values; keys are looked up at the first one, once. Raises `Undecipherable`."""

    @cache
    def keys() -> tuple[str, ...]:
        return keys_of(environ)

    def decrypt(token: str) -> str:
        return decrypted(token, keys())

    return decrypt


def keys_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """All keys, the newest first. Raises `Undecipherable` where there is none, or one that others may read."""
    place = environ.get(VARIABLE) or KEY_FILE
    text = _from_keyring() if place == IN_KEYRING else _from_file(Path(os.path.expanduser(place)))
    keys = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not keys:
        where = "the system's keyring" if place == IN_KEYRING else place
        raise NoKey(f"there is no key for encrypted values in {where}", _MAKE)
    return keys


def encrypted(value: str, keys: Sequence[str]) -> str:
    """The token of a value, by the newest key."""
    token = _fernet(keys[:1]).encrypt(value.encode())
    return token.decode("ascii")


def decrypted(token: str, keys: Sequence[str]) -> str:
    """The value of a token. Raises `Undecipherable`."""
    fernet = _fernet(keys)
    from cryptography.fernet import InvalidToken

    try:
        value = fernet.decrypt(token.strip().encode())
        return value.decode("utf-8")
    except (InvalidToken, ValueError):
        message = "the encrypted value is damaged, or was encrypted with another key"
        raise Undecipherable(message, "`ccr secrets encrypt` makes a new one with the present key") from None


def new_key() -> str:
    """A key that nobody has."""
    from cryptography.fernet import Fernet

    return str(Fernet.generate_key(), "ascii")


def store(keys: Sequence[str], environ: Mapping[str, str]) -> str:
    """Writes the keys, the newest first, whole or not at all; gives where to, in words. Raises OSError."""
    text = "".join(f"{key}\n" for key in keys)
    place = environ.get(VARIABLE) or KEY_FILE
    if place == IN_KEYRING:
        _keyring().set_password(_RING, _ENTRY, text)
        return "the system's keyring"
    path = Path(os.path.expanduser(place))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".secret.key.")
    with os.fdopen(handle, "w") as out:  # made with mode 0600
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    Path(name).replace(path)
    return str(path)


def _from_file(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            found = os.fstat(file.fileno())
            if os.name == "posix" and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise Undecipherable(f"the key file {path} is open to others", f"`chmod 600 {path}`")
            return file.read(65_536)
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as problem:
        raise Undecipherable(f"the key file {path} cannot be read") from problem


def _from_keyring() -> str:
    ring = _keyring()
    try:
        return ring.get_password(_RING, _ENTRY) or ""
    except ring.errors.KeyringError as problem:
        raise Undecipherable(
            "the system's keyring cannot be read", f"unlock it, or name a key file in {VARIABLE}"
        ) from problem


def _keyring() -> Any:
    try:
        import keyring
    except ImportError:
        message = "the system's keyring needs the package `keyring`"
        raise Undecipherable(message, "install `ccr-router[keyring]`") from None
    return keyring


def _fernet(keys: Sequence[str]) -> MultiFernet:
    try:
        from cryptography.fernet import Fernet, MultiFernet
    except ImportError:
        message = "encrypted values need the package `cryptography`"
        raise Undecipherable(message, "install `ccr-router[secrets]`") from None
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise Undecipherable("the key file holds something that is no key", _MAKE) from None
