import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DecisionLog } from '../../../../src/core/orchestration/guard/decision-log.js';
import type { StoredDecision } from '../../../../src/core/orchestration/guard/stored-decision.js';
import { tempFolder } from '../../../support/temp-folder.js';

const newFile = (): string => join(tempFolder(), 'decisions.jsonl');
/** A decision log that is closed when the test ends. */
function logAt(file: string): DecisionLog {
  const log = new DecisionLog(file);
  onTestFinished(() => log.close());
  return log;
}
const decision = (toolUseId: string, allowed = true): StoredDecision => ({
  toolUseId,
  tool: 'Bash',
  fields: [['command', 'hash']],
  ...(allowed && { path: '/a\nb' }),
  verdict: allowed ? { allowed } : { allowed, reason: 'Denied\n"by policy".' },
});
const decisionsOf = async (log: DecisionLog): Promise<StoredDecision[]> => [...(await log.read())];
const idsOf = async (log: DecisionLog): Promise<string[]> => (await decisionsOf(log)).map(({ toolUseId }) => toolUseId);

describe("the guard's decisions on disk", () => {
  it('another process reads decisions in their order as soon as append() has resolved', async () => {
    const file = newFile();
    const first = logAt(file);
    await first.append(decision('a'));
    await first.append(decision('b', false));
    expect(await decisionsOf(logAt(file))).toEqual([decision('a'), decision('b', false)]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('a log without decisions is empty and creates no file', async () => {
    const file = newFile();
    const log = logAt(file);
    expect(await decisionsOf(log)).toEqual([]);
    log.close();
    expect(existsSync(file)).toBe(false);
  });

  it('decisions that are appended at the same time are all stored', async () => {
    const file = newFile();
    const log = logAt(file);
    const ids = Array.from({ length: 50 }, (_, index) => `${index}`);
    await Promise.all(ids.map((id) => log.append(decision(id))));
    expect((await idsOf(logAt(file))).sort()).toEqual(ids.sort());
  });

  it('the next process appends its decisions to the same file', async () => {
    const file = newFile();
    await logAt(file).append(decision('a'));
    const next = logAt(file);
    await next.append(decision('b'));
    expect(await idsOf(logAt(file))).toEqual(['a', 'b']);
  });

  it('of many decisions about one call, the last few are read, because each is parsed when the log reports the call', async () => {
    const file = newFile();
    const lines = Array.from({ length: 10_000 }, (_, at) => JSON.stringify({ ...decision('a'), path: `/${at}` }));
    writeFileSync(file, `${lines.join('\n')}\n${JSON.stringify(decision('a', false))}\n`);
    const last = (await logAt(file).read()).about('a');
    expect(last.map(({ path, verdict }) => path ?? verdict)).toEqual([
      '/9997',
      '/9998',
      '/9999',
      decision('a', false).verdict,
    ]);
  });

  it('unfinished and invalid lines are not read as decisions', async () => {
    const file = newFile();
    await logAt(file).append(decision('a'));
    appendFileSync(file, JSON.stringify(decision('b')).slice(0, -3));
    expect(await idsOf(logAt(file))).toEqual(['a']);
    writeFileSync(file, 'null\n\n7x\n');
    expect(await decisionsOf(logAt(file))).toEqual([]);
  });

  it('decisions after an unfinished line are not lost', async () => {
    const file = newFile();
    await logAt(file).append(decision('a'));
    appendFileSync(file, JSON.stringify(decision('b')).slice(0, -3));
    const next = logAt(file);
    await next.append(decision('c'));
    await next.append(decision('d'));
    expect(await idsOf(logAt(file))).toEqual(['a', 'c', 'd']);
  });

  it('append() rejects if the decision cannot be written', async () => {
    await expect(logAt(join(tempFolder(), 'none', 'x')).append(decision('a'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('the file of decisions does not grow beyond 32 MiB', async () => {
    const file = newFile();
    await logAt(file).append(decision('a'));
    truncateSync(file, 32 * 1024 * 1024 - 200);
    const log = logAt(file);
    await log.append(decision('b', false));
    await expect(log.append(decision('c', false))).rejects.toThrow('full');
    expect(statSync(file).size).toBeLessThanOrEqual(32 * 1024 * 1024);
    await log.clear();
    await log.append(decision('d'));
    expect(await idsOf(log)).toEqual(['d']);
  });

  it('clear() removes all decisions, and later decisions are stored again', async () => {
    const file = newFile();
    const log = logAt(file);
    await log.append(decision('a'));
    await log.clear();
    expect(existsSync(file)).toBe(false);
    await log.append(decision('b'));
    expect(await idsOf(logAt(file))).toEqual(['b']);
    await log.clear();
    await log.clear();
  });

  it('a closed log takes no more decisions, and another log continues the same file', async () => {
    const file = newFile();
    const log = logAt(file);
    await log.append(decision('a'));
    log.close();
    log.close();
    await expect(log.append(decision('b'))).rejects.toThrow('closed');
    await logAt(file).append(decision('b'));
    expect(readFileSync(file, 'utf8').split('\n').filter(Boolean)).toHaveLength(2);
  });
});
