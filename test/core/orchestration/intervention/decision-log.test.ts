import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StoredDecision } from '../../../../src/core/orchestration/intervention/call-ledger.js';
import { DecisionLog } from '../../../../src/core/orchestration/intervention/decision-log.js';
import { tempFolder } from '../../../support/temp-folder.js';

const newFile = (): string => join(tempFolder(), 'decisions.jsonl');
const decision = (toolUseId: string, allowed = true): StoredDecision => ({
  toolUseId,
  tool: 'Bash',
  fields: [['command', 'hash']],
  ...(allowed && { path: '/a\nb' }),
  verdict: allowed ? { allowed } : { allowed, reason: 'Denied\n"by policy".' },
});
const idsOf = async (log: DecisionLog): Promise<string[]> => (await log.read()).map(({ toolUseId }) => toolUseId);

describe("the guard's decisions on disk", () => {
  it('are read by another host in their order, as soon as append() has resolved', async () => {
    const file = newFile();
    const first = new DecisionLog(file);
    await first.append(decision('a'));
    await first.append(decision('b', false));
    expect(await new DecisionLog(file).read()).toEqual([decision('a'), decision('b', false)]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('are none where nothing was decided: no file is made', async () => {
    const file = newFile();
    const log = new DecisionLog(file);
    expect(await log.read()).toEqual([]);
    log.close();
    expect(existsSync(file)).toBe(false);
  });

  it('are all there where several are made at once', async () => {
    const file = newFile();
    const log = new DecisionLog(file);
    const ids = Array.from({ length: 50 }, (_, index) => `${index}`);
    await Promise.all(ids.map((id) => log.append(decision(id))));
    expect((await idsOf(new DecisionLog(file))).sort()).toEqual(ids.sort());
  });

  it('are gone on with by the next host', async () => {
    const file = newFile();
    await new DecisionLog(file).append(decision('a'));
    const next = new DecisionLog(file);
    await next.append(decision('b'));
    expect(await idsOf(new DecisionLog(file))).toEqual(['a', 'b']);
  });

  it('are not those whose line was not finished', async () => {
    const file = newFile();
    await new DecisionLog(file).append(decision('a'));
    appendFileSync(file, JSON.stringify(decision('b')).slice(0, -3));
    expect(await idsOf(new DecisionLog(file))).toEqual(['a']);
    writeFileSync(file, 'null\n\n7x\n');
    expect(await new DecisionLog(file).read()).toEqual([]);
  });

  it.fails('are not lost behind a line that was not finished', async () => {
    const file = newFile();
    await new DecisionLog(file).append(decision('a'));
    appendFileSync(file, JSON.stringify(decision('b')).slice(0, -3));
    const next = new DecisionLog(file);
    await next.append(decision('c'));
    await next.append(decision('d'));
    expect(await idsOf(new DecisionLog(file))).toEqual(['a', 'c', 'd']);
  });

  it('reject where they cannot be written', async () => {
    await expect(new DecisionLog(join(tempFolder(), 'none', 'x')).append(decision('a'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('begin anew with a new run', async () => {
    const file = newFile();
    const log = new DecisionLog(file);
    await log.append(decision('a'));
    await log.clear();
    expect(existsSync(file)).toBe(false);
    await log.append(decision('b'));
    expect(await idsOf(new DecisionLog(file))).toEqual(['b']);
    await log.clear();
    await log.clear();
  });

  it('may be closed, and gone on with', async () => {
    const file = newFile();
    const log = new DecisionLog(file);
    await log.append(decision('a'));
    log.close();
    log.close();
    await log.append(decision('b'));
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
  });
});
