"""What the SNMP agent answers to one datagram: message processing of v1, v2c and v3 over a tree of values (no sockets).

SNMP's way of refusing is silence: a version that is not ticked, a wrong community or a message that cannot be decoded
gets no answer. A v3 message with a wrong user, digest or time gets a report, as RFC 3414 asks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from nportlab.virtual.unit.services import snmp_ber as ber
from nportlab.virtual.unit.services.snmp_ber import Malformed, Oid, Value
from nportlab.virtual.unit.services.snmp_security import DIGEST_LENGTH, TIME_WINDOW, DecryptionFailed, User

GET, GET_NEXT, RESPONSE, SET, GET_BULK, REPORT = 0xA0, 0xA1, 0xA2, 0xA3, 0xA5, 0xA8
V1, V2C, V3 = 0, 1, 3

NO_SUCH_NAME, NO_ACCESS, AUTHORIZATION_ERROR, NOT_WRITABLE = 2, 6, 16, 17

AUTHENTICATED, ENCRYPTED, REPORTABLE = 1, 2, 4

USM_STATISTICS = ber.parse_oid("1.3.6.1.6.3.15.1.1")
UNSUPPORTED_LEVEL, NOT_IN_TIME_WINDOW, UNKNOWN_USER, UNKNOWN_ENGINE, WRONG_DIGEST, DECRYPTION_ERROR = range(1, 7)

BULK_LIMIT = 1300
"""Octets of variables after which a GETBULK answer stops growing, so that it fits one Ethernet frame."""


class Tree:
    """Object instances in lexicographic order; each is a function, because most values are read at the moment asked."""

    def __init__(self, objects: Mapping[Oid, Callable[[], Value]]) -> None:
        self._objects = dict(objects)
        self._order = sorted(self._objects)

    def get(self, name: Oid) -> Value | None:
        """Value of this very instance, None if there is none."""
        read = self._objects.get(name)
        return read() if read else None

    def after(self, name: Oid) -> tuple[Oid, Value] | None:
        """The first instance behind `name`, None at the end of the tree."""
        position = bisect_right(self._order, name)
        if position == len(self._order):
            return None
        found = self._order[position]
        return found, self._objects[found]()

    def has_object(self, name: Oid) -> bool:
        """True if instances of the object exist, though not this one (v2c tells the two apart)."""
        position = bisect_left(self._order, name[:-1])
        return position < len(self._order) and self._order[position][: len(name) - 1] == name[:-1]


@dataclass
class Engine:
    """The authoritative engine of SNMPv3: its id, its boots counter and a clock of seconds since boot."""

    id: bytes
    boots: int
    seconds: Callable[[], int]
    counters: dict[int, int] = field(default_factory=dict)

    def count(self, statistic: int) -> Value:
        """One more of a USM statistic; returns the counter as it goes into the report."""
        self.counters[statistic] = self.counters.get(statistic, 0) + 1
        return ber.integer(self.counters[statistic], ber.COUNTER32)


@dataclass(frozen=True)
class Pdu:
    """One request: type, request id, the two numbers behind it (error or bulk), variables asked for."""

    type: int
    request_id: Value
    first: int
    second: int
    variables: tuple[tuple[Oid, Value], ...]

    @classmethod
    def from_value(cls, value: Value) -> Pdu:
        """Raises Malformed."""
        request_id, first, second, variables = _four(value.parts(value.tag))
        pairs = [_two(variable.parts()) for variable in variables.parts()]
        request_id.as_integer()
        names = tuple((name.as_oid(), content) for name, content in pairs)
        return cls(value.tag, request_id, first.as_integer(), second.as_integer(), names)

    def answer(self, variables: list[tuple[Oid, Value]], error: int = 0, index: int = 0) -> Value:
        """The response PDU."""
        pairs = ber.sequence(*(ber.sequence(ber.oid(name), content) for name, content in variables))
        return ber.sequence(self.request_id, ber.integer(error), ber.integer(index), pairs, tag=RESPONSE)

    def refusal(self, error: int, index: int = 0) -> Value:
        """The response PDU that carries an error and gives the variables back."""
        return self.answer(list(self.variables), error, index)


@dataclass
class Agent:
    """A running agent. `versions` holds the ticked ones; `communities` says for each whether it may write."""

    tree: Tree
    versions: frozenset[int]
    communities: Mapping[bytes, bool]
    users: Mapping[bytes, User]
    engine: Engine

    def answer(self, datagram: bytes) -> bytes | None:
        """The datagram to send back, or None where SNMP stays silent. Never raises on bad input."""
        try:
            parts = ber.decode(datagram).parts()
            version = parts[0].as_integer() if parts else -1
            if version not in self.versions:
                return None
            if version == V3:
                return self._answer_v3(datagram, parts)
            if len(parts) != 3:
                return None
            return self._answer_community(version, parts[1], parts[2])
        except Malformed:
            return None

    def _answer_community(self, version: int, community: Value, body: Value) -> bytes | None:
        writer = self.communities.get(community.as_octets())
        pdu = Pdu.from_value(body)
        if writer is None:
            return None
        answer = self._process(pdu, version, writer)
        return answer and ber.sequence(ber.integer(version), community, answer).encode()

    def _process(self, pdu: Pdu, version: int, writer: bool) -> Value | None:
        if pdu.type == GET:
            return self._get(pdu, version)
        if pdu.type == GET_NEXT:
            return self._get_next(pdu, version)
        if pdu.type == GET_BULK and version != V1:
            return self._get_bulk(pdu)
        if pdu.type == SET:
            if version == V1:
                return pdu.refusal(NO_SUCH_NAME, 1)
            return pdu.refusal(NOT_WRITABLE if writer else NO_ACCESS, 1)
        return None

    def _get(self, pdu: Pdu, version: int) -> Value:
        found: list[tuple[Oid, Value]] = []
        for index, (name, _) in enumerate(pdu.variables, 1):
            value = self.tree.get(name)
            if value is None and version == V1:
                return pdu.refusal(NO_SUCH_NAME, index)
            missing = ber.NO_SUCH_INSTANCE if self.tree.has_object(name) else ber.NO_SUCH_OBJECT
            found.append((name, value or Value(missing)))
        return pdu.answer(found)

    def _get_next(self, pdu: Pdu, version: int) -> Value:
        found: list[tuple[Oid, Value]] = []
        for index, (name, _) in enumerate(pdu.variables, 1):
            following = self.tree.after(name)
            if following is None and version == V1:
                return pdu.refusal(NO_SUCH_NAME, index)
            found.append(following or (name, Value(ber.END_OF_MIB_VIEW)))
        return pdu.answer(found)

    def _get_bulk(self, pdu: Pdu) -> Value:
        names = [name for name, _ in pdu.variables]
        single = max(0, min(pdu.first, len(names)))
        found = [self._following(name) for name in names[:single]]
        repeated = names[single:]
        size = 0
        for _ in range(max(0, pdu.second)):
            if not repeated or size > BULK_LIMIT:
                break
            row = [self._following(name) for name in repeated]
            found += row
            size += sum(len(value.content) + 2 * len(name) for name, value in row)
            repeated = [name for name, _ in row]
            if all(value.tag == ber.END_OF_MIB_VIEW for _, value in row):
                break
        return pdu.answer(found)

    def _following(self, name: Oid) -> tuple[Oid, Value]:
        return self.tree.after(name) or (name, Value(ber.END_OF_MIB_VIEW))

    def _answer_v3(self, datagram: bytes, parts: list[Value]) -> bytes | None:
        _, header, security, data = _four(parts)
        message_id, _, flag_octets, model = _four(header.parts())
        flags = flag_octets.as_octets()
        if model.as_integer() != 3 or len(flags) != 1:
            return None
        level = flags[0] & (AUTHENTICATED | ENCRYPTED)
        exchange = _Exchange(self.engine, message_id, bool(flags[0] & REPORTABLE))
        engine_id, boots, time, name, digest, salt = _six(ber.decode(security.as_octets()).parts())

        if engine_id.as_octets() != self.engine.id:
            return exchange.report(UNKNOWN_ENGINE)
        user = self.users.get(name.as_octets())
        if user is None:
            return exchange.report(UNKNOWN_USER)
        exchange.user = user
        if level & ~user.level or level == ENCRYPTED:
            return exchange.report(UNSUPPORTED_LEVEL)
        if level & AUTHENTICATED:
            if not _digest_fits(user, datagram, digest.as_octets()):
                return exchange.report(WRONG_DIGEST)
            in_time = abs(time.as_integer() - self.engine.seconds()) <= TIME_WINDOW
            if boots.as_integer() != self.engine.boots or not in_time:
                return exchange.report(NOT_IN_TIME_WINDOW, AUTHENTICATED)
        try:
            scoped = _scoped(data, user, level, salt.as_octets(), boots.as_integer(), time.as_integer())
        except (DecryptionFailed, Malformed):
            return exchange.report(DECRYPTION_ERROR, level & AUTHENTICATED) if level & ENCRYPTED else None
        context_engine, context_name, body = scoped
        pdu = Pdu.from_value(body)
        # A user may only be used with all the protection that was set for it.
        answer = pdu.refusal(AUTHORIZATION_ERROR) if level != user.level else self._process(pdu, V3, user.writer)
        return answer and exchange.message(level, ber.sequence(context_engine, context_name, answer))


@dataclass
class _Exchange:
    """What is needed to answer one v3 message."""

    engine: Engine
    message_id: Value
    reportable: bool
    user: User | None = None

    def report(self, statistic: int, level: int = 0) -> bytes | None:
        """A report with the counter of a USM statistic; None if the sender asked for none."""
        counter = self.engine.count(statistic)
        if not self.reportable:
            return None
        variable = ber.sequence(ber.oid((*USM_STATISTICS, statistic, 0)), counter)
        zero = ber.integer(0)
        body = ber.sequence(zero, zero, zero, ber.sequence(variable), tag=REPORT)
        return self.message(level, ber.sequence(ber.octets(self.engine.id), ber.octets(b""), body))

    def message(self, level: int, scoped: Value) -> bytes:
        """A whole v3 message at this security level."""
        time = self.engine.seconds()
        data, salt = scoped, b""
        if level & ENCRYPTED and self.user:
            encrypted, salt = self.user.encrypt(scoped.encode(), self.engine.boots, time)
            data = ber.octets(encrypted)
        signer = self.user if level & AUTHENTICATED else None
        unsigned = self._assemble(level, time, bytes(DIGEST_LENGTH) if signer else b"", salt, data)
        if signer is None:
            return unsigned
        return self._assemble(level, time, signer.digest(unsigned), salt, data)

    def _assemble(self, level: int, time: int, digest: bytes, salt: bytes, data: Value) -> bytes:
        header = ber.sequence(
            self.message_id, ber.integer(ber.MAX_MESSAGE), ber.octets(bytes([level])), ber.integer(V3)
        )
        security = ber.sequence(
            ber.octets(self.engine.id),
            ber.integer(self.engine.boots),
            ber.integer(time),
            ber.octets(self.user.name if self.user else b""),
            ber.octets(digest),
            ber.octets(salt),
        )
        return ber.sequence(ber.integer(V3), header, ber.octets(security.encode()), data).encode()


def _digest_fits(user: User, datagram: bytes, digest: bytes) -> bool:
    if len(digest) != DIGEST_LENGTH:
        return False
    return compare_digest(user.digest(datagram.replace(digest, bytes(DIGEST_LENGTH), 1)), digest)


def _scoped(data: Value, user: User, level: int, salt: bytes, boots: int, time: int) -> tuple[Value, Value, Value]:
    """Context engine id, context name and PDU of a plain or encrypted scoped PDU."""
    if level & ENCRYPTED:
        plain = user.decrypt(data.as_octets(), salt, boots, time)
        return _three(ber.decode_padded(plain).parts())
    return _three(data.parts())


def _two(parts: list[Value]) -> tuple[Value, Value]:
    if len(parts) != 2:
        raise Malformed("two values were due")
    return parts[0], parts[1]


def _three(parts: list[Value]) -> tuple[Value, Value, Value]:
    if len(parts) != 3:
        raise Malformed("three values were due")
    return parts[0], parts[1], parts[2]


def _four(parts: list[Value]) -> tuple[Value, Value, Value, Value]:
    if len(parts) != 4:
        raise Malformed("four values were due")
    return parts[0], parts[1], parts[2], parts[3]


def _six(parts: list[Value]) -> tuple[Value, Value, Value, Value, Value, Value]:
    if len(parts) != 6:
        raise Malformed("six values were due")
    return parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]
