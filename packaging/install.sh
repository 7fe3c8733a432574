#!/bin/sh
# Installs the project into an interpreter: packaging/install.sh PYTHON [EXTRAS] [pip options]
# Shared by the Makefile, docker/Dockerfile and CI, so that all of them run the same set.
#
# dragonfly-opt 0.1.7 imports numpy.distutils in its setup.py, which numpy no longer has. Its wheel is pure Python, so it
# is built once against a stub of that package (packaging/build_stub) and kept in $SPNAS_WHEELS.
set -eu
python=$1
extras=${2:-}
[ $# -lt 2 ] && shift 1 || shift 2

root=$(cd "$(dirname "$0")/.." && pwd)
wheels=${SPNAS_WHEELS:-$root/.wheels}
constraints=$root/constraints.txt
dragonfly=$(sed -n 's/^dragonfly-opt==//p' "$constraints")

if ! ls "$wheels/dragonfly_opt-$dragonfly"-*.whl >/dev/null 2>&1; then
    mkdir -p "$wheels"
    "$python" -m pip install --quiet --constraint "$constraints" setuptools wheel
    PYTHONPATH=$root/packaging/build_stub "$python" -m pip wheel --quiet --no-deps --no-build-isolation \
        --wheel-dir "$wheels" "dragonfly-opt==$dragonfly"
fi

"$python" -m pip install --find-links "$wheels" --constraint "$constraints" "$@" "$root${extras:+[$extras]}"
