import { createServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** A unix socket on which a program listens until the running test ends. Returns its path. */
export async function listening(path: string): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return path;
}
