import { expect, it } from 'vitest';
import { SESSIONS, testApp } from '../../support/http-app.js';
import { ENDLESS } from '../../support/simulate.js';

it('sessions over HTTP wait for others, for a time, and by priority, and the page reads what they wait for', async () => {
  const { post, get, manager } = testApp(ENDLESS, { maxConcurrent: 1 });
  const { id: first } = await manager.create({ prompt: 'x' });
  const notBefore = Date.now() + 86_400_000;
  const body = { prompt: 'x', after: [{ id: first, on: 'ended' }], priority: 'low', notBefore };
  const { status, json } = await post(SESSIONS, body);
  expect(status).toBe(201);
  const { id } = json.data;
  const { prompt: _, ...plan } = body;
  const { json: read } = await get(`${SESSIONS}/${id}`);
  expect(read.data).toMatchObject({ state: 'queued', ...plan });
  expect(read.data).not.toHaveProperty('queuePosition');
  expect(read.data.lastLogLines).toEqual([
    'Queued: waits for other sessions or for its time, before it waits for a slot.',
  ]);
  expect((await get('/api/autonomous-queue')).json.data).toMatchObject({
    queued: 1,
    items: [],
    blocked: [{ id, after: [first], notBefore }],
  });
});

it.each([
  [{ after: [{ id: 'nobody' }] }, 404, 'SESSION_NOT_FOUND'],
  [{ after: [{ id: 'x', on: 'failed' }] }, 400, undefined],
  [{ after: 'x' }, 400, undefined],
  [{ priority: 'urgent' }, 400, undefined],
  [{ notBefore: '2030-01-01' }, 400, undefined],
])('a session with %j is refused with %s, and nothing is made', async (options, status, code) => {
  const { post, manager } = testApp(ENDLESS);
  const answer = await post(SESSIONS, { prompt: 'x', ...options });
  expect(answer.status).toBe(status);
  if (code !== undefined) expect(answer.json.code).toBe(code);
  expect(manager.list()).toEqual([]);
});
