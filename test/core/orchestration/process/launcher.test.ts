import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import { LaunchHelper } from '../../../../src/core/orchestration/process/launch-helper.js';
import { launchDetached, type Starter } from '../../../../src/core/orchestration/process/launcher.js';
import { tempFolder } from '../../../support/temp-folder.js';

async function launched(starter: Starter, script: string, mostFileBytes?: number, before = '') {
  const folder = new SessionFolder(tempFolder(), 'abcdefghijkl');
  await folder.create();
  writeFileSync(folder.log, before);
  const inputFile = join(folder.path, 'input');
  writeFileSync(inputFile, '');
  const process = await launchDetached(starter, {
    command: 'sh',
    args: ['-c', script, "an argument's 'name'", '$HOME'],
    cwd: folder.path,
    env: { PATH: '/usr/bin:/bin' },
    folder,
    inputFile,
    ...(mostFileBytes !== undefined && { mostFileBytes }),
  });
  return { log: folder.log, exit: await process.exited };
}

describe.each(['without', 'with'])('%s the helper', (how) => {
  const starter = how === 'with' ? { spawn, helper: new LaunchHelper() } : { spawn };
  afterAll(() => starter.helper?.close());

  it('a process is ended when its log reaches its limit, including what earlier runs wrote', async () => {
    const { log, exit } = await launched(starter, 'exec yes', 1024 * 1024, 'x'.repeat(500_000));
    expect(exit).toEqual({ code: null, signal: 'SIGXFSZ' });
    expect(statSync(log).size).toBe(1024 * 1024);
  });

  it('a command is started with the same arguments, with and without a limit for its log', async () => {
    for (const most of [undefined, 1024 * 1024]) {
      const { log, exit } = await launched(starter, 'echo "$0|$1"; exit 7', most);
      expect(readFileSync(log, 'utf8')).toBe("an argument's 'name'|$HOME\n");
      expect(exit).toEqual({ code: 7, signal: null });
    }
  });
});
