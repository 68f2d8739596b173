#!/usr/bin/env bash
# What "make setup" does, in three steps that each say what is missing and how to get it.
#
#   tools/setup.sh system [python3]  Debian packages that napari's window needs (installed when root)
#   tools/setup.sh venv [python3]    .venv with the versions of constraints.txt
#   tools/setup.sh check             can Qt's window plugin be loaded, is there a screen or Xvfb
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

debian_packages=(
  xvfb xauth
  libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0
  libegl1 libfontconfig1 libdbus-1-3 libglib2.0-0
)

# Ubuntu 24.04 and Debian 13 renamed libglib2.0-0 to libglib2.0-0t64, which "Provides" the old name.
installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ||
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1t64" 2>/dev/null)" = installed ]
}

system() {
  local python="$1"
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || return 0 # not Debian: "check" speaks
  local missing=() package
  for package in "${debian_packages[@]}"; do
    installed "$package" || missing+=("$package")
  done
  [ -x .venv/bin/python ] || "$python" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  [ ${#missing[@]} -gt 0 ] || return 0

  if [ "$(id -u)" -eq 0 ]; then
    echo "Installing Debian packages: ${missing[*]}"
    if apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; then
      return 0
    fi
    echo "These packages could not be installed. Setup goes on; the window or the tests may not work." >&2
  else
    echo "Missing Debian packages: ${missing[*]}. Setup goes on without them. To install them:" >&2
    echo "    sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
  fi
}

venv() {
  local python="$1"
  if ! [ -x .venv/bin/python ]; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
      echo "napari-diffseg needs Python 3.11 or newer; “$python” is $("$python" --version 2>/dev/null || echo missing)." >&2
      echo "Install a newer one and name it: make setup PYTHON=python3.12" >&2
      exit 1
    }
    "$python" -m venv .venv || {
      rm -rf .venv
      echo "The virtual environment could not be made. On Debian: apt-get install python3-venv" >&2
      exit 1
    }
  fi
  echo "Installing into .venv; the first time takes some minutes."
  .venv/bin/python -m pip install --quiet --no-warn-script-location -c constraints.txt -e '.[all,test]'
}

check() {
  [ "$(uname)" = Linux ] || return 0
  local plugin lost
  plugin=$(find .venv/lib -path '*/Qt6/plugins/platforms/libqxcb.so' -print -quit)
  # Qt's own message blames libxcb-cursor0 whichever library is missing; ldd names the right one.
  lost=$([ -z "$plugin" ] || ldd "$plugin" | awk '/not found/ {print $1}' | sort -u | paste -sd' ')
  [ -z "$lost" ] || echo "Qt cannot open a window: the libraries $lost are missing." >&2
  command -v xvfb-run >/dev/null || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] ||
    echo "There is no screen and no Xvfb: install xvfb and xauth before “make demo” or “make test”." >&2
}

case "${1:-}" in
  system | venv) "$1" "${2:-python3}" ;;
  check) check ;;
  *) sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
esac
