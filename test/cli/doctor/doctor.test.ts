import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKS, type Finding } from '../../../src/cli/doctor/finding.js';
import { cli } from '../../support/cli-machine.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { tempFolder } from '../../support/temp-folder.js';

const MARK = 'autonomous-orchestration-doctor';
const IN_IMAGE = [
  'uid 1000',
  'program git git version 2.39.5',
  'program node v24.1.0',
  'program setpriv setpriv from util-linux 2.38.1',
  'program stat yes',
  'free 50000000',
  'claude 2.1.332 (Claude Code)',
]
  .map((line) => `${MARK} ${line}`)
  .join('\r\n');

const OWN = process.getuid?.() || 1000;
const PROBED = [
  `user ${OWN} ${OWN} [${OWN}] /home/node`,
  'config /home/node/.claude',
  'stat',
  'works',
  'setpriv /usr/bin/setpriv',
  'first {"type":"system"}',
  'ended',
]
  .map((line) => `autonomous-orchestration-probe ${line}`)
  .concat('2.1.332 (Claude Code)')
  .join('\r\n');

const NETWORK = {
  Id: 'net',
  Name: 'container:autonomous-orchestration-sessions',
  Created: '',
  Driver: 'bridge',
  Options: { 'com.docker.network.bridge.enable_icc': 'false' },
};

const programs = { docker: 'echo "Docker version 28.2.2"', tmux: 'echo tmux 3.4' };

/** An engine with one image. Its containers print what the image's scripts would. */
async function engine({
  image = true,
  inImage = IN_IMAGE,
  probed = PROBED,
} = {}): Promise<{ fake: FakeEngine; host: string }> {
  const { fake } = await FakeEngine.start({
    'GET /info': { status: 200, json: { SecurityOptions: ['name=seccomp'], OperatingSystem: 'Debian' } },
    'GET /version': { status: 200, json: { Version: '28.2.2', Components: [{ Name: 'Engine' }] } },
    ...(image && { 'GET /images/mine/json': { status: 200, json: { Id: 'sha256:0123456789abcdef', Config: {} } } }),
    'POST /containers/create': { status: 201, json: { Id: 'id' } },
    'POST /networks/create': { status: 201, json: {} },
    'GET /networks': { status: 200, json: [NETWORK] },
  });
  fake.fallback = ({ method, path }) => {
    if (path.includes('/attach')) return { status: 200, text: path.includes('ao-probe') ? probed : inImage };
    return method === 'DELETE' || path.includes('/start') ? { status: 204 } : undefined;
  };
  return { fake, host: `unix://${fake.socketPath}` };
}

async function doctor(host: string, ...more: string[]) {
  const cwd = tempFolder();
  if (process.getuid?.() === 0) chownSync(cwd, OWN, OWN);
  const stateDir = join(tempFolder(), 'state');
  const args = ['doctor', '--json', '--image', 'mine', '--cwd', cwd, '--state-dir', stateDir, ...more];
  const { exitCode, printed } = await cli(args, { programs, env: { DOCKER_HOST: host } });
  const findings = JSON.parse(printed) as Finding[];
  const of = (id: string): Finding | undefined => findings.find((each) => each.id === id);
  return { exitCode, findings, of };
}

