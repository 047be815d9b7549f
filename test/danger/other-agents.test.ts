// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is shell code
import { describe, expect, it } from 'vitest';
import { level } from './rate.js';

const DANGEROUS = [
  'claude --dangerously-skip-permissions -p x',
  'claude -p x --permission-mode bypassPermissions',
  'codex --yolo x',
  'codex exec --dangerously-bypass-approvals-and-sandbox x',
  'codex --full-auto x',
  'codex -a never x',
  'codex --ask-for-approval never -s danger-full-access x',
  'codex --sandbox=danger-full-access x',
  'codex -c approval_policy="never" x',
  'codex -c sandbox_mode=danger-full-access exec x',
  'codex exec -c \'approval_policy="never"\' x',
  'npx @openai/codex --yolo x',
  'npx -y @openai/codex@latest exec --full-auto x',
  'pnpm dlx @google/gemini-cli -y',
  'bunx @google/gemini-cli --yolo -p x',
  'gemini -y -p x',
  'gemini --yolo',
  'gemini --approval-mode yolo',
  'gemini --approval-mode=yolo -p x',
  'qwen -y',
  'aider --yes-always --message x',
  'aider --yes -m x',
  'AIDER_YES_ALWAYS=1 aider -m x',
  'export AIDER_YES_ALWAYS=true; aider -m x',
  'uvx --from aider-chat aider --yes-always',
  'cursor-agent -f -p x',
  'cursor-agent -p --force x',
  'copilot --allow-all-tools -p x',
  'copilot -p x --allow-all',
  'copilot --yolo',
  'npx @github/copilot --allow-all-tools -p x',
  'GOOSE_MODE=auto goose run -t x',
  'amp --dangerously-allow-all -x x',
  'npx @sourcegraph/amp --dangerously-allow-all',
  'droid exec --auto high x',
  'droid exec --skip-permissions-unsafe x',
  'q chat --trust-all-tools x',
  'kiro-cli chat -a x',
  'crush --yolo',
  'opencode run --dangerously-skip-permissions x',
  'OPENCODE_PERMISSION=\'{"*":"allow"}\' opencode run x',
  'openhands --always-approve -t x',
  'cline -y x',
  'kilocode --auto x',
  'interpreter -y',
  'some-agent --dangerously-skip-permissions',
  "timeout 60 bash -c 'codex --yolo x'",
  "tmux new -d 'codex --yolo x'",
  'echo x | xargs codex exec --yolo',
  'sudo -u x env - gemini -y',
];

const HARMLESS = [
  'codex --version',
  "codex exec 'explain this'",
  'codex -a on-request x',
  'codex -m gpt-5 -s read-only x',
  "gemini -p 'what is this'",
  'gemini --help',
  'aider --message x',
  'cursor-agent -p x',
  'copilot -p x',
  'goose run -t x',
  'amp login',
  'q chat',
  'opencode run x',
  'echo --dangerously-skip-permissions',
  'grep -rn -- --dangerously-skip-permissions docs',
  "git commit -m 'Do not use --yolo'",
  'mini --help',
  'npx @openai/codex --help',
];

describe('another agent', () => {
  it.each(DANGEROUS)('another agent that asks nobody is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
  });

  it.each(HARMLESS)('another agent that asks is not critical: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});
