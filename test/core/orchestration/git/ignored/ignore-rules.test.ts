import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommittedRules } from '../../../../../src/core/orchestration/git/ignored/committed-rules.js';
import { IgnoreRules } from '../../../../../src/core/orchestration/git/ignored/ignore-rules.js';
import { git, repository } from '../../../../support/git.js';
import { tempFolder } from '../../../../support/temp-folder.js';

function commit(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
    git(root, 'add', '--force', path);
  }
  git(root, 'commit', '--quiet', '--message', 'Rules');
}

function given(): { root: string; file: string } {
  const root = repository();
  commit(root, { '.gitignore': 'artifacts/\r\n*.cache\n# src/\n', 'web/.gitignore': '/bundle\n' });
  return { root, file: join(tempFolder(), 'ignored.json') };
}

async function read(
  workspace: string,
  file: string,
  {
    isFirst = true,
    inherited,
    committed = new CommittedRules(),
  }: { isFirst?: boolean; inherited?: string; committed?: CommittedRules } = {},
): Promise<IgnoreRules> {
  const rules = new IgnoreRules(file, committed, inherited);
  rules.begin(workspace, isFirst);
  await rules.settled();
  return rules;
}

const ignored = ({ ignored: has }: IgnoreRules, ...paths: string[]): string[] => paths.filter((path) => has(path));

describe('the ignore rules of a commit', () => {
  it('the rules of a commit are read once, and the rules of the next commit are read again', async () => {
    const { root } = given();
    const committed = new CommittedRules();
    const files = await committed.of(root);
    renameSync(join(root, '.git/objects'), join(root, '.git/elsewhere'));
    mkdirSync(join(root, '.git/objects'));
    expect(await committed.of(root)).toBe(files);
    expect(await new CommittedRules().of(root)).toEqual([]);
    rmSync(join(root, '.git/objects'), { recursive: true });
    renameSync(join(root, '.git/elsewhere'), join(root, '.git/objects'));
    commit(root, { '.gitignore': 'other/\n' });
    expect(await committed.of(root)).not.toBe(files);
  });

  it('ignore rules are found with packed refs, with a detached HEAD and in a linked worktree', async () => {
    const { root } = given();
    const files = await new CommittedRules().of(root);
    expect(files).toHaveLength(2);
    git(root, 'pack-refs', '--all');
    expect(await new CommittedRules().of(root)).toEqual(files);
    const linked = join(tempFolder(), 'linked');
    git(root, 'worktree', 'add', '--quiet', linked, '-b', 'a/b');
    expect(await new CommittedRules().of(linked)).toEqual(files);
    git(root, 'checkout', '--quiet', '--detach');
    expect(await new CommittedRules().of(root)).toEqual(files);
  });

  it('many lines in one file are read as fast as in many files', async () => {
    const cost = async (files: Readonly<Record<string, string>>): Promise<number> => {
      const root = repository();
      commit(root, files);
      const begun = process.cpuUsage();
      const found = await new CommittedRules().of(root);
      const { user, system } = process.cpuUsage(begun);
      expect(found.flatMap(({ lines }) => lines)).toHaveLength(16_000);
      return user + system;
    };
    const name = (index: number): string => `${index}/.gitignore`;
    const many = await cost(
      Object.fromEntries(Array.from({ length: 20 }, (_, index) => [name(index), '\n'.repeat(800)])),
    );
    expect(await cost({ [name(0)]: '\n'.repeat(16_000) })).toBeLessThan(2 * many);
  });

  it('there are no ignore rules before the first commit', async () => {
    const root = tempFolder();
    git(root, 'init', '--quiet');
    expect(await new CommittedRules().of(root)).toEqual([]);
  });
});

