import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { LogExecutor } from './log-executor.js';
import { LogLines } from './log-lines.js';

/** As many as a short session writes. Then all lists in its record are full. */
const LINES = 100;
const AT_ONCE = 32;

/** The id of a copy. */
export function endedId(number: number): string {
  return `e${number.toString(36).padStart(11, '0')}`;
}

/** Fills a state folder with sessions that have ended. Each is a copy of one that a manager has run, under an id of its own. */
export async function fillWithEnded(stateDir: string, count: number): Promise<void> {
  const autonomous = new LogExecutor(async (logFile) => {
    const lines = new LogLines();
    const texts = [lines.init(), ...Array.from({ length: LINES }, () => lines.next(''))];
    await writeFile(logFile, `${texts.join('\n')}\n`, { flag: 'a' });
    return { ended: Promise.resolve({ exitCode: 0 }) };
  });
  const options = { stateDir, executors: { autonomous }, socket: false, policy: { dangerous: 'allow' } } as const;
  const manager = new UnifiedSessionManager(options);
  const { id } = await manager.create({ prompt: 'Write the log.', docker: false, cwd: stateDir });
  await manager.waitFor(id);
  await manager.close();
  const sessions = join(stateDir, 'sessions');
  const [spec, record] = await Promise.all(
    ['spec.json', 'session.json'].map((name) => readFile(join(sessions, id, name), 'utf8')),
  );
  const copy = async (number: number): Promise<void> => {
    const other = endedId(number);
    const folder = join(sessions, other);
    await mkdir(join(folder, 'projects'), { recursive: true, mode: 0o700 });
    const own = (text = ''): string => text.replaceAll(id, other).replace('"ticket":1,', `"ticket":${number + 1},`);
    await writeFile(join(folder, 'spec.json'), own(spec), { mode: 0o600 });
    await writeFile(join(folder, 'session.json'), own(record), { mode: 0o600 });
    await cp(join(sessions, id, 'stream.log'), join(folder, 'stream.log'));
  };
  for (let first = 1; first < count; first += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, index) => first + index);
    await Promise.all(numbers.map(copy));
  }
}
