import { openSessions } from 'autonomous-orchestration';
import { expect, it, onTestFinished } from 'vitest';
import { FeedReader } from '../../support/feed-reader.js';
import { AUTHORIZED, appOn, SESSIONS } from '../../support/http-app.js';
import { DONE, simulate } from '../../support/simulate.js';
import { tempFolder } from '../../support/temp-folder.js';

it('the app of a client shows and changes the sessions of the process that owns them', async () => {
  const [stateDir, workspace] = [tempFolder(), tempFolder()];
  const { manager } = simulate(DONE, { stateDir });
  await manager.recover();
  const client = await openSessions({ stateDir });
  onTestFinished(() => client.close());
  const { app, get, post } = appOn(client, { workspaces: [workspace] });
  const feed = new FeedReader(await app.request('/events', { headers: AUTHORIZED }));
  onTestFinished(() => feed.close());
  const { status, json } = await post(SESSIONS, { prompt: 'x', taskId: 'mine', cwd: workspace });
  expect(status).toBe(201);
  await client.waitFor(json.data.id);
  expect((await get(`${SESSIONS}/mine`)).json.data).toMatchObject({ id: json.data.id, state: 'completed' });
  expect(manager.list({ taskId: 'mine' })).toHaveLength(1);
  expect((await post(`${SESSIONS}/mine/remove`)).status).toBe(200);
  expect(manager.list()).toEqual([]);
  expect((await get(SESSIONS)).json.data).toEqual([]);
  await feed.until(({ data }) => data.type === 'session:removed');
});
