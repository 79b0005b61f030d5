"""The shapes of lab.yaml, as pydantic models. docs/lab.schema.json is made from these.

What one value contradicts in another is not said here but in `checks`.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue, WithJsonSchema
from pydantic_core import CoreSchema

from nportlab.inventory.firmware import FirmwareShape
from nportlab.inventory.limits import LimitsShape
from nportlab.verdicts.located import WrittenFloat


def _as_written(value: Any) -> Any:
    """`firmware: 2.10` without quotes means the text "2.10"."""
    if isinstance(value, WrittenFloat):
        return value.text
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _address(value: str) -> str:
    return str(IPv4Address(value))


def _interface(value: str) -> str:
    return str(IPv4Interface(value))


Text = Annotated[str, BeforeValidator(_as_written), WithJsonSchema({"type": ["string", "number"]})]
Name = Annotated[str, BeforeValidator(_as_written), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Channel = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*/[1-9][0-9]*$")]
Mac = Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$")]
Address = Annotated[str, Field(pattern=r"^\d{1,3}(\.\d{1,3}){3}$"), AfterValidator(_address)]
Permission = Literal["restart", "power-cycle", "factory-reset", "flash", "downgrade", "one-way", "sacrificial"]


class Shape(BaseModel):
    """A mapping of lab.yaml; a key that is not named here is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretShape(Shape):
    """Where a secret is: `{env: NAME}`, `{file: path, key: name}` or, on virtual racks, `{generated: true}`."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        default=None, description="name of an environment variable"
    )
    file: str | None = Field(
        default=None, description="file beside lab.yaml; the whole file, or one key of a YAML file"
    )
    key: str | None = Field(default=None, description="key in that file")
    generated: Literal[True] | None = Field(
        default=None, description="made up at first use, kept in .nportlab (virtual racks)"
    )

    @model_validator(mode="before")
    @classmethod
    def _never_in_the_file(cls, value: Any) -> Any:
        # The message must not repeat the value: it is a password.
        if not isinstance(value, dict):
            raise ValueError("a secret is never written here; name its place: {env: NAME} or {file: path, key: name}")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> SecretShape:
        if sum(way is not None for way in (self.env, self.file, self.generated)) != 1:
            raise ValueError("give exactly one of env, file, generated")
        if self.key is not None and self.file is None:
            raise ValueError("'key' belongs to 'file'")
        return self


class CredentialsShape(Shape):
    """How to log in to a unit."""

    username: Text = "admin"
    password: SecretShape


def _adapter(value: Any) -> str | bool:
    if value is True:
        return True
    if not isinstance(value, str):
        raise ValueError("an adapter is a device (/dev/ttyUSB0) or a pyserial URL (socket://host:4001)")
    if "://" not in value and not value.startswith("/"):
        raise ValueError(f"'{value}' is neither a device (/dev/ttyUSB0) nor a pyserial URL (socket://host:4001)")
    return value


def _path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError(f"'{value}' is not the whole path of a pty or tty (/dev/pts/7)")
    return value


Adapter = Annotated[str | bool, PlainValidator(_adapter), WithJsonSchema({"type": "string"})]
"""Device or pyserial URL; True for the plain word, the rack's own adapter."""


class LineShape(Shape):
    """What is plugged into a serial port: `loopback`, `none`, `{crosslink: unit/port}`, on hardware
    `{adapter: /dev/...}`, on virtual racks `adapter` or `{pty: /dev/pts/...}`.
    """

    loopback: Literal[True] | None = None
    adapter: Adapter | None = Field(
        default=None, description="serial device of this host, or a pyserial URL (hardware)"
    )
    crosslink: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*/[1-9][0-9]*$")] | None = Field(
        default=None, description="unit/port at the other end of the cable"
    )
    pty: Annotated[str, AfterValidator(_path)] | None = Field(
        default=None, description="pty or tty of this host that is the port, unpaced (virtual racks)"
    )

    @model_validator(mode="before")
    @classmethod
    def _plain_words(cls, value: Any) -> Any:
        match value:
            case "loopback":
                return {"loopback": True}
            case "adapter":
                return {"adapter": True}
            case "none" | None:
                return {}
            case dict():
                return value
        raise ValueError("a line is loopback, adapter, none, {adapter: device}, {crosslink: unit/port} or {pty: path}")

    @model_validator(mode="after")
    def _one_plug(self) -> LineShape:
        plugs = (self.loopback, self.adapter, self.crosslink, self.pty)
        if sum(plug is not None for plug in plugs) > 1:
            raise ValueError("one port takes one plug: loopback, adapter, crosslink or pty")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Editors offer the plain words too."""
        mapping = handler.resolve_ref_schema(handler(core))
        mapping = {**mapping, "properties": {k: v for k, v in mapping["properties"].items() if k != "loopback"}}
        return {"description": mapping["description"], "anyOf": [{"enum": ["loopback", "adapter", "none"]}, mapping]}


class PortShape(Shape):
    """One serial port."""

    line: LineShape = LineShape()


class PortMapShape(Shape):
    """Where the unit's TCP and UDP ports are reached, when something between translates them (device: reached)."""

    tcp: dict[PortNumber, PortNumber] = {}
    udp: dict[PortNumber, PortNumber] = {}


