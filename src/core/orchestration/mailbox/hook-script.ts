import type { ResolvedPolicy } from '../session/policy.js';
import { NAME_REQUEST, PAUSE } from '../util/shell-quote.js';

/** How much longer than any approval a hook waits for an answer. After that, it treats the process as dead. */
const BEYOND_APPROVAL_MS = 60_000;
/** If the process hasn't acknowledged a question within this time, the hook treats it as dead. */
const HOST_SILENT_MS = 5_000;

/**
 * The hook. It writes its input from Claude Code into the folder of requests, and waits for the process's answer in a folder
 * that it can only read. If a hook fails with any exit code but 2, Claude Code lets the call pass. So every failure before a
 * tool call ends with exit code 2. The other events must not block, and end with 1.
 */
export function hookScript({ approvalTimeoutMs, onHostLost }: ResolvedPolicy): string {
  return `#!/bin/sh
# Written by autonomous-orchestration: asks the process that manages the session before a tool call, and gives its messages to the agent.
# usage: hook.sh EVENT FOLDER [turns]   (Claude Code's hook input on standard input)
event=$1
requests=$2/requests
answers=$2/answers
PATH=/usr/bin:/bin\${PATH:+:$PATH}
unset IFS
umask 022
export LC_ALL=C

failed=2
[ "$event" = PreToolUse ] || failed=1
fail() {
  trap - EXIT
  echo "The guard of this session could not be asked: $1" >&2
  exit "$failed"
}
trap 'fail "the hook was ended"' HUP INT TERM
trap '[ $? -eq 0 ] || fail "the hook failed"' EXIT

# After a tool call and at the end there is a message only if the process announced one. A session that takes turns with a
# person asks at the end in any case. What ran is always reported, and so is the start: it shows that Claude Code runs the hooks.
asks=
holds=
name=json
case $event in
  PreToolUse | UserPromptSubmit) asks=1 holds=1 ;;
  Stop | StopFailure) asks=\${3-} ;;
  SessionStart) name=done ;;
  *) [ -e "$answers/steer" ] || name=done ;;
esac
[ -n "$asks" ] || [ "$name" = done ] || [ -e "$answers/steer" ] || exit 0

${NAME_REQUEST}
[ -n "$id" ] || fail "it has no id"
cat > "$requests/$id.part" || fail "the request cannot be written"
mv "$requests/$id.part" "$requests/$id.$name" || fail "the request cannot be sent"
[ "$name" = json ] || exit 0

waited=0
beat=
until [ -e "$answers/$id" ]; do
  # A process that is alive changes this file now and then, however long the decision takes.
  if [ -e "$answers/$id.beat" ] && read -r next < "$answers/$id.beat" && [ "$next" != "$beat" ]; then
    beat=$next
    waited=2000
  fi
  if [ -z "$holds" ]; then
    [ "$waited" -lt ${HOST_SILENT_MS} ] || exit 0
${
  onHostLost === 'allow'
    ? `  elif [ "$waited" -ge ${HOST_SILENT_MS} ] && [ ! -e "$answers/$id.asked" ]; then
    exit 0
`
    : ''
}  elif [ "$waited" -ge ${approvalTimeoutMs + BEYOND_APPROVAL_MS} ]; then
    fail "no process answers"
  fi
${PAUSE}
done
[ -s "$answers/$id" ] || exit 0
cat "$answers/$id" || fail "the answer cannot be read"
# A denial is one also where Claude Code cannot read what was printed.
[ "$event" != PreToolUse ] || { trap - EXIT; exit 2; }
exit 0
`;
}
