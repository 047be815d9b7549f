import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BaseExecutor, type Leftover, type Preparation, type RunHandle } from 'autonomous-orchestration';
import { describe, expect, it } from 'vitest';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import { SessionSweep } from '../../../../src/core/orchestration/manager/sweep.js';
import type { UnifiedSession } from '../../../../src/core/orchestration/session/record.js';
import { SessionRegistry } from '../../../../src/core/orchestration/store/registry.js';
import { afterActions, runningSession, sessionIn, suspendedSession } from '../../../support/sessions.js';
import { tempFolder } from '../../../support/temp-folder.js';

const environment = { docker: true, dockerImage: 'image', cwd: '/work' };
const traceOf = (name: string, sessionId: string | undefined, run = 1): Leftover => ({
  name,
  ...(sessionId !== undefined && { sessionId }),
  run,
  environment,
});

class Containers extends BaseExecutor {
  readonly there: Map<string, Leftover>;
  isAway = false;
  readonly stuck = new Set<string>();

  constructor(...leftovers: Leftover[]) {
    super();
    this.there = new Map(leftovers.map((leftover) => [leftover.name, leftover]));
  }
  async prepare(): Promise<Preparation> {
    return { environment };
  }
  async launch(): Promise<RunHandle> {
    throw new Error('It launches nothing.');
  }
  override async leftovers(): Promise<Leftover[]> {
    if (this.isAway) throw new Error('away');
    return [...this.there.values()];
  }
  override async removeLeftover({ name }: Leftover): Promise<void> {
    if (this.stuck.has(name)) throw new Error('busy');
    this.there.delete(name);
  }
}

function scene(sessions: UnifiedSession[], ...leftovers: Leftover[]) {
  const stateDir = tempFolder();
  const registry = new SessionRegistry();
  for (const session of sessions) registry.set(session);
  const executor = new Containers(...leftovers);
  const sweep = new SessionSweep({ stateDir, registry, executors: { autonomous: executor } });
  return { stateDir, executor, sweep, registry, left: (): string[] => [...executor.there.keys()] };
}

