/** How to test a program that uses the library, without Docker and Claude. */
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';

const executor = new SimulatedExecutor(({ feedback }) =>
  scriptedRun([
    { tool: 'Bash', input: { command: 'npm test' }, output: 'Exit code 1\n1 failed', isError: true },
    { text: feedback === undefined ? 'A test fails.' : `You said: ${feedback}` },
  ]),
);
const manager = new UnifiedSessionManager({
  stateDir: process.argv[2] ?? 'state',
  executors: { autonomous: executor },
});

const { id } = await manager.create({ prompt: 'Run the tests' });
console.log((await manager.waitFor(id)).metadata.errors[0]?.code);
await manager.continue(id, 'Try again');
console.log((await manager.waitFor(id)).result?.text);
await manager.close();
