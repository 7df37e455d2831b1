#!/bin/sh
# Make .venv from requirements.lock, or bring it up to date; all or nothing, one line if it cannot be.
set -eu
cd "$(dirname "$0")/.."
venv=.venv
stamp=$venv/.radiusmfa

fail() {
    printf 'radiusmfa: %s\n' "$1" >&2
    exit 1
}

usable() { # is this a Python of 3.11 or later that can make an environment?
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if [ -f "$stamp" ] && cmp -s "$stamp" requirements.lock && [ ! setup.cfg -nt "$stamp" ] &&
    "$venv/bin/python" -c 'import radiusmfa' 2>/dev/null; then
    exit 0
fi

python=
old=
for candidate in ${PYTHON:-/usr/bin/python3 python3.13 python3.12 python3.11 python3}; do
    if usable "$candidate"; then
        old=$candidate
        if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
            python=$candidate
            break
        fi
    fi
done
[ -n "$old" ] || fail "no Python of 3.11 or later found; install one, or name it: make PYTHON=/path/to/python3"
[ -n "$python" ] || fail "$old lacks the venv module; install it: apt-get install python3-venv"

log=$(mktemp 2>/dev/null) || fail "no room for a temporary file in ${TMPDIR:-/tmp}"
made=
finish() {
    rm -f "$log"
    [ -z "$made" ] || rm -rf "$venv"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ ! -x "$venv/bin/python" ]; then
    [ ! -e "$venv" ] || rm -rf "$venv"
    mkdir "$venv" 2>"$log" || fail "cannot write to $(pwd): $(sed 's/.*: //' "$log")"
    made=yes
fi
echo "radiusmfa: making the Python environment in $venv (a minute or so, the first time) ..." >&2

step() {
    what=$1
    shift
    "$@" >"$log" 2>&1 ||
        fail "$what failed: $(grep -iE 'error|no space|denied' "$log" | head -n 1 || tail -n 1 "$log")"
}
[ -z "$made" ] || step "making $venv" "$python" -m venv "$venv"
step "installing requirements.lock" "$venv/bin/python" -m pip install \
    --disable-pip-version-check --no-input --require-hashes -r requirements.lock
step "installing radiusmfa" "$venv/bin/python" -m pip install \
    --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
cp requirements.lock "$stamp"
made=
