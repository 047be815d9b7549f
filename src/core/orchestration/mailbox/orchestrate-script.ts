import { NAME_REQUEST, PAUSE, quoted } from '../util/shell-quote.js';

/** The help text of the command. */
export const ORCHESTRATE_USAGE = `Usage: orchestrate COMMAND [--json] ...

  create [OPTION]... PROMPT      starts a session below this one, or queues it
      --mode MODE                autonomous (default), planning, worktree or orchestration
      --branch B [--base B]      works in a git worktree of its own on this branch
      --after ID                 starts when this session below yours has completed; may be repeated
      --after-ended ID           starts when this session has ended, however it went; may be repeated
      --priority P               high, normal or low; at most that of your own session, which is the default
      --task-id T                your own name for the work
      --model M  --effort E      default: as this session's. E is low, medium, high, xhigh or max
      --fallback-models M,M      what to use while the model is overloaded
      --output SCHEMA            a JSON Schema that its result has to fit; 'wait --json' shows the result as 'output'
      --output-retries N         how often it is asked again if the result does not fit (default 2)
      --max-turns N  --cost-usd N  --tokens N  --duration-ms N  --idle-ms N
                                 what it may spend
      --children N  --depth N    how many sessions, and how many levels of them, may be below it
      --deny TOOL  --ask TOOL    tools that it may not use, or a person is asked about; may be repeated
      --dangerous DECISION       deny, ask or allow: what becomes of dangerous tool calls
  list                           the sessions below this one, oldest first
  wait [--any] [--timeout SECONDS] [ID]...
                                 until all have ended; with --any, until one has (without IDs: one that still goes on).
                                 Default 90 seconds, at most a day; waiting again is fine.
  logs [--tail N] ID             its latest messages and tool calls (default 20)
  continue ID FEEDBACK           takes its conversation up again
  cancel ID [REASON]             ends it
  help                           this text

A last argument '-' stands for standard input. Any other PROMPT that begins with a dash goes behind '--'.
A line has id, mode, status and the first line of the result, between tabs; --json has all of the result.
Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 wait: the time is over; 4 wait: ended, but not all completed.
`;

/**
 * The command `orchestrate`, in POSIX `sh`, for the agent of an orchestration session. It writes its arguments, each ended by
 * NUL, into the folder of requests. Then it waits for the process's answer in a folder that it can only read. The answer is a
 * line with the exit code, followed by the text. If a request disappears, the process treats it as withdrawn.
 *
 * There is no time limit, because `wait` may take long. If standard input replaces the last argument, it goes behind a `--`. So
 * a prompt that begins with a dash is not taken for an option.
 *
 * @param meeting the folder of `requests` and `answers`, as the command sees it
 */
export function orchestrateScript(meeting: string): string {
  return `#!/bin/sh
# Written by autonomous-orchestration: asks the process for sessions below this one. 'orchestrate help' says more.
set -u
meeting=${quoted(meeting)}
requests=$meeting/requests
answers=$meeting/answers
PATH=/usr/bin:/bin\${PATH:+:$PATH}
unset IFS
umask 022
export LC_ALL=C

id=
withdraw() {
  rm -f "$requests/$id.part" "$requests/$id.args"
}
fail() {
  [ -z "$id" ] || withdraw
  printf 'orchestrate: %s\\n' "$1" >&2
  exit 1
}
[ -d "$requests" ] || fail 'this works only inside an orchestration session'

[ $# -gt 0 ] || set -- help
dashes=--
for last do
  [ "$last" != -- ] || dashes=
done
if [ "$last" = - ]; then
  text=$(cat) || fail 'the standard input cannot be read'
  # All go round once, which brings '-' to the front.
  left=$#
  while [ "$left" -gt 1 ]; do
    set -- "$@" "$1"
    shift
    left=$((left - 1))
  done
  shift
  set -- "$@" \${dashes:+--} "$text"
fi

${NAME_REQUEST}
[ -n "$id" ] || fail 'the request has no id'
trap 'withdraw; exit 129' HUP
trap 'withdraw; exit 130' INT
trap 'withdraw; exit 143' TERM
printf '%s\\000' "$@" > "$requests/$id.part" || fail 'the request cannot be written'
mv "$requests/$id.part" "$requests/$id.args" || fail 'the request cannot be sent'

waited=0
until [ -e "$answers/$id" ]; do
${PAUSE}
done

code=
{
  read -r code
  case $code in
    0 | 3 | 4) cat ;;
    [0-9] | [0-9][0-9]) cat >&2 ;;
    *) code= ;;
  esac
} < "$answers/$id"
[ -n "$code" ] || fail 'the answer cannot be read'
exit "$code"
`;
}
