// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ChannelCoder's syntax, in plain text
import { session } from 'channelcoder';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LITERAL_DATA, literalPrompt } from '../../../../src/core/orchestration/channelcoder/literal-prompt.js';
import { planRun } from '../../../../src/core/orchestration/channelcoder/plan.js';

const DOCKER = { image: 'image', cwd: '/work', mounts: [], env: {} };

async function channelCodersPrompt(text: string): Promise<unknown> {
  const { data } = await session({ autoSave: false }).detached(literalPrompt(text), {
    data: LITERAL_DATA,
    docker: DOCKER,
    dryRun: true,
  });
  return (data as { prompt?: unknown } | undefined)?.prompt;
}

async function stdinFor(text: string): Promise<unknown> {
  const plan = await planRun({ prompt: { text }, docker: DOCKER, logFile: '/log', claude: {} });
  return plan.kind === 'planned' ? plan.stdin : plan;
}

/** What ChannelCoder takes for a file, a variable, an escape or one of its own placeholders. */
const telling = [
  ...[
    '{',
    '}',
    '{nothing}',
    '${nothing}',
    '{name}',
    '${name}',
    '{a.b}',
    '{a ? b : c}',
    '\\{',
    '\\${',
    '$',
    '\\',
    '$\\',
  ],
  ...['/', './', '../', 'C:\\', 'src/index', '.ts', '.md', 'a.txt', 'x/y.z', ' ', '\n', '\r\n', '\u0000', '\u0001'],
  ...['---\n', '---js\nmodule.exports = {}\n---\n', '`', '"', "'", '%s', '\ud83d\ude00', '\ufeff'],
];
const part = fc.oneof(
  { arbitrary: fc.constantFrom(...telling), weight: 3 },
  { arbitrary: fc.string({ unit: 'binary' }), weight: 1 },
);
const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));

describe('a literal prompt', () => {
  it("a literal prompt reaches Claude's standard input unchanged, whatever it contains", async () => {
    await fc.assert(
      fc.asyncProperty(text, async (prompt) => {
        expect(await stdinFor(prompt)).toBe(prompt);
      }),
      { numRuns: 200 },
    );
  });

  it("ChannelCoder's own plan holds a literal prompt unchanged, unless it contains U+0000 or U+0001", async () => {
    const expressible = text.map((prompt) => prompt.replaceAll('\u0000', '').replaceAll('\u0001', ''));
    await fc.assert(
      fc.asyncProperty(expressible, async (prompt) => {
        expect(await channelCodersPrompt(prompt)).toBe(prompt);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    'Fix src/index.ts',
    '/help',
    './run.sh',
    '../up',
    '/etc/passwd',
    'README.md',
    'C:\\work\\file.txt',
    'keep {this} and ${that}',
    'escaped \\{this} and \\${that}',
    'ends with a dollar $',
    'ends with a backslash \\',
    '{cond ? "yes" : "no"}',
    '{',
    '${',
  ])('the literal prompt %j is treated neither as a file nor as a template', async (prompt) => {
    expect(await channelCodersPrompt(prompt)).toBe(prompt);
    expect(await stdinFor(prompt)).toBe(prompt);
  });
});
