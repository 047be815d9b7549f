#!/bin/sh
# The newest image's `claude`: the native program, its model replaced by a script. The program takes the place of this
# shell, so that signals and the exit code are its own; the model's server ends with the container.
case "$1" in
  --version | -v) ;;
  *)
    # Only the errors of the server go on to whoever reads the CLI's.
    variables=$(node /opt/model/serve.mjs &)
    [ -n "$variables" ] || exit 1
    eval "$variables"
    ;;
esac
exec /opt/claude-code/claude "$@"
