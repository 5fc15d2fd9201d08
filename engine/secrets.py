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
    from collections.abc import Mapping, Sequence

_KEY_ID_BYTES = 8
_DIGEST = b"luthien digest"
"""Keeps this use of the master key apart from every other one."""


@dataclass(frozen=True)
class _Key:
    id: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"_Key({self.id.hex()})"


class SealKeys:
    """The master key and, during a rotation, the ones before it (they only open)."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [_Key(hashlib.sha256(key).digest()[:_KEY_ID_BYTES], key) for key in keys]

    @property
    def current_id(self) -> str:
        return self._keys[0].id.hex()

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
        key_id, rest = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES:]
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


def generate_key() -> str:
    """A new master key as it is written in a setting."""
    return base64.urlsafe_b64encode(
        utils.random(crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
    ).decode()


def parse_keys(text: str) -> SealKeys:
    """One key, or several with commas between (the first seals). Raises NotConfigured."""
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
    return SealKeys(keys)
