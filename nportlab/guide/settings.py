"""The settings table: every setting the guide names, one row each, read from setting_tables/*.yaml."""

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from pydantic import Field, model_validator

from nportlab.guide import values
from nportlab.guide.family import Model, model
from nportlab.guide.firmware import in_range
from nportlab.guide.modes import modes
from nportlab.guide.rows import HERE, Confidence, Row, SourcedRow, read_yaml

_PORT_ID = re.compile(r"port\.(\d+)\.(.+)")
_COUNTED = re.compile(r"\{((?P<base>\d+)\+)?(?P<factor>\d+)?k\}")


class ConfigurationKey(Row):
    """Where a setting stands in the exported configuration file.

    section: name without brackets; `@Port #n` stands for the serial port. encoding: `text` as it is; `codes` by the
    codes map; `mask` a field of an integer (codes give its value in place, mask the bits it owns); `item` number
    `position` of a comma separated list; `hex` two hex digits written as a decimal number; `secret` exported as the
    word `password` when set. pass_through: with codes, a value without a code is written as it is. companion: a second
    key in the same section, written along with this one. confidence: of the place and the coding, not of the setting.
    """

    section: str
    key: str
    encoding: Literal["text", "codes", "mask", "item", "hex", "secret"] = "text"
    codes: dict[str, str] = Field(default_factory=dict)
    pass_through: bool = False
    mask: int = 0
    position: int = 0
    companion: "Companion | None" = None
    confidence: Confidence = "verified"


class Companion(Row):
    """A key written together with another one, such as Application beside Mode."""

    key: str
    codes: dict[str, str]


class Setting(SourcedRow):
    """One named value of a unit's configuration.

    page: menu paths, the first is where the virtual unit puts it, the others are what the guide also calls it; label:
    as printed; choices: canonical value -> visible text; minimum/maximum: of an integer; min_length/max_length:
    characters; form: shape of an address; factory/suggested: canonical values (the guide's columns); snmp: OID
    without instance; snmp_by_mode: the column that holds it in operation modes where `snmp` does not; active: whether
    a change waits for the restart; since/until: firmware versions, inclusive; modes: operation modes the field belongs
    to (empty: all); volatile: the unit changes it by itself, so it is not part of a stored configuration; controls:
    catalogue rows about it. Rows of the table about ports have ids such as `port.alias`; SettingsTable gives concrete
    ones (`port.3.alias`) with `port` = 3 and formulas resolved.
    """

    id: str
    scope: Literal["unit", "port"] = "unit"
    page: tuple[str, ...]
    label: str
    kind: Literal["choice", "integer", "text", "secret", "address", "readonly"]
    widget: Literal["radio", "select", "checkbox", "text", "password"] = "text"
    choices: dict[str, str] = Field(default_factory=dict)
    minimum: int | None = None
    maximum: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    may_be_empty: bool = False
    form: Literal["ipv4", "netmask", "ipv6", "ip", "host", "netmask-or-prefix"] = "ipv4"
    pattern: str | None = None
    hint: str = ""
    factory: str
    factory_confidence: Confidence | None = None
    suggested: str | None = None
    configuration: ConfigurationKey | None = None
    snmp: str | None = None
    snmp_by_mode: dict[str, str] = Field(default_factory=dict)
    snmp_codes: dict[str, int] = Field(default_factory=dict)
    active: Literal["restart", "immediate"] = "restart"
    since: str | None = None
    until: str | None = None
    modes: tuple[str, ...] = ()
    volatile: bool = False
    controls: tuple[str, ...] = ()
    port: int | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Setting":
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"{self.id}: choices belong to kind 'choice' and only there")
        if self.configuration and self.configuration.encoding in ("codes", "mask") and self.choices:
            missing = set(self.choices) - set(self.configuration.codes)
            if missing:
                raise ValueError(f"{self.id}: no configuration code for {sorted(missing)}")
        if not set(self.snmp_by_mode) <= set(self.modes):
            raise ValueError(f"{self.id}: snmp_by_mode names a mode the setting does not belong to")
        return self

    @property
    def table_id(self) -> str:
        """The id in the table: `port.alias` for `port.3.alias`, the id itself for unit settings."""
        return table_id(self.id)

    def snmp_in(self, mode: str) -> str | None:
        """The OID without instance that holds the value while the port is in that mode; None without one."""
        return self.snmp_by_mode.get(mode, self.snmp)

    def check(self, value: str) -> None:
        """Raise ValueError with a message a unit could show when `value` is not acceptable."""
        values.check(self, value)


