import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { DockerEngine } from '../../../../src/core/orchestration/docker/engine.js';
import { PREPARING_CAPABILITIES } from '../../../../src/core/orchestration/docker/home-preparation.js';
import { type ImageFacts, ImageProbe } from '../../../../src/core/orchestration/docker/image-probe.js';
import { readProbe } from '../../../../src/core/orchestration/docker/probe-script.js';
import { ProbedImages } from '../../../../src/core/orchestration/docker/probed-images.js';
import { ShortContainers } from '../../../../src/core/orchestration/docker/short-containers.js';
import { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import { errorOf } from '../../../support/errors.js';
import { imageFacts } from '../../../support/image-facts.js';
import { tempFolder } from '../../../support/temp-folder.js';

const SAID = [
  'user 1000 1000 [1000 27] /home/node',
  'config /home/node/.claude',
  'stat',
  'me node:/bin/bash',
  'owner node:/home/node:/bin/bash',
  'uid 0 0 4294967295',
  'gid 0 0 4294967295',
  'setpriv /usr/bin/setpriv',
  'program /usr/local/bin/claude',
  'program /usr/local/bin/claude',
  'program /opt/claude/cli.js',
  'works',
]
  .map((line) => `autonomous-orchestration-probe ${line}\r\n`)
  .concat(
    '2.1.98 (Claude Code)\r\n',
    'autonomous-orchestration-probe first {"type":"system","subtype":"init","claude_code_version":"2.1.98"}\r\n',
    'autonomous-orchestration-probe ended\r\n',
  )
  .join('');

/** The facts of an image for a user, with the session's variables. */
function factsOf(probe: ImageProbe, image: string, user?: string, env: Record<string, string> = {}) {
  return probe.facts({ image, user, env }, 'same');
}

const says = (text: string) => ({ output: Promise.resolve(text) });

function probeOf(
  overrides: Partial<Record<keyof DockerEngine, unknown>> = {},
  stateDir = tempFolder(),
): {
  probe: ImageProbe;
  engine: { [Name in 'image' | 'create' | 'start' | 'attach' | 'remove']: ReturnType<typeof vi.fn> };
} {
  const engine = {
    image: vi.fn(async (image: string) => ({ id: `sha256:${image}`, entrypoint: ['/start'], user: 'node' })),
    create: vi.fn(async () => 'id'),
    start: vi.fn(async () => {}),
    attach: vi.fn(async () => says(SAID)),
    remove: vi.fn(async () => {}),
    ...overrides,
  } as unknown as DockerEngine;
  const stored = new ProbedImages(join(stateDir, 'images.json'));
  const probe = new ImageProbe(engine, new ShortContainers(engine, { owner: 'me' }), stored);
  return { probe, engine: engine as unknown as ReturnType<typeof probeOf>['engine'] };
}

/** What the script of a probe prints on this machine, with a `claude` of the test's. */
async function saidWith(claude: string): Promise<string> {
  const { probe, engine } = probeOf();
  await factsOf(probe, 'image');
  const [, { Cmd: [script = ''] = [] }] = engine.create.mock.calls[0] as [string, { Cmd: string[] }];
  const [home, bin] = [tempFolder(), tempFolder()];
  writeFileSync(join(bin, 'claude'), `#!/bin/sh\n${claude}\n`, { mode: 0o755 });
  mkdirSync(join(home, '.claude'));
  const { stdout } = spawnSync('/bin/sh', ['-c', script], {
    env: { HOME: home, PATH: `${bin}:/usr/bin:/bin` },
    encoding: 'utf8',
    // What the script leaves running has only the last one open.
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return stdout;
}

describe('the facts of an image', () => {
  it('the facts are read from a container of the image, which is then removed', async () => {
    const { probe, engine } = probeOf();
    expect(await factsOf(probe, 'image')).toEqual(
      imageFacts({ entrypoint: ['/start'], gids: [1000, 27], onboarded: false }),
    );
    const [[name]] = engine.create.mock.calls as [[string]];
    expect(name).toMatch(/^ao-probe-\w{10}$/);
    expect(engine.start).toHaveBeenCalledWith(name);
    expect(engine.remove.mock.calls).toEqual([[name]]);
  });

  it('the facts include the variables that a guard depends on', async () => {
    const said = SAID.replace(
      'autonomous-orchestration-probe ended',
      'autonomous-orchestration-probe env PATH=/a b:/bin\r\nautonomous-orchestration-probe env LD_PRELOAD=/x.so\r\n$&',
    );
    const { probe } = probeOf({ attach: vi.fn(async () => says(said)) });
    expect(await factsOf(probe, 'image')).toMatchObject({ env: { PATH: '/a b:/bin', LD_PRELOAD: '/x.so' } });
  });

  it.each([
    [true, ['hasCompletedOnboarding', 'bypassPermissionsModeAccepted', 'hasTrustDialogAccepted']],
    [false, ['hasCompletedOnboarding', 'hasTrustDialogAccepted']],
    [false, []],
  ])("the facts say whether Claude's terminal UI starts without questions: %s", async (onboarded, keys) => {
    const marks = keys.map((key) => `autonomous-orchestration-probe ${key}\r\n`).join('');
    const { probe } = probeOf({ attach: vi.fn(async () => says(SAID.replace('\r\n', `\r\n${marks}`))) });
    expect(await factsOf(probe, 'image')).toMatchObject({ onboarded });
  });

  it('the probe script finds the files from which Claude Code starts, also those that a script starts', async () => {
    const program = join(tempFolder(), 'cli.js');
    writeFileSync(program, '');
    const { programs } = readProbe(
      await saidWith(`echo '{"claude_code_version":"2.1.98"}'; exec true ${program} /no/such`),
    ) as ImageFacts;
    expect(programs).toEqual(expect.arrayContaining([expect.stringMatching(/\/claude$/), program]));
    expect(programs).not.toContain('/no/such');
  });

  it("the probe script finds Claude's settings, formatted or not", async () => {
    const { probe, engine } = probeOf();
    await factsOf(probe, 'image');
    const [, { Cmd: [script] = [''] }] = engine.create.mock.calls[0] as [string, { Cmd: string[] }];
    const home = tempFolder();
    const said = (): string =>
      spawnSync('/bin/sh', ['-c', script ?? ''], { env: { HOME: home, PATH: '/usr/bin:/bin' }, encoding: 'utf8' })
        .stdout;
    expect(said()).not.toContain('hasCompletedOnboarding');
    const settings = {
      hasCompletedOnboarding: true,
      bypassPermissionsModeAccepted: true,
      projects: { '/workspace': { hasTrustDialogAccepted: true } },
    };
    for (const space of [undefined, 2]) {
      writeFileSync(join(home, '.claude.json'), JSON.stringify(settings, undefined, space));
      for (const key of ['hasCompletedOnboarding', 'bypassPermissionsModeAccepted', 'hasTrustDialogAccepted']) {
        expect(said()).toContain(`autonomous-orchestration-probe ${key}\n`);
      }
    }
    // Where 2.1.98 keeps the answer of a person who follows the advice of ONBOARDING_NEEDED.
    writeFileSync(
      join(home, '.claude.json'),
      JSON.stringify({ ...settings, bypassPermissionsModeAccepted: undefined }),
    );
    expect(said()).not.toContain('bypassPermissionsModeAccepted');
    mkdirSync(join(home, '.claude'));
    writeFileSync(join(home, '.claude/settings.json'), '{\n  "skipDangerousModePermissionPrompt": true\n}\n');
    expect(said()).toContain('autonomous-orchestration-probe bypassPermissionsModeAccepted\n');
    writeFileSync(join(home, '.claude.json'), JSON.stringify({ ...settings, hasCompletedOnboarding: false }));
    expect(said()).not.toContain('hasCompletedOnboarding');
  });

  it('the probe runs in a labelled container of the image id, without network or privileges', async () => {
    const { probe, engine } = probeOf();
    await factsOf(probe, 'image', '1000:1000');
    expect(engine.create.mock.calls[0]).toEqual([
      expect.any(String),
      expect.objectContaining({
        Image: 'sha256:image',
        User: '1000:1000',
        Labels: { owner: 'me' },
        HostConfig: expect.objectContaining({
          NetworkMode: 'none',
          CapDrop: ['ALL'],
          SecurityOpt: ['no-new-privileges'],
          AutoRemove: true,
        }),
      }),
      undefined,
    ]);
  });

  it("the image's own user is probed if no user is given", async () => {
    const { probe, engine } = probeOf();
    await factsOf(probe, 'image');
    expect(engine.create.mock.calls[0]?.[1]).not.toHaveProperty('User');
  });

  it('each image id and user is probed once, even for parallel calls and other tags', async () => {
    const { probe, engine } = probeOf({ image: vi.fn(async () => ({ id: 'sha256:same', entrypoint: [], user: '' })) });
    const facts = await Promise.all(['image', 'image', 'alias'].map((image) => factsOf(probe, image)));
    expect(new Set(facts).size).toBe(1);
    await factsOf(probe, 'image');
    expect(engine.create).toHaveBeenCalledTimes(1);
    await factsOf(probe, 'image', 'root');
    await factsOf(probe, 'image', 'root');
    expect(engine.create).toHaveBeenCalledTimes(2);
  });

  it('each home folder, configuration, platform and start is probed once', async () => {
    const { probe, engine } = probeOf();
    for (const env of [{ HOME: '/h' }, { HOME: '/i' }, { HOME: '/h' }]) await factsOf(probe, 'image', undefined, env);
    expect(engine.create.mock.calls.map(([, { Env }]) => Env)).toEqual([['HOME=/h'], ['HOME=/i']]);
    await probe.facts({ image: 'image', env: { HOME: '/h' } }, 'mapped');
    expect(engine.create).toHaveBeenCalledTimes(3);
    await probe.facts({ image: 'image', env: { HOME: '/h' }, platform: 'linux/arm64' }, 'mapped');
    expect(engine.create.mock.calls.at(-1)?.[2]).toBe('linux/arm64');
    expect(engine.create).toHaveBeenCalledTimes(4);
  });

  it('a prepared start is probed as it will be: root with few capabilities, which becomes the user', async () => {
    const { probe, engine } = probeOf();
    const preparation = { script: 'prepare', become: ['/usr/bin/setpriv', '--'], env: { HOME: '/home/node' } };
    await probe.facts({ image: 'image', user: '7:7', env: { CLAUDE_CONFIG_DIR: '/c' }, preparation }, 'same');
    const definition = engine.create.mock.calls[0]?.[1];
    expect(definition).toMatchObject({
      User: '0:0',
      Env: ['CLAUDE_CONFIG_DIR=/c', 'HOME=/home/node'],
      HostConfig: { CapDrop: ['ALL'], CapAdd: PREPARING_CAPABILITIES, SecurityOpt: ['no-new-privileges'] },
    });
    expect(definition.Cmd[0]).toMatch(/^prepare\nexec '\/usr\/bin\/setpriv' '--' '\/bin\/sh' '-c' '/);
    expect(definition.Cmd[0]).toContain('--output-format stream-json');
  });

  it.each([
    [
      'a conversation begins, and waits for its model',
      `echo '{"type":"system","claude_code_version":"2.1.99","skills":[]}'; exec sleep 5`,
      { claudeVersion: '2.1.99', firstLine: '{"type":"system","claude_code_version":"2.1.99","skills":[]}' },
    ],
    [
      'it says why it cannot work',
      `[ "$1" = --version ] && echo '2.1.98 (Claude Code)' || { echo 'EACCES: no' >&2; exit 1; }`,
      { claudeVersion: '2.1.98', firstLine: 'EACCES: no' },
    ],
    [
      'it ends without a word',
      `[ "$1" = --version ] && echo '2.1.98 (Claude Code)' || exit 3`,
      { claudeVersion: '2.1.98', firstLine: '', exitCode: 3 },
    ],
  ])('Claude Code is started up to its first line: %s', async (_, claude, facts) => {
    expect(readProbe(await saidWith(claude))).toMatchObject(facts);
  });

  it('an image that was built again is probed again', async () => {
    const image = vi
      .fn()
      .mockResolvedValueOnce({ id: 'sha256:old', entrypoint: [], user: '' })
      .mockResolvedValueOnce({ id: 'sha256:new', entrypoint: [], user: '' });
    const { probe, engine } = probeOf({ image });
    await factsOf(probe, 'image');
    await factsOf(probe, 'image');
    expect(engine.create.mock.calls.map(([, { Image }]) => Image)).toEqual(['sha256:old', 'sha256:new']);
  });
});

describe('the facts of an image that another process has probed', () => {
  it('the facts are read from disk for the same image id and user only', async () => {
    const stateDir = tempFolder();
    const first = probeOf({}, stateDir);
    const facts = await factsOf(first.probe, 'image');
    const second = probeOf({}, stateDir);
    expect(await factsOf(second.probe, 'image')).toEqual(facts);
    expect(second.engine.create).not.toHaveBeenCalled();
    await factsOf(second.probe, 'image', 'root');
    await factsOf(second.probe, 'other');
    expect(second.engine.create).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['damaged', (path: string) => writeFileSync(path, '[["x", {'), 0o600],
    ['of another shape', (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replace('uid', 'id')), 0o600],
    ['writable for others', () => {}, 0o666],
  ])('the image is probed again if the file is %s', async (_, change, mode) => {
    const stateDir = tempFolder();
    const first = probeOf({}, stateDir);
    const facts = await factsOf(first.probe, 'image');
    change(join(stateDir, 'images.json'));
    chmodSync(join(stateDir, 'images.json'), mode);
    const second = probeOf({}, stateDir);
    expect(await factsOf(second.probe, 'image')).toEqual(facts);
    expect(second.engine.create).toHaveBeenCalledTimes(1);
  });

  it('the facts are forgotten when 50 later images have been probed', async () => {
    const stateDir = tempFolder();
    const first = probeOf({}, stateDir);
    for (let image = 0; image <= 50; image += 1) await factsOf(first.probe, `image-${image}`);
    const second = probeOf({}, stateDir);
    await factsOf(second.probe, 'image-1');
    expect(second.engine.create).not.toHaveBeenCalled();
    await factsOf(second.probe, 'image-0');
    expect(second.engine.create).toHaveBeenCalledTimes(1);
  });

  it('the image is probed if the state folder cannot be written to', async () => {
    const { probe, engine } = probeOf({}, '/nonexistent');
    expect(await factsOf(probe, 'image')).toMatchObject({ uid: 1000 });
    expect(engine.create).toHaveBeenCalledTimes(1);
  });
});

describe('an image that cannot be used', () => {
  const refused = (message: string): OrchestrationError => new OrchestrationError('LAUNCH_FAILED', message);
  it.each([
    ['has no stat', SAID.replace(/^.* stat\r\n/m, ''), "it has no 'stat'"],
    ['has no claude', SAID.slice(0, SAID.indexOf('2.1.98')), "'claude --version' does not run"],
    [
      'has a claude that fails',
      SAID.slice(0, SAID.lastIndexOf('autonomous-orchestration-probe ended')),
      "'claude --version' does not run",
    ],
    ['has another program called claude', SAID.replace('Claude Code', 'Clod'), "'claude --version' does not run"],
    ['has an entrypoint that does not run the command', 'usage: tool', 'its shell answers "usage: tool"'],
    ['prints nothing', '', 'its shell answers ""'],
  ])('an image that %s is refused with CLAUDE_NOT_FOUND, and its container is removed', (_, said, message) =>
    requireRefusal({ attach: async () => says(said) }, message),
  );

  it.each([
    ['has no shell', { start: async () => Promise.reject(refused('no /bin/sh')) }, 'it cannot start /bin/sh'],
    ['does not have the user', { create: async () => Promise.reject(refused('no user')) }, 'it cannot start /bin/sh'],
  ])('an image that %s is refused with CLAUDE_NOT_FOUND, and no container is left', (_, overrides, message) =>
    requireRefusal(overrides, message),
  );

  async function requireRefusal(overrides: Parameters<typeof probeOf>[0], message: string): Promise<void> {
    const { probe, engine } = probeOf(overrides);
    const error = await errorOf(factsOf(probe, 'my-image', 'me'), 'CLAUDE_NOT_FOUND');
    expect(error.message).toContain(message);
    expect(error.message).toContain("Image 'my-image' (docker.image)");
    expect(error.message).toContain("as user 'me'");
    expect(engine.remove).toHaveBeenCalledTimes(1);
  }

  it('the error of an unavailable engine is passed on', async () => {
    const away = new OrchestrationError('DOCKER_UNAVAILABLE', 'away');
    const { probe, engine } = probeOf({
      attach: async () => Promise.reject(away),
      remove: vi.fn().mockRejectedValue(away),
    });
    expect(await errorOf(factsOf(probe, 'image'), 'DOCKER_UNAVAILABLE')).toBe(away);
    expect(engine.remove).toHaveBeenCalledTimes(1);
  });

  it('an image is probed again after a failure, because failures are not remembered', async () => {
    const attach = vi.fn().mockResolvedValueOnce(says('')).mockResolvedValue(says(SAID));
    const { probe, engine } = probeOf({ attach });
    await errorOf(factsOf(probe, 'image'), 'CLAUDE_NOT_FOUND');
    expect(await factsOf(probe, 'image')).toMatchObject({ uid: 1000 });
    expect(engine.create).toHaveBeenCalledTimes(2);
  });

  it('a missing image is reported as IMAGE_NOT_FOUND, and no container is created', async () => {
    const missing = new OrchestrationError('IMAGE_NOT_FOUND', 'none');
    const { probe, engine } = probeOf({ image: async () => Promise.reject(missing) });
    await errorOf(factsOf(probe, 'image'), 'IMAGE_NOT_FOUND');
    expect(engine.create).not.toHaveBeenCalled();
  });
});