describe('doctor', () => {
  it('reports every check once, in a fixed order, whatever fails', async () => {
    const { exitCode, findings, of } = await doctor('unix:///nonexistent/docker.sock');
    expect(findings.map(({ id }) => id)).toEqual(CHECKS);
    expect(exitCode).toBe(1);
    expect(of('engine')).toMatchObject({
      status: 'failure',
      message: expect.stringContaining('No Docker engine answers'),
    });
    // The hint would name the command that is running.
    expect(of('engine')?.message).not.toContain('doctor');
    for (const id of ['claude', 'programs', 'user', 'mounts', 'events', 'session']) {
      expect(of(id)).toMatchObject({ status: 'warning', message: expect.stringContaining('not examined') });
    }
  });

  it('an image that is missing is a failure with the command that builds it', async () => {
    const { of } = await doctor((await engine({ image: false })).host);
    expect(of('engine')).toMatchObject({ status: 'ok', message: 'Docker Engine 28.2.2' });
    expect(of('image')).toEqual({
      id: 'image',
      status: 'failure',
      message: "the engine has no image 'mine'",
      next: "Run 'npx autonomous-orchestration image build --tag mine'.",
    });
  });

  it('tells what is in the image, and removes its containers', async () => {
    const { fake, host } = await engine();
    const { of } = await doctor(host);
    expect(of('claude')).toMatchObject({ status: 'ok', message: 'Claude Code 2.1.332' });
    expect(of('programs')?.message).toBe(
      'git version 2.39.5, node v24.1.0, setpriv from util-linux 2.38.1; missing: tmux, rg',
    );
    expect(of('disk')?.message).toMatch(/47\.7 GB for the engine$/);
    const made = fake.calls.filter(({ path }) => path.startsWith('/containers/create'));
    const removed = fake.calls.filter(({ method }) => method === 'DELETE');
    expect(removed).toHaveLength(made.length);
    for (const { body } of made.filter(({ path }) => path.includes('ao-doctor'))) {
      expect(body).toMatchObject({
        Labels: { 'autonomous-orchestration.doctor': '1' },
        HostConfig: { NetworkMode: 'none', CapDrop: ['ALL'], AutoRemove: true },
      });
    }
  });

  it('an engine that mounts another folder is told apart from one that is not allowed to write', async () => {
    const { of } = await doctor((await engine()).host);
    expect(of('mounts')).toMatchObject({ status: 'failure', message: expect.stringContaining('another folder') });
    expect(of('mounts')?.next).toContain('under the same paths');
  });

  it('the user is the one whom create() would choose, and create() is asked why there is none', async () => {
    const { of } = await doctor((await engine()).host);
    expect(of('user')).toMatchObject({ status: 'ok', message: expect.stringContaining(`sessions run as uid ${OWN}`) });
    expect(of('session')).toEqual({ id: 'session', status: 'ok', message: expect.stringContaining('would accept') });
    const refused = await doctor(
      (await engine({ probed: PROBED.replace(/^.*setpriv.*\r\n/m, '').replace(/.* works\r\n/, '') })).host,
    );
    const why = expect.stringContaining('CLAUDE_NOT_FOUND');
    expect(refused.of('user')).toMatchObject({ status: 'failure', message: why });
    expect(refused.of('session')).toMatchObject({ status: 'failure', message: why });
    for (const id of ['mounts', 'events']) {
      expect(refused.of(id)).toMatchObject({ status: 'warning', message: expect.stringContaining('not examined') });
    }
  });

  it('a workspace that is missing is told apart from one that the engine does not see', async () => {
    const { of } = await doctor((await engine()).host, '--cwd', '/nonexistent/folder');
    expect(of('user')).toMatchObject({ status: 'failure', message: expect.stringContaining('/nonexistent/folder') });
  });

  it('an image without Claude Code is a failure', async () => {
    const { of, exitCode } = await doctor((await engine({ inImage: IN_IMAGE.replace(/.*claude 2.*/, '') })).host);
    expect(of('claude')).toMatchObject({ status: 'failure', next: expect.stringContaining('image build') });
    expect(exitCode).toBe(1);
  });

  it('a state folder that others can write to is a failure', async () => {
    const stateDir = join(tempFolder(), 'open');
    mkdirSync(stateDir);
    chmodSync(stateDir, 0o777);
    const { of } = await doctor('unix:///nonexistent', '--state-dir', stateDir);
    expect(of('state')).toMatchObject({ status: 'failure', message: expect.stringContaining('written by others') });
  });

  it('prints a line for each check, with the next step below it', async () => {
    const { printed } = await cli(['doctor'], { programs, env: { DOCKER_HOST: 'unix:///nonexistent' } });
    const lines = printed.split('\n');
    expect(lines.filter((line) => /^(ok|warning|FAILURE) +\w+ {2,}\S/.test(line))).toHaveLength(CHECKS.length);
    expect(printed).toMatch(/^FAILURE {2}login .*\n +→ Run 'npx autonomous-orchestration image login'/m);
  });
});
