"""Two sound labs, and mistakes made in them: text replaced, its replacement, what must be said."""

VIRTUAL = """\
lab: desk
racks:
  desk:
    virtual: {}
    switches:
      relay: {channels: 8}
    units:
      np6150:
        model: NP6150
        address: 192.168.127.11
        credentials: {password: {generated: true}}
        outlet: relay/1
      np6450:
        model: NP6450
        address: 192.168.127.12
        credentials: {password: {generated: true}}
        outlet: relay/2
        ports:
          1-2: {line: loopback}
          3: {line: adapter}
          4: {line: none}
"""
REAL = """\
lab: plant
racks:
  hall:
    switches:
      pdu-a: {url: "http://10.0.0.5/", password: {env: PDU_PASSWORD}}
    units:
      one:
        model: NP6650-16
        firmware: 2.3
        address: 10.0.0.11
        mac: 00:90:e8:01:02:03
        credentials: {username: root, password: {file: secrets.yaml, key: one}}
        allow: [restart, power-cycle]
        outlet: pdu-a/4
        port_map: {tcp: {443: 8443}}
        ports:
          1: {line: {adapter: /dev/ttyUSB0}}
          2: {line: {adapter: "socket://10.0.0.7:4001"}}
          3-4: {line: none}
"""


UNIT = "racks.desk.units.np6450"

IN_THE_VIRTUAL_LAB = [
    ("lab: desk\n", "lab: desk\nfirmware: {}\n", "2: firmware: key 'images' is missing"),
    ("lab: desk\n", "lab: desk\nfirmware: {images: f, image: g}\n", "2: firmware: unknown key 'image' (did you mean"),
    (
        "lab: desk\n",
        "lab: desk\nfirmware: {images: f, oldest: 2.10, newest: 2.9}\n",
        "2: firmware.oldest: oldest (2.10) is newer than newest (2.9)",
    ),
    ("lab: desk\n", "lab: desk\nfirmware: {images: f, oldest: old}\n", "'old' is not a firmware version"),
    (
        "lab: desk\n",
        "lab: desk\nfirmware:\n  images: f\n  tools:\n    dsv: 2.4\n",
        "5: firmware.tools.dsv: unknown tool 'dsv' (did you mean 'dsu'?)",
    ),
    ("lab: desk\n", "lab: desk\nprofile: {advisories: warn}\n", "2: profile.advisories: 'warn' is not possible here"),
    (
        "outlet: relay/2",
        "allow: [downgrade]",
        f"17: {UNIT}.allow: downgrade is allowed, but flash is not; it needs both",
    ),
    ("lab: desk\n", "", "1: key 'lab' is missing"),
    ("    virtual: {}\n", "    virtual: [1]\n", "4: racks.desk.virtual: must be a mapping"),
    ("virtual: {}", "virtual: {boot_seconds: -1}", "4: racks.desk.virtual.boot_seconds: '-1' is out of range"),
    ("virtual: {}", "virtual: {network: nmespaces}", "'nmespaces' is not possible here (did you mean 'namespaces'?)"),
    ("model: NP6450", "model: NP6540", f"14: {UNIT}.model: unknown model 'NP6540' (did you mean 'NP6450'?)"),
    ("model: NP6450", "model: NP6450\n        firmware: 2.4", f"{UNIT}.firmware: unknown firmware '2.4'"),
    ("model: NP6450", "model: NP6450\n        firmware: new", "'new' is not a firmware version such as 2.3"),
    ("        model: NP6450\n", "", f"13: {UNIT}: key 'model' is missing"),
    ("192.168.127.12", "192.168.127.11", f"15: {UNIT}.address: 192.168.127.11 is the address of np6150 too"),
    ("192.168.127.12", "192.168.127.1", f"{UNIT}.address: 192.168.127.1 is the harness's own address in this rack"),
    ("192.168.127.12", "192.168.128.12", "192.168.128.12 is outside the rack's network 192.168.127.0/24"),
    ("192.168.127.12", "192.168.127.255", "192.168.127.255 is not an address a unit can have"),
    ("192.168.127.12", "192.168.127.300", f"15: {UNIT}.address: Octet 300 (> 255) not permitted"),
    ("192.168.127.12", "np6450.lab", f"15: {UNIT}.address: 'np6450.lab' does not have the form"),
    ("outlet: relay/2", "outlet: relay/9", "switch 'relay' has 8 channels, there is no relay/9"),
    ("outlet: relay/2", "outlet: rely/2", "rack 'desk' has no switch 'rely' (did you mean 'relay'?)"),
    ("outlet: relay/2", "outlet: 2", f"17: {UNIT}.outlet: "),
    (
        "outlet: relay/2",
        "reset_button: relay/1",
        "channel relay/1 is the outlet of np6150 and the reset button of np6450",
    ),
    (
        "outlet: relay/2",
        "allow: [power-cycle]",
        f"17: {UNIT}.allow: power-cycle is allowed, but no outlet feeds this unit",
    ),
    (
        "outlet: relay/2",
        "allow: [reboot]",
        "'reboot' is not possible here (possible: downgrade, factory-reset, flash, one-way, power-cycle, restart, "
        "sacrificial)",
    ),
    ("outlet: relay/2", "mac: 00-90-e8-01-02-03", "'00-90-e8-01-02-03' does not have the form"),
    ("outlet: relay/2", "defects: [telnet-stays]", "unknown defect 'telnet-stays'"),
    ("outlet: relay/2", "port_map: {tcp: {443: 8443}}", "a virtual rack makes its own port map; leave it out"),
    ("4: {line: none}", "4-5: {line: none}", f"21: {UNIT}.ports.4-5: a NP6450 has 4 ports, there is no port 5"),
    (
        "1-2: {line: loopback}",
        "1-3: {line: loopback}",
        "20: racks.desk.units.np6450.ports.3: port 3 is in '1-3' already",
    ),
    ("1-2: {line: loopback}", "2-1: {line: loopback}", "'2-1' is not a port number (1) or range (1-16)"),
    ("1-2: {line: loopback}", "1-2: {line: {pty: /dev/pts/7}}", "one plug cannot be in several ports"),
    ("1-2: {line: loopback}", "1-2: {line: {crosslink: np6150/1}}", "one plug cannot be in several ports"),
    (
        "1-2: {line: loopback}",
        "1: {line: {pty: /dev/pts/7}}\n          2: {line: {pty: /dev/../dev/pts/7}}",
        f"20: {UNIT}.ports.2.line: pty /dev/pts/7 is plugged into np6450/1 too",
    ),
    (
        "4: {line: none}",
        "4: {line: {adapter: /dev/ttyUSB0}}",
        f"21: {UNIT}.ports.4.line: a virtual rack brings its own adapters; write `line: adapter`",
    ),
    ("4: {line: none}", "4: {line: {adapter: 'socket://h:1'}}", "a virtual rack brings its own adapters"),
    ("4: {line: none}", "4: {line: {pty: pts/7}}", "'pts/7' is not the whole path of a pty or tty (/dev/pts/7)"),
    ("4: {line: none}", "4: {line: cable}", "a line is loopback, adapter, none, {adapter: device}, "),
    ("4: {line: none}", "4: {line: {pty: /dev/a, crosslink: np6150/1}}", "one port takes one plug"),
    ("4: {line: none}", "4: {line: {crosslink: np6450/3}}", "crosslink to np6450/3, but that port's line is adapter"),
    ("4: {line: none}", "4: {line: {crosslink: np6150/2}}", "crosslink to np6150/2, but a NP6150 has 1 port"),
    (
        "4: {line: none}",
        "4: {line: {crosslink: np6151/1}}",
        "crosslink to unknown unit 'np6151' (did you mean 'np6150'?)",
    ),
    ("4: {line: none}", "4: {line: {crosslink: np6450/4}}", "crosslink to itself"),
    ("4: {line: none}", "4: {line: {crosslink: np6450/1}}", "crosslink to np6450/1, but that port's line is loopback"),
    ("relay: {channels: 8}", "relay: {channels: 8, url: 'http://x/'}", "a virtual rack brings its own switch"),
    ("relay: {channels: 8}", "relay: {channels: 8, driver: http_rely}", "'http_rely' is not possible here"),
    ("      np6450:\n", "      np 6450:\n", "is not a usable name"),
    ("lab: desk", "lab: desk\nlab: desk", "2: lab: is here a second time; the first is on line 1"),
    (
        "lab: desk",
        "lab: desk\nprofile: {http: redirekt}",
        "2: profile.http: 'redirekt' is not possible here (did you mean 'redirect'?)",
    ),
]

