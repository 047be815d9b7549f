// `npm run claude-names`: lists the names of the newest Claude Code's messages and tools in `claude-names.json`. Messages are
// read from the type definitions of @anthropic-ai/claude-agent-sdk of the same release, tools from the program itself. Only the
// names are kept. The SDK is no dependency: npm would also install the program, which has about 400 MB.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './e2e/engine/run.mjs';

const folder = import.meta.dirname;
const versions = join(folder, '../src/core/orchestration/session/claude-versions.json');
const { newest } = JSON.parse(readFileSync(versions, 'utf8'));
const sdk = `0.3.${newest.split('.')[2]}`;
/** The messages on the standard output that the SDK's union of messages does not have. */
const OTHER_MESSAGES = ['SDKActiveGoalMessage'];
/** The control protocol, which only a program that writes stream-json to Claude Code takes part in. */
const CONTROL = ['SDKControlRequest', 'SDKControlResponse', 'SDKControlCancelRequest', 'SDKKeepAliveMessage'];

/**
 * The text of a type, without comments.
 *
 * @param {string} types
 * @param {string} name
 */
function typeText(types, name) {
  const start = new RegExp(`\\bdeclare type ${name}\\b[^=]*=`).exec(types);
  if (!start) throw new Error(`the SDK has no type ${name}`);
  let depth = 0;
  let at = start.index + start[0].length;
  const from = at;
  for (; at < types.length && !(types[at] === ';' && depth === 0); at++) {
    if ('{(['.includes(types[at] ?? '')) depth += 1;
    else if ('})]'.includes(types[at] ?? '')) depth -= 1;
  }
  return types.slice(from, at).replaceAll(/\/\*.*?\*\//gs, '');
}

/**
 * The literals of a property at the first level of a type.
 *
 * @param {string} text
 * @param {string} name
 */
const literals = (text, name) =>
  [...text.matchAll(new RegExp(`^ {4}${name}: ([^;]+);`, 'gm'))].flatMap(([, value = '']) =>
    [...value.matchAll(/'([^']+)'/g)].map(([, literal = '']) => literal),
  );

/**
 * @param {string} types
 * @param {string} name
 * @returns {string[]} `type`, or `type/subtype`
 */
function kindsOf(types, name) {
  const text = typeText(types, name);
  if (!text.includes('{')) {
    return text.split('|').flatMap((part) => kindsOf(types, part.trim().replace(/^coreTypes\./, '')));
  }
  const [type] = literals(text, 'type');
  const subtypes = literals(text, 'subtype');
  return subtypes.length === 0 ? [`${type}`] : subtypes.map((subtype) => `${type}/${subtype}`);
}

/**
 * @param {string} spec
 * @param {string} path
 * @param {string} to
 */
async function unpacked(spec, path, to) {
  const tarball = await run('npm', ['pack', spec, '--pack-destination', to, '--silent']);
  await run('tar', ['-xzf', join(to, tarball), '-C', to, '--strip-components=1', `package/${path}`]);
  return join(to, path);
}

const to = mkdtempSync(join(tmpdir(), 'claude-names-'));
try {
  const types = readFileSync(await unpacked(`@anthropic-ai/claude-agent-sdk@${sdk}`, 'sdk.d.ts', to), 'utf8');
  const program = readFileSync(
    await unpacked(`@anthropic-ai/claude-code-linux-${process.arch}@${newest}`, 'claude', to),
  );
  const listAt = program.indexOf('["Agent","');
  const list = program.subarray(listAt, program.indexOf(']', listAt) + 1).toString('utf8');
  const sorted = (/** @type {string[]} */ names) => [...new Set(names)].sort();
  const names = {
    release: newest,
    messages: sorted(['SDKMessage', ...OTHER_MESSAGES].flatMap((name) => kindsOf(types, name))),
    control: sorted(CONTROL.flatMap((name) => kindsOf(types, name))),
    tools: sorted(JSON.parse(list)),
  };
  writeFileSync(join(folder, 'claude-names.json'), `${JSON.stringify(names, undefined, 2)}\n`);
  console.log(`${names.messages.length} messages and ${names.tools.length} tools of ${newest}`);
} finally {
  rmSync(to, { recursive: true, force: true });
}
