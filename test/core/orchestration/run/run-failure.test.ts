import { symlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { failureOf } from '../../../../src/core/orchestration/run/run-failure.js';
import { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** A failure of the system, as Node.js reports it. */
const failed = (code: string, path?: string): Error =>
  Object.assign(new Error(`${code}: it fails, open ${path ?? ''}`), { code, ...(path !== undefined && { path }) });

it('a failure of the disk is the state folder’s only if it names a path there, or none', async () => {
  const real = tempFolder();
  const stateDir = join(tempFolder(), 'link');
  symlinkSync(real, stateDir);
  for (const path of [join(stateDir, 'sessions/one'), join(real, 'sessions/one'), undefined])
    for (const code of ['EACCES', 'ENOSPC'])
      expect(await failureOf(failed(code, path), stateDir)).toMatchObject({ reason: 'STATE_NOT_WRITABLE' });
  const elsewhere = await failureOf(failed('EACCES', `${real}-other/.git/objects`), stateDir);
  expect(elsewhere.reason).toBe('LAUNCH_FAILED');
  expect(elsewhere.error).toContain(`"${real}-other/.git/objects" cannot be used: this process may not do that`);
});

it('an error of ours keeps its code, and any other failure is the start’s', async () => {
  const ours = new OrchestrationError('SETUP_FAILED', 'Words.');
  expect(await failureOf(ours, '/state')).toEqual({ reason: 'SETUP_FAILED', error: 'Words.' });
  const error = await mkdir('/dev/null/x').catch((cause: unknown) => cause);
  expect(await failureOf(error, '/state')).toMatchObject({ reason: 'LAUNCH_FAILED' });
  // An executor in JavaScript may reject with anything.
  for (const odd of [undefined, null, 'late'])
    expect(await failureOf(odd, '/state')).toMatchObject({ reason: 'LAUNCH_FAILED' });
});
