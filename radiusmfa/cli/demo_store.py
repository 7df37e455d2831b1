"""The demo's user and token, stored as `user add` and `token enroll` store them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.cli import admin
from radiusmfa.login.username import user_name
from radiusmfa.primary import hashing
from radiusmfa.stores import people, tokens
from radiusmfa.stores.tokens import NewToken

if TYPE_CHECKING:
    from radiusmfa.secret import Secret
    from radiusmfa.stores.database import Database


def fill(database: Database, user: str, password: Secret, seed: Secret) -> None:
    """Put *user* with *password* and an active TOTP token of *seed* into a new store."""
    name = user_name(user)
    actor = admin.actor()
    stored = hashing.hash_password(password.reveal(), hashing.Parameters())
    people.add(database, actor, name, password=stored)
    new = NewToken(serial=tokens.new_serial("totp"), kind="totp", seed=seed, user=name)
    tokens.enroll(database, actor, new, status="active")
