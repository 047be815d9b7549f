#!/bin/sh
# The newest image's `claude`: the native program, with a script instead of its model. The program replaces this shell, so that
# signals and the exit code are its own. The model's server ends with the container.
case "$1" in
  --version | -v) ;;
  *)
    # Of the server's outputs, only its errors reach the reader of the CLI's errors.
    variables=$(node /opt/model/serve.mjs &)
    [ -n "$variables" ] || exit 1
    eval "$variables"
    ;;
esac
exec /opt/claude-code/claude "$@"
