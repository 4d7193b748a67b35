#!/bin/sh
# Makes the environment in .venv from requirements.lock: with uv where it is found, with venv and pip otherwise.
# Says in one line what it does; another Python than 3.11 to 3.13 gets a clear message.
set -eu
cd "$(dirname "$0")/.."

supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if command -v "$candidate" >/dev/null 2>&1 && supported "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    seen=$(python3 --version 2>/dev/null || echo "no python3")
    [ -z "${PYTHON:-}" ] || seen="$PYTHON is $("$PYTHON" --version 2>/dev/null || echo "not there")"
    cat >&2 <<EOM

❌ Problem: TXO needs Python 3.11, 3.12 or 3.13, and finds none here ($seen)

✅ Solution: Install one of them, or say where it is

📝 Example:
make demo PYTHON=/usr/bin/python3.12

EOM
    exit 2
}

if [ -e .venv ] && ! { supported .venv/bin/python && [ "$(cat .venv/place 2>/dev/null)" = "$(pwd -P)" ]; }; then
    echo "The environment in .venv was moved, or its Python does not work any more: making it anew"
    rm -rf .venv
fi
python=$(find_python)
echo "Environment: .venv, with $("$python" --version) (once; about a minute)"
place() { pwd -P > .venv/place; }
if command -v uv >/dev/null 2>&1; then
    [ -x .venv/bin/python ] || uv venv --quiet --python "$python" .venv
    place
    uv pip install --quiet --python .venv/bin/python --compile-bytecode --no-deps --require-hashes -r requirements.lock
    uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
else
    [ -x .venv/bin/pip ] || "$python" -m venv .venv || {
        printf '\n❌ Problem: %s has no venv\n\n✅ Solution: Install it\n\n📝 Example:\n%s\n\n' \
            "$python" "apt-get install python3-venv" >&2
        rm -rf .venv
        exit 2
    }
    place
    .venv/bin/pip install --quiet --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
    .venv/bin/pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
pwd -P > .venv/ready
