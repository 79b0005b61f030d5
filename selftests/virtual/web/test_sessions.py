from __future__ import annotations

from nportlab.virtual.unit.web.console import Challenges, LoginHistory
from nportlab.virtual.unit.web.sessions import Limits, Sessions, Tokens


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def sessions(clock: Clock, most: int = 2, use_counts: bool = True) -> Sessions:
    return Sessions(Limits(lambda: most, lambda: 60.0, lambda: use_counts), clock)


def test_a_session_lives_until_it_idles_longer_than_allowed() -> None:
    clock = Clock()
    open_ones = sessions(clock)
    session = open_ones.open("a", "")
    assert session is not None
    clock.now += 60.0
    assert open_ones.find(session.identifier) is session
    clock.now += 60.0
    assert open_ones.find(session.identifier) is session
    clock.now += 60.1
    assert open_ones.find(session.identifier) is None


def test_sessions_over_the_limit_are_refused_until_one_ends() -> None:
    clock = Clock()
    open_ones = sessions(clock)
    first = open_ones.open("a", "")
    assert first is not None
    assert open_ones.open("b", "") is not None
    assert open_ones.open("c", "") is None
    open_ones.close(first)
    assert open_ones.open("c", "") is not None
    clock.now += 61.0
    assert open_ones.live() == []


def test_use_that_does_not_count_cannot_prolong_a_session() -> None:
    clock = Clock()
    open_ones = sessions(clock, use_counts=False)
    session = open_ones.open("a", "")
    assert session is not None
    clock.now += 59.0
    assert open_ones.find(session.identifier) is session
    clock.now += 2.0
    assert open_ones.find(session.identifier) is None


def test_unknown_identifiers_find_nothing() -> None:
    open_ones = sessions(Clock())
    assert open_ones.find(None) is None
    assert open_ones.find("") is None
    assert open_ones.find("0" * 32) is None


def test_a_token_is_good_for_its_own_action_only() -> None:
    tokens = Tokens()
    token = tokens.issue("/A.htm")
    assert len(token) == 16
    assert token.isalnum()
    assert tokens.good(token, "/A.htm")
    assert not tokens.good(token, "/B.htm")
    assert not tokens.good("", "/A.htm")


def test_old_tokens_are_forgotten() -> None:
    tokens = Tokens()
    first = tokens.issue("/A.htm")
    for _ in range(600):
        tokens.issue("/A.htm")
    assert not tokens.good(first, "/A.htm")


def test_a_challenge_is_good_once() -> None:
    challenges = Challenges()
    challenge = challenges.issue()
    assert not challenges.take("made up")
    assert challenges.take(challenge)
    assert not challenges.take(challenge)


def test_the_history_is_bounded() -> None:
    history = LoginHistory()
    for number in range(200):
        history.add("a", str(number))
        history.add(f"user{number}", "x")
    assert history.of("a")[-1] == "199"
    assert len(history.of("a")) <= 20
    assert history.of("user199") == []
