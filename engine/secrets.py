"""Sealed values: XChaCha20-Poly1305 (libsodium) with associated data, so that a sealed value can
be read neither without the key nor in another value's place."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nacl import utils
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError

from engine.errors import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

KEY_ID_BYTES = 8
"""At the beginning of whatever is sealed."""
_DIGEST = b"luthien digest"
"""Keeps this use of the master key apart from every other one."""


@dataclass(frozen=True)
class _Key:
    id: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"_Key({self.id.hex()})"


class SealKeys:
    """The master key and, during a rotation, the ones before it (they only open). One object in a
    process: a rotation changes it for everything that holds it."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = _known(keys)

    @property
    def current_id(self) -> str:
        """Public: the beginning of a hash of 256 random bits."""
        return self._keys[0].id.hex()

    @property
    def ids(self) -> tuple[str, ...]:
        """The present one's first."""
        return tuple(key.id.hex() for key in self._keys)

    def led_by(self, new: str) -> str:
        """As a setting, secret: the new key, as `generate_key` made it, in front of these."""
        return ",".join([new, *map(_written, self._keys)])

    def without(self, ids: Collection[str]) -> str:
        """As a setting, secret: these without some of the earlier ones."""
        kept = [key for key in self._keys[1:] if key.id.hex() not in ids]
        return ",".join(map(_written, [self._keys[0], *kept]))

    def become(self, text: str) -> None:
        """Those of a setting from now on, which is kept durably already."""
        self._keys = _known(_parsed(text))

    def seal(self, value: str, *, about: str) -> bytes:
        """key id, nonce, ciphertext. `about` must be given again to open it."""
        key = self._keys[0]
        nonce = utils.random(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
        sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(
            value.encode(), about.encode() + key.id, nonce, key.secret
        )
        return key.id + nonce + sealed

    def digests(self, value: str, *, about: str) -> tuple[str, ...]:
        """A keyed hash in hexadecimal for each master key, the present one's first: what is kept
        of a random value that only has to be recognised again, and only under `about`."""
        return tuple(
            hashlib.blake2b(
                f"{about}\0{value}".encode(), key=key.secret, digest_size=32, person=_DIGEST
            ).hexdigest()
            for key in self._keys
        )

    def open(self, sealed: bytes, *, about: str) -> str:
        """Raises NotConfigured when no key fits: a lost key, or a value in another's place."""
        key_id, rest = sealed[:KEY_ID_BYTES], sealed[KEY_ID_BYTES:]
        nonce = rest[:crypto_aead_xchacha20poly1305_ietf_NPUBBYTES]
        text = rest[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES:]
        for key in self._keys:
            if key.id == key_id:
                try:
                    return crypto_aead_xchacha20poly1305_ietf_decrypt(
                        text, about.encode() + key_id, nonce, key.secret
                    ).decode()
                except CryptoError:
                    break
        raise NotConfigured(
            f"The sealed value of {about} cannot be opened.",
            why=f"No master key fits (it was sealed with key {key_id.hex()}).",
            who="Whoever keeps LUTHIEN_MASTER_KEY can add the old key behind the new one.",
            next_step="Set LUTHIEN_MASTER_KEY=<new key>,<old key> and restart.",
        )

    def seal_all(self, values: Mapping[str, str], *, about: str) -> bytes | None:
        """Several as one, by name; None for none."""
        return self.seal(json.dumps(dict(values)), about=about) if values else None

    def open_all(self, sealed: bytes | None, *, about: str) -> dict[str, str]:
        """What `seal_all` sealed. Raises NotConfigured."""
        if sealed is None:
            return {}
        values: dict[str, str] = json.loads(self.open(sealed, about=about))
        return values


def _known(keys: Sequence[bytes]) -> list[_Key]:
    return [_Key(hashlib.sha256(key).digest()[:KEY_ID_BYTES], key) for key in dict.fromkeys(keys)]


def _written(key: _Key) -> str:
    return base64.urlsafe_b64encode(key.secret).decode()


def generate_key() -> str:
    """A new master key as it is written in a setting."""
    return base64.urlsafe_b64encode(
        utils.random(crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
    ).decode()


def parse_keys(text: str) -> SealKeys:
    """One key, or several with commas between (the first seals). Raises NotConfigured."""
    return SealKeys(_parsed(text))


def _parsed(text: str) -> list[bytes]:
    try:
        keys = [base64.urlsafe_b64decode(part.strip()) for part in text.split(",") if part.strip()]
    except (binascii.Error, ValueError):
        keys = []
    if not keys or any(len(key) != crypto_aead_xchacha20poly1305_ietf_KEYBYTES for key in keys):
        raise NotConfigured(
            "LUTHIEN_MASTER_KEY is malformed.",
            why="It must be 32 random bytes in URL-safe base64 (44 characters).",
            next_step=(
                "Make one with: python -c "
                "'import base64,os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"
            ),
        )
    return keys
