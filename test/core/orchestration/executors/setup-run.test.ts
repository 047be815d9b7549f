import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endedRun } from '../../../../src/core/orchestration/contract/run-handle.js';
import type { SessionSpec } from '../../../../src/core/orchestration/contract/session-spec.js';
import { loginOfSetup, withSetup } from '../../../../src/core/orchestration/executors/setup-run.js';
import { StoredLogin } from '../../../../src/core/orchestration/login/stored-login.js';
import { MailboxFiles } from '../../../../src/core/orchestration/mailbox/mailbox-files.js';
import type { SetupObservation } from '../../../../src/core/orchestration/session/setup.js';
import { tempFolder } from '../../../support/temp-folder.js';

const TOKEN = 'sk-ant-oat01-abcDEF';
const SPEC = { setup: [{ run: 'env' }], docker: { image: 'i', env: { KEY: 'own-secret' } } } as unknown as SessionSpec;

function loginFile(text: string): StoredLogin {
  const envFile = join(tempFolder(), 'login.env');
  writeFileSync(envFile, text, { mode: 0o600 });
  return new StoredLogin({ source: { envFile }, env: {}, home: tempFolder() });
}

describe('the setup of a run', () => {
  it('its output shows neither the variables of the session nor the stored login', async () => {
    const files = new MailboxFiles(tempFolder());
    mkdirSync(files.setup, { recursive: true });
    writeFileSync(join(files.setup, '0.out'), `KEY=own-secret\nCLAUDE_CODE_OAUTH_TOKEN=${TOKEN}\n`);
    writeFileSync(join(files.setup, '0.code'), '0\n');
    const handle = withSetup(endedRun({ exitCode: 0 }), SPEC, files, { CLAUDE_CODE_OAUTH_TOKEN: TOKEN });
    onTestFinished(() => handle.detach());
    const seen: SetupObservation[] = [];
    void handle.setup?.follow(async (observations) => void seen.push(...observations));
    await handle.ended;
    const text = seen.flatMap((each) => (each.state === 'output' ? [each.text] : [])).join('');
    expect(text).toBe('KEY=***\nCLAUDE_CODE_OAUTH_TOKEN=***\n');
  });

  it.each([
    [98, { reason: 'SETUP_FAILED', error: expect.stringContaining('its report is gone') }],
    [1, { exitCode: 1 }],
  ])('a setup that removes its own report fails as a setup: exit code %d', async (exitCode, end) => {
    const handle = withSetup(endedRun({ exitCode }), SPEC, new MailboxFiles(tempFolder()), {});
    onTestFinished(() => handle.detach());
    expect(await handle.ended).toMatchObject(end);
  });

  it('an agent that ends with the exit code of a setup is no setup that has failed', async () => {
    const files = new MailboxFiles(tempFolder());
    mkdirSync(files.setup, { recursive: true });
    writeFileSync(join(files.setup, '0.out'), '');
    writeFileSync(join(files.setup, '0.code'), '0\n');
    const handle = withSetup(endedRun({ exitCode: 98 }), SPEC, files, {});
    onTestFinished(() => handle.detach());
    expect(await handle.ended).toEqual({ exitCode: 98 });
  });

  it('a process that takes a run over reads the login again, as far as it can', async () => {
    const login = loginFile(`CLAUDE_CODE_OAUTH_TOKEN=${TOKEN}\n`);
    const ofImage = { ...SPEC, docker: { image: 'i' } } as SessionSpec;
    expect(await loginOfSetup(login, ofImage)).toEqual({ CLAUDE_CODE_OAUTH_TOKEN: TOKEN });
    expect(await loginOfSetup(loginFile('damaged'), ofImage)).toEqual({});
    const unasked = { variablesFor: () => Promise.reject(new Error('asked')) };
    expect(await loginOfSetup(unasked, { ...ofImage, setup: [] })).toEqual({});
  });
});
