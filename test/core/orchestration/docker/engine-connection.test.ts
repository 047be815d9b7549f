import type http from 'node:http';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { FakeEngine } from '../../../support/fake-engine.js';

const CALLS = 60;
/** As many idle connections are kept. */
const MOST_IDLE = 4;

it(`after ${CALLS} calls at once, few connections stay open, and the next calls use them`, async () => {
  const waiting: http.ServerResponse[] = [];
  const allAsked = deferred<void>();
  const { fake, engine } = await FakeEngine.start({
    'GET /containers/json': (response) => {
      if (waiting.push(response) === CALLS) allAsked.resolve();
    },
  });
  const open = new Set<Socket>();
  let closed = 0;
  let opened = 0;
  const closing = new Promise<void>((resolve) => {
    fake.server.on('connection', (socket: Socket) => {
      opened++;
      open.add(socket);
      socket.once('close', () => {
        open.delete(socket);
        if (++closed === CALLS - MOST_IDLE) resolve();
      });
    });
  });
  const calls = Array.from({ length: CALLS }, () => engine.list('a=b'));
  // All of them have to be under way before the first is answered. Otherwise they share connections.
  await allAsked.promise;
  expect(open.size).toBe(CALLS);
  for (const response of waiting.splice(0)) response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
  await Promise.all(calls);
  await closing;
  expect(open.size).toBe(MOST_IDLE);
  fake.answers['GET /containers/json'] = { status: 200, json: [] };
  for (let call = 0; call < 10; call++) await engine.list('a=b');
  expect({ opened, open: open.size }).toEqual({ opened: CALLS, open: MOST_IDLE });
});
