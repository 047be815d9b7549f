#!/bin/sh
# Behaves like the entrypoint of ChannelCoder's stock image: no firewall, no session, unless DISABLE_FIREWALL=true.
if [ "$DISABLE_FIREWALL" != true ]; then
  echo 'Initializing firewall...'
  if ! sudo --non-interactive iptables --policy OUTPUT DROP; then
    echo 'ERROR: the firewall did not start (it needs NET_ADMIN and NET_RAW); set DISABLE_FIREWALL=true to go without' >&2
    exit 1
  fi
fi
exec "$@"
