import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tempFolder } from './support/temp-folder.js';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

const pages = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'));

async function example(name: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, ['--import', 'tsx', join(root, 'examples', name), ...args], {
    env: { ...process.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
    cwd: root,
  });
  return stdout;
}

describe('the documentation', () => {
  it.each(pages)('%s shows only code that stands in an example', (page) => {
    const sources = examples.map((name) => readFileSync(join(root, 'examples', name), 'utf8'));
    const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(
      ([, code]) => code ?? '',
    );
    for (const block of blocks)
      expect(
        sources.some((source) => source.includes(block)),
        block,
      ).toBe(true);
  });

  it.each(pages)('%s has no dead links to files', (page) => {
    const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)].map(
      ([, link]) => link ?? '',
    );
    for (const link of links) expect(existsSync(join(root, page, '..', link)), link).toBe(true);
  });

  it.each(pages)('%s has no dead links to headings', (page) => {
    const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)];
    for (const [link, file, anchor] of links) {
      const target = file ? join(root, page, '..', file) : join(root, page);
      expect(anchorsOf(readFileSync(target, 'utf8')), link).toContain(anchor);
    }
  });

  it.each(['docs/reliability.md', 'docs/security.md'])('%s names tests that are there', (page) => {
    // A link to a test's file, and the names of tests in it.
    const references = [
      ...readFileSync(join(root, page), 'utf8').matchAll(/\]\((\.\.\/test\/[^)]+)\)((?: _[^_\n]+_)*)/g),
    ];
    expect(references.length).toBeGreaterThan(10);
    for (const [reference, file = '', names = ''] of references) {
      const source = readFileSync(join(root, page, '..', file), 'utf8');
      expect(names, reference).not.toBe('');
      for (const [, name = ''] of names.matchAll(/ _([^_]+)_/g)) expect(source, file).toContain(name);
    }
  });
});

/** What the headings of a page are called in a link, on GitHub. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the examples', () => {
  it('simulated.ts shows an error of a tool and the answer to feedback', async () => {
    expect(await example('simulated.ts', tempFolder())).toBe('command_failed\nYou said: Try again\n');
  });

  it('errors.ts is refused with a code and the next step', async () => {
    expect(await example('errors.ts', tempFolder())).toMatch(/^UNSAFE_MOUNT: Mounting "\/" is refused/);
  });

  it('are all run by a test', () => {
    const here = ['simulated.ts', 'errors.ts'];
    const endToEnd = ['demo.ts', 'guard.ts', 'quickstart.ts', 'recover.ts', 'steer.ts', 'worktree.ts'];
    expect(examples.toSorted()).toEqual([...here, ...endToEnd].toSorted());
    const tests = ['demo.test.ts', 'examples.test.ts']
      .map((name) => readFileSync(join(root, 'test/e2e', name), 'utf8'))
      .join('\n');
    for (const name of endToEnd) expect(tests).toContain(name);
  });
});
