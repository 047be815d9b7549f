// `npm run check:claude`: compares the newest release of Claude Code in the tests with the newest release in the registry. If
// they differ, the exit code is 1. Then change `newest` in src/core/orchestration/session/claude-versions.json and run the tests.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

const file = join(import.meta.dirname, '../../../src/core/orchestration/session/claude-versions.json');
const { newest } = JSON.parse(readFileSync(file, 'utf8'));
const registry = await run('npm', ['view', '@anthropic-ai/claude-code', 'version']);
console.log(newest === registry ? `${newest} is the newest release` : `tested: ${newest}, released: ${registry}`);
process.exitCode = newest === registry ? 0 : 1;
