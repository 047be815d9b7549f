import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { AUTHORIZED, describedRoutes, testApp } from '../../support/http-app.js';
import { ENDLESS, nextEvent } from '../../support/simulate.js';

describe('/openapi.json', () => {
  it('/openapi.json is valid OpenAPI 3.1', async () => {
    const { get } = testApp(ENDLESS);
    const validator = new Validator();
    expect(await validator.validate(JSON.parse((await get('/openapi.json')).text))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('/openapi.json describes exactly the existing routes', async () => {
    const { app, get } = testApp(ENDLESS);
    const served = app.routes
      .filter(({ method, path }) => ['GET', 'POST'].includes(method) && /^\/(api|events)/.test(path))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const described = (await describedRoutes({ get })).map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(described.toSorted()).toEqual([...new Set(served)].toSorted());
  });

  it('/openapi.json describes paths, bodies and statuses as they are answered', async () => {
    const { app, get, post, manager } = testApp(ENDLESS);
    const said = nextEvent(manager, 'session:message');
    await manager.create({ prompt: 'x', taskId: 'a' });
    await said;
    const document = JSON.parse((await get('/openapi.json')).text);
    for (const { method, path, body } of await describedRoutes({ get })) {
      const at = path.replace('{taskId}', 'a');
      if (path === '/events') {
        const response = await app.request(at, { headers: AUTHORIZED });
        expect(response.headers.get('Content-Type')).toBe('text/event-stream');
        await response.body?.cancel();
        continue;
      }
      const { status, json } = method === 'get' ? await get(at) : await post(at, body);
      const { responses } = document.paths[path][method];
      if (json.success) expect(Object.keys(responses), `${method} ${path}`).toContain(String(status));
      else expect(json, `${method} ${path}`).toMatchObject({ error: expect.any(String), code: expect.any(String) });
      expect(json.error ?? '', `${method} ${path}`).not.toMatch(/^There is no/);
    }
  });

  it.each([false, true])('each route says if it needs the token (readWithoutToken: %s)', async (readWithoutToken) => {
    const { get } = testApp(ENDLESS, {}, { readWithoutToken });
    const { paths, components } = JSON.parse((await get('/openapi.json')).text);
    for (const operations of Object.values<Record<string, { security?: object[] }>>(paths))
      for (const [method, { security }] of Object.entries(operations))
        expect(security).toEqual(method === 'get' && readWithoutToken ? undefined : [{ token: [] }]);
    expect(components.securitySchemes.token).toEqual({ type: 'http', scheme: 'bearer' });
  });
});
