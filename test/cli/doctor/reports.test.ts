import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { engineKind } from '../../../src/cli/doctor/engine-kind.js';
import { type ImageFindings, readFindings } from '../../../src/cli/doctor/image-facts.js';
import { loginReport } from '../../../src/cli/doctor/login-report.js';
import { eventsReport, mountFailed, mountsReport, userReport } from '../../../src/cli/doctor/workspace-reports.js';
import { FolderRefused, type Trial } from '../../../src/cli/doctor/workspace-trial.js';
import type { EngineConnection } from '../../../src/core/orchestration/docker/engine-connection.js';
import { OrchestrationError } from '../../../src/core/orchestration/util/errors.js';
import { tempFolder } from '../../support/temp-folder.js';

const DAY_MS = 86_400_000;
const TOKEN = 'sk-ant-oat01-abcDEF';
const IMAGE: ImageFindings = { uid: 1000, programs: new Map(), loginVariables: [] };

describe('what an engine is', () => {
  const kindOf = (info: object, version: object = {}) =>
    engineKind({
      call: async (_: string, path: string) => ({
        status: 200,
        body: path === '/info' ? info : { Version: '5.4.2', ...version },
      }),
    } as unknown as EngineConnection);

  it.each([
    ['Docker Engine 5.4.2', { SecurityOptions: ['name=seccomp,profile=default'] }, {}],
    ['Docker Engine 5.4.2, rootless', { SecurityOptions: ['name=rootless'] }, {}],
    ['Docker Engine 5.4.2, with userns-remap', { SecurityOptions: ['name=userns'] }, {}],
    ['Docker Engine 5.4.2, with SELinux', { SecurityOptions: ['name=selinux'] }, {}],
    ['Podman 5.4.2', {}, { Components: [{ Name: 'Podman Engine' }] }],
    ['Docker Desktop 5.4.2', { OperatingSystem: 'Docker Desktop' }, {}],
    ['Docker Desktop 5.4.2', {}, { Platform: { Name: 'Docker Desktop 4.40.0' } }],
    ['OrbStack 5.4.2', { OperatingSystem: 'OrbStack' }, {}],
    ['Colima 5.4.2', { Name: 'colima' }, {}],
  ])('%s', async (name, info, version) => {
    expect(await kindOf(info, version)).toEqual({ name });
  });
});

describe('what is read of an image', () => {
  it('the last lines count also if the image prints other things, and values of variables are not there', () => {
    const said = readFindings(
      [
        'a message of the day',
        'autonomous-orchestration-doctor uid 0',
        'autonomous-orchestration-doctor program rg ripgrep 14.1.0',
        'autonomous-orchestration-doctor login 1764400000000',
        'autonomous-orchestration-doctor variable ANTHROPIC_API_KEY',
        'autonomous-orchestration-doctor variable PATH',
      ].join('\r\n'),
    );
    expect(said).toEqual({
      uid: 0,
      programs: new Map([['rg', 'ripgrep 14.1.0']]),
      loginExpires: 1_764_400_000_000,
      loginVariables: ['ANTHROPIC_API_KEY'],
    });
  });

  it('a shell that says nothing of this is an error', () => {
    expect(() => readFindings('exec format error')).toThrow('its shell answers "exec format error"');
  });
});

