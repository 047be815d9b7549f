import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkedStart } from '../../../../src/core/orchestration/docker/checked-start.js';
import { MOUNTS_DIFFER } from '../../../../src/core/orchestration/session/mounts-refused.js';
import type { CheckedMount } from '../../../../src/core/orchestration/workspace/mount.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** A mount of what is at a path now. In this test, paths of the machine stand for paths in the container. */
function mountAt(path: string): CheckedMount {
  const { dev, ino } = statSync(path, { bigint: true });
  return { source: path, target: path, readonly: false, identity: { dev: String(dev), ino: String(ino) } };
}

function scene() {
  const top = tempFolder();
  const paths = ['work space', "it's", '-n', '$(x)'].map((name) => join(top, name));
  for (const path of paths) mkdirSync(path);
  const file = join(top, 'file');
  writeFileSync(file, '');
  const canary = mountAt(join(tempFolder()));
  const mounts = [...paths, file].map(mountAt);
  const start = (own = mounts, by = canary, env = {}) => {
    const command = ['/bin/sh', '-c', 'echo "$0 began: $*"; exit 3', 'the agent', 'a  b', '"c"'];
    const { entrypoint, args } = checkedStart([...own, by], by, command);
    return spawnSync(entrypoint, args, { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } });
  };
  return { top, paths, file, canary, mounts, start };
}

describe('a container with the mounts that were checked', () => {
  it('the container runs its command with all arguments unchanged', () => {
    const { start } = scene();
    expect(start()).toMatchObject({ status: 3, stdout: 'the agent began: a  b "c"\n', stderr: '' });
  });

  it('a PATH with a program called stat does not mislead the check', () => {
    const { start, top } = scene();
    writeFileSync(join(top, 'stat'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    expect(start(undefined, undefined, { PATH: top })).toMatchObject({ status: 3 });
  });
});

describe('a container with other mounts than those that were checked', () => {
  const refused = { status: MOUNTS_DIFFER, stdout: '' };

  it.each([0, 1, 2, 3])(
    'a container is ended before its command begins if a folder was replaced: mount %i',
    (index) => {
      const { start, paths } = scene();
      const path = paths[index] ?? '';
      renameSync(path, `${path}-moved`);
      mkdirSync(path);
      expect(start()).toMatchObject(refused);
    },
  );

  it('a container is ended before its command begins if a file was replaced', () => {
    const { start, file } = scene();
    writeFileSync(`${file}-new`, '');
    renameSync(`${file}-new`, file);
    expect(start()).toMatchObject(refused);
  });

  it('a container is ended if a link replaces a folder, even if the link leads to the same folder', () => {
    const { start, paths } = scene();
    const path = paths[0] ?? '';
    renameSync(path, `${path}-moved`);
    symlinkSync(`${path}-moved`, path);
    expect(start()).toMatchObject(refused);
  });

  it('a container is ended before its command begins if a mount cannot be inspected', () => {
    const { start, file } = scene();
    rmSync(file);
    expect(start()).toMatchObject(refused);
  });

  it('a container is ended before its command begins if two mounts were exchanged', () => {
    const { start, mounts } = scene();
    const [one, two, ...rest] = mounts as [CheckedMount, CheckedMount];
    expect(start([{ ...one, target: two.target }, { ...two, target: one.target }, ...rest])).toMatchObject(refused);
  });
});

describe('an engine that runs on another kernel', () => {
  it('the command begins without the check, because device and inode have no meaning there', () => {
    const { start, mounts, canary } = scene();
    const identity = { dev: '1', ino: '2' };
    const foreign = mounts.map((mount) => ({ ...mount, identity }));
    expect(start(foreign, { ...canary, identity })).toMatchObject({ status: 3 });
  });
});
