import { describe, expect, it } from 'vitest';
import { ensureSessionNetwork } from '../../../../src/core/orchestration/docker/session-network.js';
import { errorOf } from '../../../support/errors.js';
import { FakeEngine } from '../../../support/fake-engine.js';

const LOOK = 'GET /networks/autonomous-orchestration';
const MAKE = 'POST /networks/create';
const separating = { Driver: 'bridge', Options: { 'com.docker.network.bridge.enable_icc': 'false' } };

describe('the network of the sessions', () => {
  it('costs one question where it is there', async () => {
    const { fake, engine } = await FakeEngine.start({ [LOOK]: { status: 200, json: separating } });
    await ensureSessionNetwork(engine);
    expect(fake.requests).toEqual([LOOK]);
  });

  it.each([201, 409])('is made where it is missing, also where another process is faster: %s', async (status) => {
    const { fake, engine } = await FakeEngine.start();
    fake.answers[MAKE] = (response, { body }) => {
      fake.answers[LOOK] = { status: 200, json: body };
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    };
    await ensureSessionNetwork(engine);
    expect(fake.requests).toEqual([LOOK, MAKE, LOOK]);
    expect(fake.calls[1]?.body).toMatchObject({
      Name: 'autonomous-orchestration',
      ...separating,
      CheckDuplicate: true,
    });
  });

  it.each([
    ['lets containers reach each other', { ...separating, Options: {} }],
    ['has no options', { Driver: 'bridge', Options: null }],
    ['is of another kind', { ...separating, Driver: 'macvlan' }],
  ])('is refused where it %s', async (_, json) => {
    const { engine } = await FakeEngine.start({ [LOOK]: { status: 200, json } });
    const { message } = await errorOf(ensureSessionNetwork(engine), 'LAUNCH_FAILED');
    expect(message).toContain('docker network rm autonomous-orchestration');
  });
});