describe('the report about the login', () => {
  const found = (variables: Record<string, string>, storedOn?: string) => {
    const envFile = join(tempFolder(), 'login.env');
    writeFileSync(
      envFile,
      storedOn === undefined ? '' : `# Stored by autonomous-orchestration image login on ${storedOn}\n`,
    );
    return { source: { envFile }, variables };
  };
  const now = Date.parse('2026-11-29');
  const daysAgo = (days: number): string => new Date(now - days * DAY_MS).toISOString().slice(0, 10);

  it.each([
    ['a token', { CLAUDE_CODE_OAUTH_TOKEN: TOKEN }, daysAgo(1), 'ok', 'its form is right'],
    [
      'a token of a file that was written by hand',
      { CLAUDE_CODE_OAUTH_TOKEN: TOKEN },
      undefined,
      'ok',
      'its form is right',
    ],
    ['an API key of last year', { ANTHROPIC_API_KEY: 'sk-ant-api03-x' }, daysAgo(500), 'ok', 'its form is right'],
    [
      'a token that soon expires',
      { CLAUDE_CODE_OAUTH_TOKEN: TOKEN },
      daysAgo(350),
      'warning',
      'expires in about 15 days',
    ],
    ['a token that has expired', { CLAUDE_CODE_OAUTH_TOKEN: TOKEN }, daysAgo(366), 'failure', '366 days ago'],
    [
      'a key in the place of a token',
      { CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-api03-x' },
      undefined,
      'failure',
      'does not look like a token',
    ],
    [
      'a token in the place of a key',
      { ANTHROPIC_API_KEY: TOKEN },
      undefined,
      'failure',
      'does not look like an API key',
    ],
    [
      'a gateway with keys of its own',
      { ANTHROPIC_API_KEY: 'x', ANTHROPIC_BASE_URL: 'https://g.example' },
      undefined,
      'ok',
      'BASE_URL',
    ],
  ])('%s', async (_, variables, storedOn, status, words) => {
    const report = await loginReport(found(variables as Record<string, string>, storedOn), IMAGE, now);
    expect(report).toMatchObject({ status, message: expect.stringContaining(words) });
    expect(JSON.stringify(report)).not.toContain('abcDEF');
  });

  it.each([
    ['there is none', IMAGE, 'failure', 'no login'],
    ['the image could not be examined', undefined, 'failure', 'no login is stored'],
    [
      'it is in the image',
      { ...IMAGE, loginExpires: 1_764_400_000_000 },
      'warning',
      '2025-11-29T07:06:40.000Z): the first container',
    ],
    [
      'it is in the image without a time',
      { ...IMAGE, loginExpires: 0 },
      'warning',
      'inside the image: the first container',
    ],
    [
      'it is a variable of the image',
      { ...IMAGE, loginVariables: ['ANTHROPIC_API_KEY'] },
      'warning',
      'everyone who has the image',
    ],
  ])('nothing is stored, and %s', async (_, image, status, words) => {
    const report = await loginReport(undefined, image, now);
    expect(report).toMatchObject({ status, message: expect.stringContaining(words) });
    expect(report.next).toContain('image login');
  });
});

describe('the report about the user', () => {
  const owners = { process: 0, workspace: 1234, image: 1000 };
  const on = (uid: number) => ({ uid, gid: uid, groups: [] });

  it.each([
    ['as uid 1234', { uid: 1234, onMachine: on(1234) }],
    ['as uid 0, which is uid 1234 on the machine', { uid: 0, onMachine: on(1234) }],
    ['as uid 1000; the engine hides the owners of files', { uid: 1000, onMachine: undefined }],
  ])('sessions run %s', (words, agent) => {
    const { status, message } = userReport(owners, agent);
    expect(status).toBe('ok');
    expect(message).toBe(`process uid 0, workspace uid 1234, image uid 1000: sessions run ${words}`);
  });
});

describe('the reports about mounts and file events', () => {
  const trial = (change: Partial<Trial> = {}): Trial => ({
    containerSees: true,
    machineSees: true,
    owner: 1000,
    toMachine: 'at once',
    toContainer: 'at once',
    ...change,
  });

  it.each([
    ['ok', {}, 'belong to uid 1000'],
    ['failure', { containerSees: false }, 'another folder'],
    ['failure', { machineSees: false }, 'cannot write'],
    ['warning', { owner: 0 }, 'not to uid 1000'],
  ] as const)('mounts: %s for %j', (status, change, words) => {
    expect(mountsReport(trial(change), 1000)).toMatchObject({ status, message: expect.stringContaining(words) });
  });

  it.each([
    ['failure', new OrchestrationError('LAUNCH_FAILED', 'bind source path does not exist'), 'under the same paths'],
    ['warning', new FolderRefused('this process may not do that'), 'as the owner of the workspace'],
  ])('mounts: %s for %s, with a next step of its own', (status, error, next) => {
    expect(mountFailed(error)).toMatchObject({ status, next: expect.stringContaining(next) });
  });

  it('mounts: where users are mapped, the owner does not count', () => {
    expect(mountsReport(trial({ owner: 501 }), undefined)).toMatchObject({ status: 'ok' });
  });

  it.each([
    ['ok', {}, undefined],
    ['ok', { toContainer: 'none' }, undefined],
    ['warning', { toMachine: 'late' }, 'by looking for them'],
    ['warning', { toMachine: 'not at all' }, 'by looking for them'],
    ['warning', { toContainer: 'not at all' }, 'have to poll'],
  ] as const)('events: %s for %j', (status, change, next) => {
    const report = eventsReport(trial(change));
    expect(report.status).toBe(status);
    if (next !== undefined) expect(report.next).toContain(next);
  });
});
