import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import versions from '../../src/core/orchestration/session/claude-versions.json' with { type: 'json' };
import { attempt, bash, type ModelTurn, RELEASES, scripted, tempFolder, testManager } from './support.js';

const FIXTURES = join(import.meta.dirname, 'fixtures/organization');

/** The programs of an account that an organization manages, with a certificate for their server. */
async function organization(): Promise<string[]> {
  const folder = await tempFolder(0);
  for (const file of ['server.mjs', 'claude.sh']) await copyFile(join(FIXTURES, file), join(folder, file));
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=organization'];
  const names = ['-addext', 'subjectAltName=DNS:api.anthropic.com'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')];
  expect(await attempt('openssl', [...request, ...names, ...files])).toMatchObject({ code: 0 });
  for (const file of ['key.pem', 'certificate.pem']) await chmod(join(folder, file), 0o644);
  await chmod(folder, 0o755);
  return [`${folder}:/opt/organization:ro`, `${join(folder, 'claude.sh')}:/usr/local/sbin/claude:ro`];
}

const policy = {
  rules: [{ tool: 'Write', matches: /forbidden/, decision: 'deny' as const, reason: 'Not that.' }],
  dangerous: 'allow' as const,
};
const FORBIDDEN: ModelTurn = { tool: 'Write', input: { file_path: '/workspace/forbidden', content: 'x' } };
/** A script that shows whether the organization's settings are in effect, and how often the hook asked about this call. */
const LOOK = 'echo "from $FROM, asked $(ls /run/autonomous-orchestration/answers | grep -vc "[.]")"';

/**
 * On a busy machine, Claude Code may go on before its organization's settings have come. Such a session has its hooks and
 * completes, and shows nothing about these settings.
 */
async function withSettings<T extends { ended: { status: string } }>(session: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const one = await session();
    if (one.ended.status !== 'completed' || tries === 3) return one;
  }
}

it('the guard holds where settings of an organization replace the managed file, and where they forbid its hooks the session ends', async () => {
  const cases = RELEASES.map(async ({ image, version }) => {
    const mounts = await organization();
    const { manager } = await testManager({ policy });
    const outputs = new Map<string, string[]>();
    manager.on('session:tool-result', ({ sessionId, output }) => {
      outputs.set(sessionId, [...(outputs.get(sessionId) ?? []), output.trim()]);
    });
    const session = async (settings: object, ...turns: ModelTurn[]) => {
      const cwd = await tempFolder();
      await mkdir(join(cwd, '.claude'));
      // The workspace cannot switch the hooks off.
      await writeFile(join(cwd, '.claude/settings.json'), JSON.stringify({ disableAllHooks: true }));
      await writeFile(join(cwd, 'look.sh'), LOOK);
      for (const path of [join(cwd, '.claude'), join(cwd, '.claude/settings.json')]) await chown(path, 1000, 1000);
      const env = { ...scripted(...turns).docker.env, ORGANIZATION_SETTINGS: JSON.stringify(settings) };
      const { id } = await manager.create({ prompt: 'Go', cwd, docker: { image, mounts, env } });
      return { id, cwd, ended: await manager.waitFor(id) };
    };
    const [replaced, forbidden] = await Promise.all([
      session(
        { env: { FROM: 'the organization' } },
        bash('sh look.sh'),
        FORBIDDEN,
        { text: 'Tried.' },
        { text: 'Again.' },
      ),
      withSettings(() =>
        session(
          { allowManagedHooksOnly: true },
          { ...bash('touch ran'), delayMs: 5_000 },
          { text: 'x', delayMs: 20_000 },
        ),
      ),
    ]);
    expect(replaced.ended).toMatchObject({
      status: 'completed',
      result: { text: 'Tried.' },
      metadata: { dangers: [] },
    });
    expect(outputs.get(replaced.id)?.[0]).toBe('from the organization, asked 1');
    expect(replaced.ended.metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['ok', 'denied']);
    expect(existsSync(join(replaced.cwd, 'forbidden'))).toBe(false);

    expect(forbidden.ended).toMatchObject({ status: 'failed', result: { reason: 'guard_missing' } });
    expect(forbidden.ended.result?.error).toContain('allowManagedHooksOnly');
    expect(forbidden.ended.metadata.errors).toMatchObject([{ code: 'guard_missing', severity: 'critical' }]);
    // The oldest release reads the organization's settings only after it has run the hooks of the start.
    expect(existsSync(join(forbidden.cwd, 'ran'))).toBe(version === versions.oldest);

    // A further run resumes the conversation, and its hooks report as well.
    await manager.continue(replaced.id, 'Go on');
    expect(await manager.waitFor(replaced.id)).toMatchObject({ status: 'completed', result: { text: 'Again.' } });
  });
  await Promise.all(cases);
});