IN_THE_REAL_LAB = [
    (
        "lab: plant\n",
        "lab: plant\nfirmware: {images: f, mcc_tool: virtual}\n",
        "2: firmware.mcc_tool: the virtual tool speaks to virtual units only; this lab has none",
    ),
    ('url: "http://10.0.0.5/", ', "", "5: racks.hall.switches.pdu-a: key 'url' is missing"),
    ("{file: secrets.yaml, key: one}", "{generated: true}", "a real unit cannot know a generated secret"),
    ("{env: PDU_PASSWORD}", "{generated: true}", "a real unit cannot know a generated secret"),
    ("outlet: pdu-a/4", "outlet: pdu-a/4\n        defects: [telnet-stays-open]", "only a unit of a virtual rack"),
    ("3-4: {line: none}", "3-4: {line: {adapter: /dev/ttyS0}}", "one plug cannot be in several ports"),
    (
        "3-4: {line: none}",
        "3: {line: {adapter: /dev/./ttyUSB0}}",
        "racks.hall.units.one.ports.3.line: adapter /dev/ttyUSB0 is plugged into one/1 too",
    ),
    (
        "3-4: {line: none}",
        "3: {line: {adapter: 'socket://10.0.0.7:4001'}}",
        "adapter socket://10.0.0.7:4001 is plugged into one/2 too",
    ),
    (
        "3-4: {line: none}",
        "3: {line: {adapter: ttyUSB1}}",
        "'ttyUSB1' is neither a device (/dev/ttyUSB0) nor a pyserial",
    ),
    ("3-4: {line: none}", "3: {line: {adapter: [1]}}", "an adapter is a device (/dev/ttyUSB0) or a pyserial URL"),
    ("3-4: {line: none}", "3: {line: adapter}", "which adapter? write {adapter: /dev/ttyUSB0}, or a pyserial URL"),
    ("3-4: {line: none}", "3: {line: {pty: /dev/pts/7}}", "only a port of a virtual rack can be a pty"),
    ("3-4: {line: none}", "17: {line: loopback}", "a NP6650-16 has 16 ports, there is no port 17"),
    ("{443: 8443}", "{443: 8443, 80: 8443}", "8443 is where tcp port 443 is reached already"),
    ("{443: 8443}", "{443: 99999}", "'99999' is out of range"),
    ("{443: 8443}", "{https: 8443}", "racks.hall.units.one.port_map.tcp"),
]
