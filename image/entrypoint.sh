#!/bin/sh
# This image has no firewall. `docker.firewall: true` sets DISABLE_FIREWALL=false, and must not be ignored silently.
if [ "${DISABLE_FIREWALL:-true}" = false ]; then
  echo "This image has no firewall: use 'docker.network', or an image with a firewall, instead of 'docker.firewall'." >&2
  exit 1
fi
exec "$@"
