import { session } from 'channelcoder';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { planRun } from '../../../../src/core/orchestration/channelcoder/plan.js';
import { errorOf } from '../../../support/errors.js';

vi.mock('channelcoder', () => ({ session: vi.fn() }));

const detached = vi.fn();
beforeEach(() => {
  detached.mockReset();
  vi.mocked(session)
    .mockReset()
    .mockReturnValue({ detached } as unknown as ReturnType<typeof session>);
});

const DOCKER = { image: 'image', cwd: '/work', mounts: ['/a:/b'], env: { KEY: 'value' } };
const REQUEST = { prompt: { text: 'hello' }, logFile: '/state/stream.log', docker: DOCKER, claude: { maxTurns: 3 } };

describe('the request to ChannelCoder', () => {
  it('each request is a dry run in a new session that is not saved, with the log file and the format', async () => {
    detached.mockResolvedValue({ success: true, data: {} });
    await planRun(REQUEST);
    await planRun(REQUEST);
    expect(vi.mocked(session).mock.calls).toEqual([[{ autoSave: false }], [{ autoSave: false }]]);
    expect(detached).toHaveBeenCalledWith('{nothing}hello{nothing}', {
      data: { nothing: '' },
      docker: DOCKER,
      logFile: '/state/stream.log',
      maxTurns: 3,
      outputFormat: 'stream-json',
      stream: true,
      dryRun: true,
    });
  });

  it('the request contains the conversation to resume', async () => {
    detached.mockResolvedValue({ success: true, data: {} });
    await planRun({ ...REQUEST, resume: 'uuid' });
    expect(detached.mock.calls[0]?.[1]).toMatchObject({ resume: 'uuid' });
  });
});

describe('a ChannelCoder that starts the session itself', () => {
  it.each([
    ['a process', { pid: 42 }, { kind: 'started', pid: 42 }],
    ['a container', { containerId: 'abc' }, { kind: 'started', containerId: 'abc' }],
    ['a process and a container', { pid: 42, containerId: 'abc' }, { kind: 'started', pid: 42, containerId: 'abc' }],
    ['nothing', undefined, { kind: 'started' }],
    ['an empty container id', { containerId: '' }, { kind: 'started' }],
    ['values of other types', { pid: '42', containerId: 7 }, { kind: 'started' }],
    ['a command without arguments', { command: 'docker', pid: 1 }, { kind: 'started', pid: 1 }],
  ])('a session that ChannelCoder started is adopted if ChannelCoder answers with %s', async (_, data, plan) => {
    detached.mockResolvedValue({ success: true, data });
    expect(await planRun(REQUEST)).toEqual(plan);
  });
});

describe('a ChannelCoder that cannot plan', () => {
  it.each([
    ['docker run without the command claude', ['run', '-i', 'image', 'bash']],
    ['a docker command other than run', ['exec', '-i', 'image', 'claude']],
    ['another image', ['run', '-i', 'other', 'claude', '--print']],
    ['nothing', []],
  ])('the plan fails with LAUNCH_FAILED if ChannelCoder plans %s', async (_, args) => {
    detached.mockResolvedValue({ success: true, data: { command: 'docker', args, prompt: '' } });
    const error = await errorOf(planRun(REQUEST), 'LAUNCH_FAILED');
    expect(error.message).toContain('unknown form');
    expect(error.message).toContain('channelcoder 3.0.x');
  });

  it.each([
    ['refuses with a reason', { success: false, error: 'No way' }, 'No way'],
    ['refuses without a reason', { success: false }, 'it gives no reason'],
  ])('the plan fails with LAUNCH_FAILED if ChannelCoder %s', async (_, answer, message) => {
    detached.mockResolvedValue(answer);
    expect((await errorOf(planRun(REQUEST), 'LAUNCH_FAILED')).message).toContain(message);
  });

  it('the plan fails with LAUNCH_FAILED if ChannelCoder throws an error', async () => {
    detached.mockRejectedValue(new Error('broken'));
    expect((await errorOf(planRun(REQUEST), 'LAUNCH_FAILED')).message).toContain('broken');
  });

  it('the error never shows the values of variables', async () => {
    const args = ['run', '-e', 'KEY=value', 'other', 'claude'];
    detached.mockResolvedValue({ success: true, data: { command: 'docker', args } });
    expect((await errorOf(planRun(REQUEST), 'LAUNCH_FAILED')).message).not.toContain('KEY=value');
  });
});
