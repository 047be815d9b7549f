import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Context, Hono } from 'hono';
import { routePath } from 'hono/route';
import { getMimeType } from 'hono/utils/mime';

const compressed = promisify(gzip);

/** A file of the page. All its readers share these bytes, so slow readers take no further memory. */
interface PageFile {
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
}

/**
 * Serves the page that was built into the package. Answers 404 if the page was not built. Works under any path at which the app
 * is mounted.
 */
export function dashboardFiles(): Hono {
  const files = new Map<string, Promise<PageFile>>();
  const read = (name: string): Promise<PageFile> => {
    const known = files.get(name);
    if (known !== undefined) return known;
    const file = readFile(join(folder(), name)).then(async (bytes) => ({
      plain: new Uint8Array(bytes),
      gzip: new Uint8Array(await compressed(bytes)),
    }));
    files.set(name, file);
    file.catch(() => files.delete(name)); // The page may be built later.
    return file;
  };

  const app = new Hono();
  // The name of an asset contains a hash of its contents, so the file never changes.
  app.get('/assets/:name{[\\w.-]+}', async (context) => {
    const { name } = context.req.param();
    const file = await read(join('assets', name)).catch(() => undefined);
    if (!file) return context.notFound();
    return answer(context, file, {
      'Content-Type': getMimeType(name) ?? 'application/octet-stream',
      'Cache-Control': 'public, max-age=31536000, immutable',
    });
  });
  app.get('/*', async (context, next) => {
    const mountedAt = routePath(context).slice(0, -'/*'.length);
    const path = context.req.path.slice(mountedAt.length);
    // The addresses in the page are relative, and need the slash at the end.
    if (path === '') return context.redirect(`${mountedAt}/`);
    if (path !== '/') return next();
    const page = await read('index.html').catch(() => undefined);
    if (!page) return context.text('The dashboard is not built: npm run build:dashboard', 404);
    return answer(context, page, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' });
  });
  return app;
}

function answer(context: Context, { plain, gzip }: PageFile, headers: Record<string, string>): Response {
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(context.req.header('Accept-Encoding') ?? '');
  const encoding = takesGzip && { 'Content-Encoding': 'gzip' };
  return context.body(takesGzip ? gzip : plain, 200, { ...headers, ...encoding, Vary: 'Accept-Encoding' });
}

/** The folder of the built page. It is found by the package's name, because this file is in another place after the build. */
function folder(): string {
  const { resolve } = createRequire(import.meta.url);
  return join(dirname(resolve('autonomous-orchestration/package.json')), 'dist/dashboard');
}
