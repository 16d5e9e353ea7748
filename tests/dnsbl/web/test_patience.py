"""How long a connection may keep the web waiting; the time is handed in."""

from __future__ import annotations

from dnsbl.web.patience import Patience, Stage

LIMITS = {Stage.HEAD: 10.0, Stage.BODY: 60.0, Stage.READING: 30.0}


def test_a_head_has_its_time_from_the_start_of_the_connection() -> None:
    patience = Patience(LIMITS, 100.0)
    assert patience.over(109.9) is None
    assert patience.over(110.0) is Stage.HEAD


def test_what_trickles_in_starts_no_limit_anew() -> None:
    patience = Patience(LIMITS, 0.0)
    assert patience.see(Stage.BODY, 0, 5.0)
    for second in range(5, 65):
        assert not patience.see(Stage.BODY, 0, float(second))
    assert patience.over(64.9) is None
    assert patience.over(65.0) is Stage.BODY


def test_each_request_has_a_time_of_its_own() -> None:
    patience = Patience(LIMITS, 0.0)
    for request in range(1, 20):
        assert patience.see(Stage.HEAD, request, request * 9.0)
        assert patience.over(request * 9.0 + 8.9) is None
    assert patience.over(19 * 9.0 + 10.0) is Stage.HEAD


def test_a_stage_without_a_limit_lasts() -> None:
    patience = Patience(LIMITS, 0.0)
    patience.see(Stage.ANSWER, 0, 1.0)
    assert patience.over(1e9) is None
    assert [stage for stage in Stage if stage.ours] == [Stage.ANSWER]
