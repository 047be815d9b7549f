import { expect, it } from 'vitest';
import { Host } from '../e2e/hosts.js';
import { figure, quick, size, stateFolder, tempFolder } from './support.js';

const ROUNDS = size(3, 10);

it(`of two processes that start on one state folder at once, only one owns the folder, ${ROUNDS} times`, async () => {
  let owners = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const stateDir = await stateFolder();
    const task = { stateDir, session: { ...quick('init; sleep 300'), prompt: 'x', cwd: await tempFolder() } };
    const hosts = [new Host(task), new Host(task)];
    const outcomes = hosts.map((host) =>
      Promise.race([host.when('session:started').then(() => 'owner'), host.exited.then(() => 'refused')]),
    );
    expect((await Promise.all(outcomes)).sort()).toEqual(['owner', 'refused']);
    owners += 1;
    for (const host of hosts) await host.end();
  }
  figure('two hosts at once', `${ROUNDS} rounds, ${owners} owners`);
});
