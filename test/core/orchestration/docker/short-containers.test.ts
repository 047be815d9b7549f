import { describe, expect, it } from 'vitest';
import { ShortContainers } from '../../../../src/core/orchestration/docker/short-containers.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { errorOf } from '../../../support/errors.js';

/** An engine that does what it is told only when the test lets it. */
function scene() {
  const calls: string[] = [];
  const [create, output, asked] = [deferred<void>(), deferred<string>(), deferred<void>()];
  const containers = new ShortContainers(
    {
      async create() {
        calls.push('create');
        await create.promise;
        return 'id';
      },
      async attach() {
        return { output: output.promise };
      },
      async start() {
        calls.push('start');
        asked.resolve();
      },
      async remove() {
        calls.push('remove');
      },
    },
    {},
  );
  const work = containers.run('helper', { image: 'i', script: 'du' });
  work.catch(() => {});
  return { calls, create, output, started: asked.promise, containers, work };
}

describe('short-lived containers', () => {
  it('a container is removed when its work is done', async () => {
    const { calls, create, output, work } = scene();
    create.resolve();
    output.resolve('12\n');
    expect(await work).toBe('12\n');
    expect(calls).toEqual(['create', 'start', 'remove']);
  });

  it('a container that is still made when the manager is closed is not started, and removed', async () => {
    const { calls, create, containers, work } = scene();
    const closed = containers.close();
    create.resolve();
    await closed;
    await errorOf(work, 'MANAGER_CLOSED');
    expect(calls).toEqual(['create', 'remove']);
  });

  it('a container that works when the manager is closed is removed before the manager is', async () => {
    const { calls, create, containers, started, work } = scene();
    create.resolve();
    await started;
    await containers.close();
    await errorOf(work, 'MANAGER_CLOSED');
    expect(calls).toEqual(['create', 'start', 'remove']);
  });
});
