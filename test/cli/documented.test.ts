import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cli } from '../support/cli-machine.js';
import { tempFolder } from '../support/temp-folder.js';

const ROOT = join(import.meta.dirname, '../..');
/** The image is not there before the build, so that nothing has to be replaced. */
const PROGRAMS = {
  docker: `
    case "$1 $2" in
      "version "*) echo amd64 ;;
      "image inspect") [ -e "$(dirname "$0")/built" ] ;;
      "build "*) : >"$(dirname "$0")/built" ;;
    esac`,
  npm: `: >"$4/claude.tgz"; echo '[{"filename": "claude.tgz", "version": "2.1.332"}]'`,
  security: 'echo sk-ant-oat01-x',
  pass: 'echo sk-ant-oat01-x',
};

const commands = ['README.md', 'docs/start.md'].flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```(?:sh|yaml)\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
    [...block.matchAll(/npx autonomous-orchestration ([^#|\n]+)/g)].map(([, line = '']) => line.trim()),
  ),
);

it('the pages show commands', () => {
  expect(new Set(commands.map((line) => line.split(' ').slice(0, 2).join(' ')))).toContain('image build');
  expect(commands.length).toBeGreaterThan(8);
});

it.each([...new Set(commands)])('the documented command can be run: %s', async (line) => {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
  const args = words.map((word) => (word === '/srv/agents/state' ? tempFolder() : word));
  const { exitCode, said } = await cli(args, {
    programs: PROGRAMS,
    input: 'sk-ant-oat01-x',
    env: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  // Without an engine, doctor ends with 1. Without a terminal, a login that asks a person is refused, and says so.
  const expected = args[0] === 'doctor' ? 1 : args.length === 2 && args[1] === 'login' ? 2 : 0;
  expect(exitCode, said).toBe(expected);
  if (expected === 2) expect(said).toContain('needs a terminal');
});
