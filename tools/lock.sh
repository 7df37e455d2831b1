#!/bin/sh
# Resolve setup.cfg with every extra into requirements.lock: with hashes, without index addresses.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/python -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pip-tools
"$folder/venv/bin/pip-compile" --quiet --allow-unsafe --all-extras --strip-extras --generate-hashes \
    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --no-header \
    ${UPGRADE:+--upgrade} --output-file "$folder/lock" setup.cfg
{
    echo '# The exact set, every extra included: pip install --require-hashes -r requirements.lock'
    echo '# Made by `make lock`; do not edit.'
    cat "$folder/lock"
} >requirements.lock
