import { describe, expect, it, vi } from 'vitest';
import type { EngineNetwork } from '../../../../src/core/orchestration/docker/engine.js';
import { ensureSessionNetwork, requireNetwork } from '../../../../src/core/orchestration/docker/session-network.js';
import { errorOf } from '../../../support/errors.js';
import { FakeEngine } from '../../../support/fake-engine.js';

const LOOK = 'GET /networks';
const MAKE = 'POST /networks/create';
const separating = {
  Id: 'net-1',
  Name: 'container:autonomous-orchestration-sessions',
  Created: '2026-11-29T10:00:00Z',
  Driver: 'bridge',
  Options: { 'com.docker.network.bridge.enable_icc': 'false' },
};

/** The calls without their queries. */
const calls = ({ requests }: FakeEngine): string[] => requests.map((request) => request.replace(/\?.*/, ''));

describe('the session network', () => {
  it('an existing session network takes one request', async () => {
    const { fake, engine } = await FakeEngine.start({ [LOOK]: { status: 200, json: [separating] } });
    expect(await ensureSessionNetwork(engine)).toBe('net-1');
    expect(calls(fake)).toEqual([LOOK]);
  });

  it.each([201, 409])(
    'a missing session network is created, even if another process is faster: status code %s',
    async (status) => {
      const { fake, engine } = await FakeEngine.start({ [LOOK]: { status: 200, json: [] } });
      fake.answers[MAKE] = (response) => {
        fake.answers[LOOK] = { status: 200, json: [separating] };
        response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
      };
      expect(await ensureSessionNetwork(engine)).toBe('net-1');
      expect(calls(fake)).toEqual([LOOK, MAKE, LOOK]);
      const { Name, Driver, Options } = separating;
      expect(fake.calls[1]?.body).toMatchObject({ Name, Driver, Options, CheckDuplicate: true });
    },
  );

  it('the session network has a plain name if the engine refuses the special name', async () => {
    const plain = { ...separating, Name: 'autonomous-orchestration-sessions' };
    const { fake, engine } = await FakeEngine.start({ [LOOK]: { status: 200, json: [] } });
    fake.answers[MAKE] = (response, { body }) => {
      const taken = (body as { Name: string }).Name === plain.Name;
      if (taken) fake.answers[LOOK] = { status: 200, json: [plain] };
      response.writeHead(taken ? 201 : 400, { 'content-type': 'application/json' }).end('{"message":"invalid name"}');
    };
    expect(await ensureSessionNetwork(engine)).toBe('net-1');
    expect(calls(fake)).toEqual([LOOK, MAKE, MAKE, LOOK]);
    expect(await ensureSessionNetwork(engine)).toBe('net-1');
    expect(calls(fake)).toEqual([LOOK, MAKE, MAKE, LOOK, LOOK]);
  });

  it('the oldest isolating network with exactly this name is used if there are several', async () => {
    const json = [
      { ...separating, Id: 'young', Created: '2026-11-29T12:00:00Z' },
      { ...separating, Id: 'open', Created: '2026-11-29T09:00:00Z', Options: {} },
      {
        ...separating,
        Id: 'other',
        Created: '2026-11-29T08:00:00Z',
        Name: 'container:autonomous-orchestration-sessions-2',
      },
      separating,
    ];
    const { engine } = await FakeEngine.start({ [LOOK]: { status: 200, json } });
    expect(await ensureSessionNetwork(engine)).toBe('net-1');
  });

  it.each([
    ['lets containers reach each other', { ...separating, Options: {} }],
    ['has no options', { ...separating, Options: null }],
    ['has another driver', { ...separating, Driver: 'macvlan' }],
  ])('a session network that %s is refused', async (_, json) => {
    const { engine } = await FakeEngine.start({ [LOOK]: { status: 200, json: [json] } });
    const { message } = await errorOf(ensureSessionNetwork(engine), 'LAUNCH_FAILED');
    expect(message).toContain('docker network rm container:autonomous-orchestration-sessions');
  });
});

describe('a network that a session names', () => {
  it('is refused if the engine does not have it', async () => {
    const networks = vi.fn(async (names: readonly string[]) => (names[0] === 'mine' ? [{}] : []) as EngineNetwork[]);
    await requireNetwork({ networks }, { network: 'mine' });
    const { message } = await errorOf(requireNetwork({ networks }, { network: 'nope' }), 'INVALID_OPTIONS');
    expect(message).toContain('docker.network\': the engine has no network "nope"');
  });

  it.each([undefined, 'none', 'host', 'bridge', 'container:db', '0123456789ab'])(
    'the engine is not asked for %s',
    async (network) => {
      const networks = vi.fn(async () => []);
      await requireNetwork({ networks }, network === undefined ? {} : { network });
      expect(networks).not.toHaveBeenCalled();
    },
  );
});
