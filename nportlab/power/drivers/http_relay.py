"""Relays with an HTTP/JSON interface: GET and PUT <url>/relay/<n> with {"on": true}.

The usual REST of small network relays; basic authentication when lab.yaml gives credentials.
"""

from __future__ import annotations

import requests

from nportlab.power.switch import SwitchChannel
from nportlab.verdicts.faults import LabFault


def switch(channel: SwitchChannel, on: bool) -> None:
    """Close or open the relay."""
    _ask(channel, "PUT", {"on": on})


def is_on(channel: SwitchChannel) -> bool:
    """Read the relay's state."""
    answer = _ask(channel, "GET", None)
    if not isinstance(answer, dict) or not isinstance(answer.get("on"), bool):
        raise _fault(channel, "the switch answered without a state ({'on': true or false})")
    return answer["on"]


def _ask(channel: SwitchChannel, method: str, body: dict[str, bool] | None) -> object:
    with requests.Session() as session:
        session.trust_env = False
        if channel.username is not None:
            session.auth = (channel.username, channel.password or "")
        try:
            answer = session.request(
                method,
                f"{channel.url}/relay/{channel.number}",
                json=body,
                timeout=channel.timeout,
                allow_redirects=False,
            )
        except requests.Timeout:
            raise _fault(channel, f"the switch at {channel.url} did not answer within {channel.timeout:g} s") from None
        except requests.RequestException:
            raise _fault(channel, f"no connection to the switch at {channel.url}") from None
    if not answer.ok:
        raise _fault(channel, f"the switch refused: HTTP status {answer.status_code}")
    try:
        return answer.json() if answer.content else None
    except ValueError:
        raise _fault(channel, "the switch answered something that is not JSON") from None


def _fault(channel: SwitchChannel, message: str) -> LabFault:
    return LabFault(
        message, remedy="Check the switch's address, power and credentials.", resource=f"outlet {channel.name}"
    )
