import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Trial, tryWorkspace } from '../../../src/cli/doctor/workspace-trial.js';
import { ShortContainers } from '../../../src/core/orchestration/docker/short-containers.js';
import { tempFolder } from '../../support/temp-folder.js';

/**
 * A trial with an engine whose container does what is given.
 *
 * @param container gets the folder that is mounted
 */
async function trial(container: (folder: string) => void): Promise<{ cwd: string; seen: Promise<Trial> }> {
  const cwd = tempFolder();
  let folder = '';
  const engine = {
    create: async (_: string, definition: object) => {
      const { HostConfig } = definition as { HostConfig: { Mounts: { Source: string }[] } };
      folder = HostConfig.Mounts[0]?.Source ?? '';
      return 'id';
    },
    attach: async () => ({ output: delay(200, 'autonomous-orchestration-doctor read written on the machine') }),
    start: async () => container(folder),
    remove: async () => {},
  };
  const own = process.getuid?.() ?? 0;
  const user = { uid: own === 0 ? 1234 : own, gid: own === 0 ? 1234 : own, groups: [] };
  const signal = new AbortController().signal;
  const agent = { ...user, onMachine: user };
  const seen = tryWorkspace(new ShortContainers(engine, {}), { image: 'i', cwd, agent, own, signal });
  await seen.catch(() => {});
  return { cwd, seen };
}

describe('the trial of a workspace', () => {
  it('sees what the container writes, and leaves nothing', async () => {
    const { cwd, seen } = await trial((folder) => {
      writeFileSync(join(folder, 'from-container'), 'written in the container\n');
      expect(readFileSync(join(folder, 'from-machine'), 'utf8')).toBe('written on the machine');
    });
    expect(await seen).toMatchObject({ containerSees: true, machineSees: true, toMachine: 'at once' });
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('does not read through a link that an agent has put into the workspace', async () => {
    const outside = join(tempFolder(), 'secret');
    writeFileSync(outside, 'written in the container');
    const { cwd, seen } = await trial((folder) => symlinkSync(outside, join(folder, 'from-container')));
    await expect(seen).rejects.toMatchObject({ code: 'ELOOP' });
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('does not write through a link that an agent has put into the workspace', async () => {
    const outside = tempFolder();
    const { seen } = await trial((folder) => {
      symlinkSync(join(outside, 'made'), join(folder, 'seen/changed'));
      writeFileSync(join(folder, 'seen/ready'), '');
    });
    expect(await seen).toMatchObject({ toContainer: 'none' });
    expect(existsSync(join(outside, 'made'))).toBe(false);
  });

  it('does not write into or remove a folder that an agent has linked in the place of its own', async () => {
    const outside = tempFolder();
    for (const name of ['seen/ready', 'kept']) {
      mkdirSync(join(outside, 'seen'), { recursive: true });
      writeFileSync(join(outside, name), '');
    }
    const { seen } = await trial((folder) => {
      renameSync(folder, `${folder}-moved`);
      symlinkSync(outside, folder);
    });
    await seen.catch(() => {});
    expect(readdirSync(outside).toSorted()).toEqual(['kept', 'seen']);
    expect(readdirSync(join(outside, 'seen'))).toEqual(['ready']);
    rmSync(outside, { recursive: true });
  });
});
