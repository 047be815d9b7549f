import { z } from 'zod';
import type { Route } from './routes.js';

/** The OpenAPI 3.1 description of the routes. It is made from the schemas that check the requests. */
export function openApiDocument(routes: readonly Route[], { readWithoutToken }: { readWithoutToken: boolean }): object {
  const needed = [{ token: [] }];
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    const security = route.method === 'post' || !readWithoutToken ? needed : undefined;
    paths[path] = { ...paths[path], [route.method]: operation(route, security) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'autonomous-orchestration',
      version: '1',
      description:
        'Sessions of AI coding agents. Show what agents write as text only. The types of the answers are named as the ' +
        'package exports them.',
    },
    paths: {
      ...paths,
      '/events': {
        get: {
          description:
            'Server-sent events: a `snapshot` (`Snapshot`), then each `event` (`FeedEvent`). Before events comes the current ' +
            'record of their `session` (`AutonomousSession`). While nothing happens, a `ping` comes. With `Last-Event-ID`, ' +
            'the stream continues after that event.',
          ...(!readWithoutToken && { security: needed }),
          parameters: [
            { name: 'Last-Event-ID', in: 'header', schema: { type: 'string' } },
            { name: 'lastEventId', in: 'query', schema: { type: 'string' } },
          ],
          responses: {
            200: { description: 'The stream', content: { 'text/event-stream': { schema: { type: 'string' } } } },
          },
        },
      },
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Failure: {
          type: 'object',
          required: ['success', 'error'],
          properties: { success: { const: false }, error: { type: 'string' }, code: { type: 'string' } },
        },
      },
    },
  };
}

function operation(
  { path, description, data, status, accepted, body, query }: Route,
  security: object[] | undefined,
): object {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    description: "The session's own id, or the taskId that the user gave it.",
    schema: { type: 'string' },
  }));
  const { properties = {} } = query ? schemaOf(query) : {};
  const inQuery = Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }));
  return {
    description,
    ...(security && { security }),
    parameters: [...inPath, ...inQuery],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body) } } } }),
    responses: {
      [status ?? 200]: answer('Done', success({ description: data })),
      ...(accepted !== undefined && { 202: answer(accepted, success({ type: 'null' })) }),
      default: answer('Refused', { $ref: '#/components/schemas/Failure' }),
    },
  };
}

function answer(description: string, schema: object): object {
  return { description, content: { 'application/json': { schema } } };
}

function success(data: object): object {
  return { type: 'object', required: ['success', 'data'], properties: { success: { const: true }, data } };
}

/** The JSON schema of what a client has to send. */
function schemaOf(schema: z.ZodType): { properties?: Record<string, object> } {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input' });
  return json as { properties?: Record<string, object> };
}
