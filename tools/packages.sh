#!/bin/sh
# Debian packages the two commands use. As root they are installed; otherwise the missing ones are named and the run goes on
# where it can: without iproute2 the virtual rack falls back to mapped ports on 127/8, the rest only serves the selftests.
set -eu

# program:package
wanted="ip:iproute2 openssl:openssl curl:curl ssh:openssh-client sshd:openssh-server telnet:telnet nmap:nmap snmpget:snmp
snmpd:snmpd freeradius:freeradius radclient:freeradius-utils chronyd:chrony chromium:chromium chromedriver:chromium-driver dig:bind9-dnsutils
dnsmasq:dnsmasq-base busybox:busybox tcpdump:tcpdump logger:bsdutils socat:socat ser2net:ser2net rlpr:rlpr lpd:lpr
p910nd:p910nd telnetd:inetutils-telnetd"
PATH="$PATH:/usr/sbin:/sbin"
missing=""
for pair in $wanted; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "setup     installing Debian packages:$missing"
    # A policy that answers 101 keeps Debian from starting the daemons it installs; it is removed again at the end.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT INT TERM
    fi
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "setup     not root, these Debian packages are missing:$missing"
    echo "          install them with: sudo apt-get install$missing"
    echo "          going on without them; what needs them says so in its result"
fi
