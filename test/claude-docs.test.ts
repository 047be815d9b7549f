import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasNoHook, KNOWN_TOOLS, toolsOff } from '../src/core/orchestration/guard/claude-tools.js';
import { ClaudeEventReader } from '../src/core/orchestration/monitoring/claude-events.js';
import versions from '../src/core/orchestration/session/claude-versions.json' with { type: 'json' };
import { rateDanger } from '../src/danger/index.js';
import { CLAUDE_MESSAGES } from './claude-messages.js';
import names from './claude-names.json' with { type: 'json' };

const PAGE = join(import.meta.dirname, '../docs/claude-code.md');

/** What the reader reports of a message, as words of a table. */
function observedAs(sample: object): string {
  const kinds = new Set(
    new ClaudeEventReader().read(sample).map((one) => (one.kind === 'error' ? `error ${one.code}` : one.kind)),
  );
  return kinds.size === 0 ? 'nothing' : [...kinds].map((kind) => `\`${kind}\``).join(', ');
}

function messageTable(): string {
  const rows = Object.entries(CLAUDE_MESSAGES).map(
    ([kind, { sample, becomes }]) => `| \`${kind.replace('/', ' / ')}\` | ${observedAs(sample)} | ${becomes} |`,
  );
  return ['| message | observed as | what becomes of it |', '| --- | --- | --- |', ...rows].join('\n');
}

const CONTEXT = { workspace: '/workspace', container: true };
/** True if this input makes a call of the tool dangerous. */
const isRated = (tool: string, input: object): boolean => rateDanger({ tool, input }, CONTEXT) !== undefined;

/** Where the danger rules look in a call of the tool, found out by dangerous calls. */
function ratedBy(tool: string): string {
  const command = isRated(tool, { command: 'rm -rf /' });
  const reads = isRated(tool, { file_path: '/home/node/.ssh/id_rsa' });
  const writes = isRated(tool, { file_path: '/usr/bin/env', notebook_path: '/usr/bin/env' });
  if (command) return reads ? 'commands, code, SQL and paths in its input' : 'its shell command';
  if (writes) return 'the path that it changes';
  if (reads) return 'the path that it reads';
  return isRated(tool, { path: '/', pattern: '**/*.pem' }) || tool === 'Glob'
    ? 'what it searches for'
    : 'nothing: it changes nothing itself';
}

/** Tools whose answers come from a person. */
const ANSWERED = ['AskUserQuestion'];

function guardOf(tool: string): string {
  if (toolsOff(['EnterPlanMode', tool]).includes(tool)) return 'off, except in a terminal: nobody could approve a plan';
  const hook = hasNoHook(tool) ? '; no hook' : '';
  if (toolsOff().includes(tool)) return `off unless \`tools\` names it${hook}`;
  return ANSWERED.includes(tool) ? 'a person answers' : `asks${hook}`;
}

function toolTable(): string {
  const rows = KNOWN_TOOLS.map((tool) => `| \`${tool}\` | ${ratedBy(tool)} | ${guardOf(tool)} |`);
  return ['| tool | rated by | guard |', '| --- | --- | --- |', ...rows].join('\n');
}

/** The formatter decides how wide the columns are. */
const plain = (text: string): string => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');

it('docs/claude-code.md has the tables as the code makes them', async () => {
  const text = await readFile(PAGE, 'utf8');
  let written = text;
  for (const [name, table] of [
    ['messages', messageTable()],
    ['tools', toolTable()],
  ] as const) {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    expect(text).toContain(begin);
    written = written.replace(new RegExp(`${begin}[^]*${end}`), () => `${begin}\n\n${table}\n\n${end}`);
  }
  if (process.env.RENEW_CLAUDE) await writeFile(PAGE, written);
  else expect(plain(text), 'other tables; `npm run claude-tables` renews them').toBe(plain(written));
});

describe('the newest release of Claude Code', () => {
  it('is the one whose names are listed (`npm run claude-names`)', () => {
    expect(names.release).toBe(versions.newest);
  });

  it('has no kind of message that the page lacks, and the page has no other', () => {
    expect(Object.keys(CLAUDE_MESSAGES).sort()).toEqual(names.messages);
    for (const [kind, { sample, becomes }] of Object.entries(CLAUDE_MESSAGES)) {
      expect(becomes.startsWith('ignored'), `${kind}: ${becomes}`).toBe(observedAs(sample) === 'nothing');
      const { type, subtype } = sample as { type: string; subtype?: string };
      expect(subtype === undefined ? type : `${type}/${subtype}`).toBe(kind);
    }
  });

  it('has no tool that the library does not know', () => {
    expect(names.tools.filter((tool) => !KNOWN_TOOLS.includes(tool))).toEqual([]);
  });

  it.each(names.control)('%s, of a protocol in which the library takes no part, reports nothing', (type) => {
    expect(new ClaudeEventReader().read({ type, request: { subtype: 'can_use_tool' } })).toEqual([]);
  });
});
