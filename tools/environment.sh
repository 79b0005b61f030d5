#!/bin/sh
# The Python environment, at the versions of constraints.txt. Arguments: the python to use, the folder to make.
set -eu
python=$1
venv=$2

if ! command -v "$python" >/dev/null 2>&1 || ! "$python" -c 'import ensurepip' >/dev/null 2>&1; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv >/dev/null
    else
        echo "setup     python3 with venv is missing; install it with: sudo apt-get install python3 python3-venv" >&2
        exit 1
    fi
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup     $("$python" --version) is too old: Python 3.11 or newer is needed (make PYTHON=/path/to/python3 ...)" >&2
    exit 1
}
# apt and pip wait for different things; `make setup` asks for the Debian packages again and waits for what is missing.
[ "$(id -u)" -ne 0 ] || sh tools/packages.sh &
echo "setup     making $venv (packages from constraints.txt)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
failed=0
"$venv/bin/pip" install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]' || failed=$?
wait
exit $failed
