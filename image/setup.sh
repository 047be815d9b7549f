#!/bin/sh
# Runs as root while the image is built: installs the programs that are missing, and prepares the user and the workspace.
set -eu

missing=
needs() { # program, package
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
needs git git
needs tmux tmux
needs rg ripgrep
needs ssh openssh-client
needs less less
needs ps procps
needs setpriv util-linux
needs stat coreutils
needs find findutils
needs useradd passwd
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "The base image has no apt-get to install:$missing. Choose a Debian or Ubuntu image with --base, or install them in it." >&2
    exit 1
  fi
  apt-get update
  # shellcheck disable=SC2086 # a list of names
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing
  rm -rf /var/lib/apt/lists/*
fi

# Node's images have the user `node` with this id, Ubuntu's the user `ubuntu`.
getent passwd 1000 >/dev/null || useradd --create-home --uid 1000 --shell /bin/bash node
home=$(getent passwd 1000 | cut -d: -f6)
group=$(getent passwd 1000 | cut -d: -f4)
install -d -o 1000 -g "$group" "$home" "$home/.claude" /workspace

# With these answers, Claude's terminal UI asks a person nothing before it begins. Settings of the base image are kept.
[ -e "$home/.claude.json" ] || cat >"$home/.claude.json" <<'JSON'
{
  "hasCompletedOnboarding": true,
  "bypassPermissionsModeAccepted": true,
  "projects": { "/workspace": { "hasTrustDialogAccepted": true } }
}
JSON
[ -e "$home/.claude/settings.json" ] || cat >"$home/.claude/settings.json" <<'JSON'
{ "skipDangerousModePermissionPrompt": true }
JSON
chown 1000:"$group" "$home/.claude.json" "$home/.claude/settings.json"
