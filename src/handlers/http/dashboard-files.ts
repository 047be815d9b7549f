import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { routePath } from 'hono/route';
import { getMimeType } from 'hono/utils/mime';

/** The page as it was built into the package; 404 where it was not. Works under any path that the app is mounted at. */
export function dashboardFiles(): Hono {
  const files = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
  const read = (name: string): Promise<Uint8Array<ArrayBuffer>> => {
    const known = files.get(name);
    if (known !== undefined) return known;
    const content = readFile(join(folder(), name)).then((bytes) => new Uint8Array(bytes));
    files.set(name, content);
    content.catch(() => files.delete(name)); // It may be built later.
    return content;
  };

  const app = new Hono();
  app.use(compress());
  // Their names have a hash of their contents.
  app.get('/assets/:name{[\\w.-]+}', async (context) => {
    const { name } = context.req.param();
    const file = await read(join('assets', name)).catch(() => undefined);
    if (!file) return context.notFound();
    return context.body(file, 200, {
      'Content-Type': getMimeType(name) ?? 'application/octet-stream',
      'Cache-Control': 'public, max-age=31536000, immutable',
    });
  });
  app.get('/*', async (context, next) => {
    const mountedAt = routePath(context).slice(0, -'/*'.length);
    const path = context.req.path.slice(mountedAt.length);
    // What the page asks for is relative to a folder.
    if (path === '') return context.redirect(`${mountedAt}/`);
    if (path !== '/') return next();
    const page = await read('index.html').catch(() => undefined);
    if (!page) return context.text('The dashboard is not built: npm run build:dashboard', 404);
    return context.body(page, 200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' });
  });
  return app;
}

/** By the package's own name: this file is elsewhere when it is built. */
function folder(): string {
  const { resolve } = createRequire(import.meta.url);
  return join(dirname(resolve('autonomous-orchestration/package.json')), 'dist/dashboard');
}