describe('a sweep', () => {
  it('a sweep removes the containers of unknown sessions and of image probes', async () => {
    const { sweep, left } = scene([], traceOf('ao-unknown-1', 'unknown'), traceOf('ao-probe', undefined));
    expect((await sweep.run()).containers).toEqual(['ao-unknown-1', 'ao-probe']);
    expect(left()).toEqual([]);
  });

  it.each([
    ['running', runningSession()],
    ['paused', sessionIn('paused')],
    ['waiting for feedback', sessionIn('waiting_feedback')],
    ['exited, but its end is not yet on record', afterActions(runningSession(), { type: 'exited', end: {} })],
  ])('a sweep keeps the container of an open run: %s', async (_, session) => {
    const { sweep, left } = scene([session], traceOf('ao-session-1', 'session'));
    expect((await sweep.run()).containers).toEqual([]);
    expect(left()).toEqual(['ao-session-1']);
  });

  it.each([
    ['ended', sessionIn('completed')],
    ['waits in the queue', sessionIn('queued')],
    ['waits for its usage limit', suspendedSession()],
    ['has not been launched', sessionIn('starting')],
  ])('a sweep removes the container of a session that %s', async (_, session) => {
    const { sweep, left } = scene([session], traceOf('ao-session-1', 'session'));
    expect((await sweep.run()).containers).toEqual(['ao-session-1']);
    expect(left()).toEqual([]);
  });

  it('a sweep removes the containers of earlier runs and of unknown runs', async () => {
    const second = afterActions(
      sessionIn('completed'),
      { type: 'continued', at: 10, feedback: 'more' },
      { type: 'launching', at: 11 },
    );
    const { sweep, left } = scene([second], ...[1, 2, 3].map((run) => traceOf(`ao-session-${run}`, 'session', run)));
    expect((await sweep.run()).containers).toEqual(['ao-session-1', 'ao-session-3']);
    expect(left()).toEqual(['ao-session-2']);
  });

  it('a sweep keeps the container of a skipped session as long as its folder exists', async () => {
    const { sweep, left, stateDir } = scene([], traceOf('ao-skipped-1', 'skipped'));
    const folder = new SessionFolder(stateDir, 'skipped');
    mkdirSync(folder.path, { recursive: true });
    await sweep.run();
    await sweep.run();
    expect(left()).toEqual(['ao-skipped-1']);
    await folder.remove();
    await sweep.run();
    expect(left()).toEqual([]);
  });

  it('a container that could not be removed is not reported, and the next sweep tries again', async () => {
    const { sweep, executor } = scene([], traceOf('ao-a', 'a'), traceOf('ao-b', 'b'));
    executor.stuck.add('ao-a');
    expect((await sweep.run()).containers).toEqual(['ao-b']);
    executor.stuck.clear();
    expect((await sweep.run()).containers).toEqual(['ao-a']);
  });

  it('a sweep does nothing if the engine does not answer', async () => {
    const { sweep, executor, left } = scene([], traceOf('ao-a', 'a'));
    executor.isAway = true;
    expect((await sweep.run()).containers).toEqual([]);
    expect(left()).toEqual(['ao-a']);
  });

  it('a sweep removes the guard files of ended sessions and of no others', async () => {
    const { sweep, stateDir } = scene([
      sessionIn('completed', { id: 'aaaaaaaaaaaa' }),
      runningSession({ id: 'bbbbbbbbbbbb' }),
    ]);
    const guardOf = (id: string): string => new SessionFolder(stateDir, id).guard;
    for (const id of ['aaaaaaaaaaaa', 'bbbbbbbbbbbb', 'cccccccccccc']) mkdirSync(guardOf(id), { recursive: true });
    await sweep.run();
    expect(['aaaaaaaaaaaa', 'bbbbbbbbbbbb', 'cccccccccccc'].map((id) => existsSync(guardOf(id)))).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('a sweep removes what is left of removed sessions, and no folder of another name', async () => {
    const { sweep, stateDir } = scene([]);
    const folder = new SessionFolder(stateDir, 'aaaaaaaaaaaa');
    const other = new SessionFolder(stateDir, 'bbbbbbbbbbbb');
    for (const path of [join(folder.forgotten, 'projects/deep'), other.path]) mkdirSync(path, { recursive: true });
    await sweep.run();
    expect(readdirSync(join(stateDir, 'sessions'))).toEqual(['bbbbbbbbbbbb']);
  });

  it('a sweep removes nothing from a folder that others can write to', async () => {
    const { sweep, stateDir } = scene([]);
    const { forgotten } = new SessionFolder(stateDir, 'aaaaaaaaaaaa');
    mkdirSync(forgotten, { recursive: true });
    chmodSync(join(stateDir, 'sessions'), 0o777);
    await sweep.run();
    expect(existsSync(forgotten)).toBe(true);
  });

  it('the listeners are called after each sweep', async () => {
    const { sweep, left } = scene([], traceOf('ao-unknown-1', 'unknown'));
    const seen: string[][] = [];
    sweep.onSwept(() => seen.push(left()));
    await sweep.run();
    await sweep.run();
    expect(seen).toEqual([[], []]);
  });

  it('guard files that could not be removed are removed by the next sweep', async () => {
    const { sweep, stateDir } = scene([sessionIn('completed', { id: 'aaaaaaaaaaaa' })]);
    const { path, guard } = new SessionFolder(stateDir, 'aaaaaaaaaaaa');
    mkdirSync(guard, { recursive: true });
    chmodSync(path, 0o777); // The library removes nothing from a folder that others can write to.
    await sweep.run();
    expect(existsSync(guard)).toBe(true);
    chmodSync(path, 0o700);
    await sweep.run();
    expect(existsSync(guard)).toBe(false);
  });
});
