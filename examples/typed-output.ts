/** A session whose result has a form, and a type. Costs a little on the account of the image. */
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';
import { z } from 'zod';

const [cwd = '.', stateDir] = process.argv.slice(2).filter((arg) => arg !== '--simulate');
// Without Docker, an agent from a script answers: wrongly at first, and then right.
const executor = new SimulatedExecutor(({ conversationId, feedback }) => {
  const output = { title: 'Reads past the end', severity: feedback === undefined ? 9 : 3, files: ['src/read.ts'] };
  return scriptedRun([{ text: 'Found.' }], { conversationId, output });
});
const simulated = process.argv.includes('--simulate') && { executors: { autonomous: executor } };
const manager = new UnifiedSessionManager({ ...(stateDir && { stateDir }), ...simulated });

const Bug = z.object({ title: z.string(), severity: z.int().min(1).max(5), files: z.array(z.string()) });
const { id } = await manager.create({
  prompt: 'Find the worst bug of this project',
  cwd,
  model: 'opus',
  fallbackModels: ['sonnet'],
  effort: 'high',
  output: Bug,
});
const { result, runs } = await manager.waitFor(id);

if (result?.output) {
  const { title, severity, files } = result.output; // string, number, string[]
  console.log(`${severity}: ${title} (${files.join(', ')})`);
} else console.log(result?.reason, result?.error);
for (const { outputRetry, feedback } of runs) if (outputRetry) console.log(`asked again: ${feedback?.split('\n')[1]}`);
await manager.close();
