import pytest
from pydantic import ValidationError

from dnsbl.settings.retention import RetentionTerms


def test_what_strangers_sent_is_kept_for_a_season_at_most_unless_an_operator_says_otherwise() -> None:
    terms = RetentionTerms()
    assert 0 < terms.tests_days <= terms.evidence_days <= 90
    assert RetentionTerms(tests_days=0).tests_days == 0
    with pytest.raises(ValidationError):
        RetentionTerms(changes_days=-1)
