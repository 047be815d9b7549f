#!/bin/sh
# The quick image's `claude`: no Claude Code, no model, of the hooks only the one that reports the start. It runs the shell text of QUICK_SCRIPT, in which `init`,
# `say TEXT` and `result [TEXT]` print the stream-json of a conversation without tool calls. TEXT stands inside JSON quotes.
if [ "$1" = --version ]; then
  echo '2.1.98 (Claude Code)'
  exit
fi
conversation=${QUICK_CONVERSATION:-$(cat /proc/sys/kernel/random/uuid)}
said=0
init() {
  [ ! -e /etc/claude-code/autonomous-orchestration.sh ] || echo '{"hook_event_name":"SessionStart"}' |
    sh /etc/claude-code/autonomous-orchestration.sh SessionStart /run/autonomous-orchestration
  printf '{"type":"system","subtype":"init","session_id":"%s","model":"quick","tools":[],"cwd":"/workspace","claude_code_version":"2.1.98"}\n' "$conversation"
}
say() {
  said=$((said + 1))
  printf '{"type":"assistant","message":{"id":"msg_%s_%s","role":"assistant","model":"quick","content":[{"type":"text","text":"%s"}],"usage":{"input_tokens":100,"output_tokens":20}},"parent_tool_use_id":null,"session_id":"%s"}\n' "$said" "$conversation" "$1" "$conversation"
}
result() {
  printf '{"type":"result","subtype":"success","is_error":false,"result":"%s","num_turns":1,"total_cost_usd":0.01,"session_id":"%s"}\n' "${1-Done.}" "$conversation"
}
eval "${QUICK_SCRIPT:-init; result}"