def table_id(setting_id: str) -> str:
    """`port.alias` for `port.3.alias`; other ids unchanged."""
    found = _PORT_ID.fullmatch(setting_id)
    return f"port.{found[2]}" if found else setting_id


def concrete_id(setting_id: str, port: int) -> str:
    """`port.3.alias` for `port.alias` and 3."""
    return setting_id.replace("port.", f"port.{port}.", 1)


class SettingsTable:
    """All settings. Look up by table id (`port.alias`) or by concrete id (`port.3.alias`)."""

    def __init__(self, rows: list[Setting]) -> None:
        """Index `rows`; an id used twice raises ValueError."""
        self._rows: dict[str, Setting] = {}
        self._concrete: dict[str, Setting] = {}
        for row in rows:
            if row.id in self._rows:
                raise ValueError(f"settings: {row.id!r} is defined twice")
            self._rows[row.id] = row

    def __iter__(self) -> Iterator[Setting]:
        """The rows of the table, in the order of the guide."""
        return iter(self._rows.values())

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._rows)

    def __contains__(self, setting_id: object) -> bool:
        """Whether the id, table or concrete, exists."""
        return isinstance(setting_id, str) and table_id(setting_id) in self._rows

    def __getitem__(self, setting_id: str) -> Setting:
        """The setting; a concrete port id gives the row made concrete. KeyError names the nearest ids."""
        found = _PORT_ID.fullmatch(setting_id)
        row = self._rows.get(f"port.{found[2]}" if found else setting_id)
        if row is None:
            raise KeyError(f"no setting {setting_id!r}; nearest: {', '.join(self.nearest(setting_id)) or 'none'}")
        if found is None:
            return row
        if setting_id not in self._concrete:
            self._concrete[setting_id] = _for_port(row, int(found[1]))
        return self._concrete[setting_id]

    def nearest(self, setting_id: str, count: int = 3) -> list[str]:
        """The ids most like `setting_id`, best first."""
        near = difflib.get_close_matches(table_id(setting_id), self._rows, n=count, cutoff=0.4)
        found = _PORT_ID.fullmatch(setting_id)
        return [concrete_id(name, int(found[1])) if found and name.startswith("port.") else name for name in near]

    def for_model(self, name: str | Model, firmware: str = "2.3") -> list[tuple[str, Setting]]:
        """(concrete id, setting) of everything a unit of that model and firmware has, port settings once per port."""
        return list(_for_model(self, model(name).name, firmware))

    def factory(self, name: str | Model, firmware: str = "2.3", serial_number: int = 0) -> dict[str, str]:
        """The state after "load factory default" (IP settings included), by concrete id.

        serial_number: part of the server name the unit gives itself.
        """
        unit = model(name)
        named = {"{model}": unit.name, "{serial}": str(serial_number)}
        state = {setting_id: setting.factory for setting_id, setting in self.for_model(unit, firmware)}
        for mark, text in named.items():
            state["basic.server_name"] = state["basic.server_name"].replace(mark, text)
        return state

    def suggested(self, name: str | Model, firmware: str = "2.3") -> dict[str, str]:
        """The guide's suggested values, by concrete id, for settings the guide suggests something for."""
        return {key: row.suggested for key, row in self.for_model(name, firmware) if row.suggested is not None}

    def page(self, path: str, name: str | Model | None = None, firmware: str = "2.3") -> list[Setting]:
        """The settings on the page with that menu path (any of the paths the guide uses), in order.

        path: `Administration > Console Settings`, `Serial Port Settings > Port 3 > Operation Modes` (gives concrete
        settings) or the same with `Port #` (gives table rows). name: only what that model has.
        """
        port = re.search(r"> Port (\d+)\b", path)
        wanted = _normal(re.sub(r"> Port \d+\b", "> Port #", path))
        rows = [row for row in self if any(_normal(own) == wanted for own in row.page)]
        if name is not None:
            present = {setting.table_id for _, setting in self.for_model(name, firmware)}
            rows = [row for row in rows if row.id in present]
        return [self[concrete_id(row.id, int(port[1]))] for row in rows] if port else rows

    def pages(self) -> list[str]:
        """The menu paths of all settings pages where the virtual unit puts them, in order."""
        return list(dict.fromkeys(row.page[0] for row in self))

    def check(self, state: Mapping[str, str]) -> list[str]:
        """Everything wrong with a state: unknown ids and refused values, one message each."""
        problems = []
        for key, value in state.items():
            try:
                self[key].check(value)
            except KeyError as unknown:
                problems.append(str(unknown.args[0]))
            except ValueError as refused:
                problems.append(f"{key}: {refused}")
        return problems