class UnitShape(Shape):
    """One NPort."""

    model: Text = Field(description="NP6150, NP6450, NP6650-16 ...")
    firmware: Text = Field(default="2.3", description="firmware the unit must report; quote it")
    address: Address = Field(description="IPv4 address")
    mac: Mac | None = Field(default=None, description="checked against the unit before anything is changed")
    credentials: CredentialsShape
    guest: CredentialsShape | None = Field(
        default=None,
        description="an account of the group guest made on the unit by hand; it must not be able to upgrade",
    )
    pre_shared_key: SecretShape | None = Field(
        default=None, description="of exported configuration files; 'moxa' if absent"
    )
    certificate: str | None = Field(
        default=None, description="PEM file with the unit's certificate and key, put back after tests that replace it"
    )
    port_map: PortMapShape = PortMapShape()
    allow: frozenset[Permission] = Field(
        default=frozenset({"restart"}), description="what the harness may do to the unit"
    )
    outlet: Channel | None = Field(default=None, description="switch/channel that feeds the unit")
    reset_button: Channel | None = Field(default=None, description="switch/channel that presses the reset button")
    ports: dict[Text, PortShape] = Field(default={}, description="serial port, or a range such as 1-16")
    defects: tuple[str, ...] = Field(default=(), description="seeded defects (virtual racks)")


class SwitchShape(Shape):
    """A switch whose channels feed units or press their buttons."""

    driver: Literal["http_relay"] = Field(default="http_relay", description="module of nportlab/power")
    channels: Annotated[int, Field(ge=1, le=1024)] = 16
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = Field(
        default=None, description="of a real switch; the virtual rack brings its own"
    )
    username: Text | None = None
    password: SecretShape | None = None


class PeerShape(Shape):
    """A server the unit talks to, when its defaults do not fit the rack."""

    kind: Literal["syslog", "radius", "tacacs", "ntp", "dhcp", "dns", "smtp", "snmp-trap"]
    address: Address | None = Field(
        default=None, description="where the unit reaches it; the harness address by default"
    )
    port: PortNumber | None = None
    secret: SecretShape | None = None


class VirtualShape(Shape):
    """The rack is virtual: how it behaves in time, and how its units are reached."""

    network: Literal["auto", "namespaces", "user-namespaces", "loopback"] = "auto"
    boot_seconds: Annotated[float, Field(ge=0, le=600)] = 0.5
    seconds_per_unit_minute: Annotated[float, Field(gt=0, le=60)] = 1.0
    flash_seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        default=0.5, description="from the last byte of an image to the cold start"
    )


class NetworkShape(Shape):
    """The network between harness and units."""

    harness_address: Annotated[str, Field(pattern=r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$"), AfterValidator(_interface)] = (
        Field(default="192.168.127.1/24", description="address of this host in the rack's network, with prefix length")
    )
    interface: str | None = Field(default=None, description="for captures and broadcasts; found by address if absent")
    peer_addresses: tuple[IPv4Address, ...] = Field(
        default=(),
        description="further addresses of this host: one per unit for the servers it talks to, then six in a row each",
    )


class ProbesShape(Shape):
    """How hard units are probed; absent values suit the rack (a virtual one stands more)."""

    sweep_rate: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        default=None, description="connects per second"
    )
    udp_timeout: Annotated[float, Field(gt=0, le=60)] | None = Field(
        default=None, description="seconds for each datagram"
    )
    udp_tries: Annotated[int, Field(ge=1, le=10)] | None = None
    tls_pause: Annotated[float, Field(ge=0, le=10)] | None = Field(
        default=None, description="seconds between handshakes"
    )


class RackShape(Shape):
    """Units that share a network and, usually, a switch."""

    virtual: VirtualShape | None = Field(default=None, description="present: the rack is virtual")
    network: NetworkShape = NetworkShape()
    probes: ProbesShape = ProbesShape()
    switches: dict[Name, SwitchShape] = {}
    units: dict[Name, UnitShape] = Field(min_length=1)
    peers: dict[Name, PeerShape] = {}


class ProfileShape(Shape):
    """Choices the guide leaves to the site; the checks judge by them."""

    http: Literal["disable", "redirect"] = Field(default="disable", description="plain HTTP of the console")
    ssh: Literal["enable", "disable"] = Field(default="disable", description="is remote SSH access needed")
    accounts: Literal["none", "radius", "tacacs"] = Field(default="none", description="central account management")
    time: Literal["manual", "ntp"] = Field(default="manual", description="where units take the time from")
    longest_handshake_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        default=3.0, description="median TLS handshake that is still acceptable, with any key"
    )
    strict: bool = Field(
        default=False, description="also fail what the guide does not name (compression, renegotiation)"
    )
    advisories: Literal["inform", "fail"] = Field(
        default="inform", description="what a published flaw of the firmware found is"
    )
    advisory_list_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=180, description="age from which the harness's list of advisories is called old"
    )
    firmware_days: Annotated[int, Field(ge=1, le=7300)] = Field(
        default=730, description="age from which the firmware of a unit is called old"
    )


class LabShape(Shape):
    """lab.yaml."""

    lab: Name
    profile: ProfileShape = ProfileShape()
    firmware: FirmwareShape | None = Field(default=None, description="images, and how they get into units")
    limits: LimitsShape = LimitsShape()
    racks: dict[Name, RackShape] = Field(min_length=1)