describe('when a session begins', () => {
  it('the ignore rules of the last commit apply, including the rules of folders', async () => {
    const { root, file } = given();
    const rules = await read(root, file);
    expect(ignored(rules, 'artifacts', 'a/x.cache', 'web/bundle', 'bundle', 'src', 'file.txt')).toEqual([
      'artifacts',
      'a/x.cache',
      'web/bundle',
    ]);
  });

  it('no path is ignored until the rules are read', async () => {
    const { root, file } = given();
    const rules = new IgnoreRules(file, new CommittedRules());
    rules.begin(root, true);
    expect(rules.ignored('artifacts')).toBe(false);
    await rules.settled();
    expect(rules.ignored('artifacts')).toBe(true);
  });

  it('rules that are not committed do not count', async () => {
    const { root, file } = given();
    writeFileSync(join(root, '.gitignore'), 'src\n');
    git(root, 'add', '.gitignore');
    writeFileSync(join(root, '.git/info/exclude'), 'docs\n');
    const rules = await read(root, file);
    expect(ignored(rules, 'src', 'docs', 'artifacts')).toEqual(['artifacts']);
  });

  it('a workspace below the top of its repository has the rules for its folder', async () => {
    const { root, file } = given();
    const rules = await read(join(root, 'web'), file);
    expect(ignored(rules, 'bundle', 'artifacts', 'web/bundle', 'a.cache')).toEqual(['bundle', 'artifacts', 'a.cache']);
  });

  it('a worktree has the rules of its own branch', async () => {
    const { root, file } = given();
    const tree = `${root}-tree`;
    git(root, 'worktree', 'add', '--quiet', '-b', 'topic', tree);
    commit(tree, { '.gitignore': 'other/\n' });
    const rules = await read(tree, file);
    expect(ignored(rules, 'other', 'artifacts')).toEqual(['other']);
  });

  it.each([
    ['a workspace without a repository', () => tempFolder()],
    [
      'a repository without a commit',
      () => {
        const root = tempFolder();
        git(root, 'init', '--quiet');
        return root;
      },
    ],
    ['a repository without rules', () => repository()],
    [
      'a broken repository',
      () => {
        const { root } = given();
        writeFileSync(join(root, '.git/HEAD'), 'x');
        return root;
      },
    ],
  ])('no path is ignored in %s', async (_, workspace) => {
    const rules = await read(workspace(), join(tempFolder(), 'ignored.json'));
    expect(ignored(rules, 'artifacts', 'node_modules')).toEqual([]);
  });
});

describe('an agent that wants more ignored paths', () => {
  it('rules that an agent commits during the session do not count in the session', async () => {
    const { root, file } = given();
    const first = await read(root, file);
    commit(root, { '.gitignore': 'src/\n*\n' });
    expect(ignored(first, 'src', 'artifacts')).toEqual(['artifacts']);
    expect(ignored(await read(root, file), 'src', 'artifacts')).toEqual(['artifacts']);
    expect(ignored(await read(root, file, { isFirst: false }), 'src', 'artifacts')).toEqual(['artifacts']);
  });

  it('in a later run, no path is ignored if the session has no stored rules', async () => {
    const { root, file } = given();
    expect(ignored(await read(root, file, { isFirst: false }), 'artifacts')).toEqual([]);
    writeFileSync(file, '[{"folder": 1}]');
    expect(ignored(await read(root, file, { isFirst: false }), 'artifacts')).toEqual([]);
  });

  it('a child session gets the rules of its leader, not rules that the leader has committed', async () => {
    const { root, file } = given();
    await read(root, file);
    commit(root, { '.gitignore': 'src/\n' });
    const child = join(tempFolder(), 'ignored.json');
    const rules = await read(root, child, { inherited: file });
    expect(ignored(rules, 'src', 'artifacts')).toEqual(['artifacts']);
    expect(JSON.parse(readFileSync(child, 'utf8'))).toEqual(JSON.parse(readFileSync(file, 'utf8')));
    const orphan = await read(root, join(tempFolder(), 'ignored.json'), { inherited: `${file}.none` });
    expect(ignored(orphan, 'src', 'artifacts')).toEqual([]);
  });

  it('reading the ignore rules runs no program that the repository configures', async () => {
    const { root, file } = given();
    commit(root, { '.gitattributes': '* diff=x filter=x\n' });
    const trace = join(tempFolder(), 'trace');
    const script = join(tempFolder(), 'x.sh');
    writeFileSync(script, `#!/bin/sh\ntouch ${trace}\ncat\n`);
    chmodSync(script, 0o755);
    for (const name of ['core.fsmonitor', 'core.pager', 'diff.x.textconv', 'filter.x.smudge', 'diff.external'])
      git(root, 'config', name, script);
    expect(ignored(await read(root, file), 'artifacts')).toEqual(['artifacts']);
    expect(() => readFileSync(trace)).toThrow('ENOENT');
  });
});

it('ignore rules that are detached while they are read write no file', async () => {
  const { root, file } = given();
  const rules = new IgnoreRules(file, new CommittedRules());
  rules.begin(root, true);
  rules.detach();
  await rules.settled();
  expect(() => readFileSync(file)).toThrow('ENOENT');
});