@cache
def settings_table() -> SettingsTable:
    """The table, loaded once."""
    rows: list[Setting] = []
    for path in sorted((HERE / "setting_tables").glob("*.yaml")):
        content = read_yaml(f"setting_tables/{path.name}")
        common = content.get("common", {})
        for entry in content["settings"]:
            rows += [Setting(**row) for row in _repeated({**common, **entry})]
    return SettingsTable(rows)


def settings_of(mode: str) -> tuple[Setting, ...]:
    """The parameters of one operation mode: rows of the table (ids such as `port.tcp_port`) that belong to it.

    What every port has, such as its baud rate, is not among them. KeyError names the modes there are.
    """
    if mode not in modes():
        raise KeyError(f"no operation mode {mode!r}; there are: {', '.join(modes())}")
    return tuple(row for row in settings_table() if mode in row.modes)


@cache
def _for_model(table: SettingsTable, name: str, firmware: str) -> tuple[tuple[str, Setting], ...]:
    found = []
    for row in table:
        if not in_range(firmware, row.since, row.until):
            continue
        if row.scope == "unit":
            found.append((row.id, row))
        else:
            found += [(key, table[key]) for key in (concrete_id(row.id, n) for n in model(name).ports)]
    return tuple(found)


def _repeated(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """An entry with `repeat: 16` becomes sixteen, with `repeat: [2, 3]` two, with the number k in every text.

    `{k}` stands for k, `{12+2k}` for a number computed from it.
    """
    repeat = entry.pop("repeat", None)
    if repeat is None:
        return [entry]
    numbers = range(1, repeat + 1) if isinstance(repeat, int) else repeat
    return [_filled(entry, k) for k in numbers]


def _filled(value: Any, k: int) -> Any:
    if isinstance(value, str):
        return _COUNTED.sub(lambda part: str(int(part["base"] or 0) + int(part["factor"] or 1) * k), value)
    if isinstance(value, dict):
        return {key: _filled(item, k) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, k) for item in value]
    return value


def _for_port(row: Setting, port: int) -> Setting:
    """A port row made concrete: id, menu paths, section, factory formula."""
    change: dict[str, Any] = {
        "id": concrete_id(row.id, port),
        "page": tuple(path.replace("Port #", f"Port {port}") for path in row.page),
        "factory": values.resolve(row.factory, port),
        "port": port,
    }
    if row.configuration:
        section = row.configuration.section.replace("@Port #n", f"@Port #{port}")
        change["configuration"] = row.configuration.model_copy(update={"section": section})
    return row.model_copy(update=change)


def _normal(path: str) -> str:
    return re.sub(r"\s*>\s*", ">", path).strip().lower()
