"""Accounts on the operators' side, as the store keeps them."""

from __future__ import annotations

from dataclasses import replace

from dnsbl.model import OperatorAccount
from dnsbl.store import Store
from dnsbl.vocabulary import Role
from tests.dnsbl.store.samples import NOW

ADA = OperatorAccount(name="ada", role=Role.OWNER, password="$argon2id$", made=NOW)


def test_an_account_comes_back_as_it_was_filed_changed_and_forgotten(store: Store) -> None:
    with store.write() as tx:
        assert not tx.operators.any() and tx.operators.owners() == 0
        tx.operators.add(ADA)
        tx.operators.add(replace(ADA, name="abe", role=Role.VIEWER, totp="KEY", step=7, recovery="a b"))
        assert tx.operators.read("ada") == ADA and tx.operators.read("bob") is None
        assert [one.name for one in tx.operators.all()] == ["abe", "ada"]
        tx.operators.change("ada", disabled=True)
        assert tx.operators.read("ada") == replace(ADA, disabled=True)
        assert tx.operators.any() and tx.operators.owners() == 0
        tx.operators.change("abe", role=Role.OWNER)
        assert tx.operators.owners() == 1
        tx.operators.remove("abe")
        assert not tx.operators.any()
