import { join } from 'node:path';
import { claudeCode, run as sandcastle } from '@ai-hero/sandcastle';
import { docker } from '@ai-hero/sandcastle/sandboxes/docker';
import { run } from '../test/e2e/engine/run.mjs';
import { answer } from './support/child.js';
import { AGENT_UID, bareRun, openBench, requireEngine } from './support/engine.js';
import { type Figure, shownPeers } from './support/figure.js';
import { inScratch } from './support/scratch.js';
import { median } from './support/stats.js';

const PROMPT = 'Make a file and show it.';
const LAST_WORDS = 'The file is there.';
const SCRIPT = [
  {
    text: 'I make a file.',
    tool: 'Bash',
    input: { command: 'echo hi > made.txt && cat made.txt', description: 'Make' },
  },
  { text: LAST_WORDS },
];
const ROUNDS = 3;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const { image } = await requireEngine();
// The repository belongs to the agent, and git refuses to work in a repository of another user.
Object.assign(process.env, { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' });

await inScratch(async (folder) => {
  await using bench = await openBench(folder, SCRIPT, 1);
  const { manager, workspace } = bench;
  // Sandcastle works only in a repository.
  await run('git', ['init', '--quiet', workspace]);
  const author = ['-c', 'user.name=Bench', '-c', 'user.email=bench@localhost'];
  await run('git', ['-C', workspace, ...author, 'commit', '--quiet', '--allow-empty', '--message', 'Begin']);
  await run('chown', ['-R', `${AGENT_UID}:${AGENT_UID}`, workspace]);

  const ours = async (): Promise<void> => {
    const { id } = await manager.create({ prompt: PROMPT, cwd: workspace });
    const { status, result } = await manager.waitFor(id);
    if (status !== 'completed') throw new Error(`The session ended as ${status}: ${result?.error}`);
  };
  const theirs = async (): Promise<void> => {
    const env = { MODEL_SCRIPT: JSON.stringify(SCRIPT) };
    await sandcastle({
      cwd: workspace,
      agent: claudeCode('claude-sonnet-4-6'),
      sandbox: docker({ imageName: image, containerUid: AGENT_UID, containerGid: AGENT_UID, env }),
      prompt: PROMPT,
      completionSignal: LAST_WORDS,
      logging: { type: 'file', path: join(folder, 'sandcastle.log') },
    });
  };
  await ours(); // Warms up, and records the command line.
  const [launch] = bench.launches;
  const [warm] = manager.list();
  if (!launch || !warm) throw new Error('The manager launched nothing.');
  const input = join(bench.stateDir, 'sessions', warm.id, 'prompt.md');
  const bare = (): Promise<unknown> => bareRun(launch, input, folder);
  const turns = { ours, theirs, bare };
  const names = Object.keys(turns) as (keyof typeof turns)[];
  const times = { ours: [] as number[], theirs: [] as number[], bare: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    // The first round is a warm-up.
    for (const name of names) {
      const ms = await timed(turns[name]);
      if (round > 0) times[name].push(ms);
    }
    names.reverse(); // So that none of them always comes after the same one.
  }
  const others = { 'docker run, no guard': median(times.bare), Sandcastle: median(times.theirs) };
  const peers = { unit: 'ms', ours: median(times.ours), others };
  answer([
    {
      what: 'session: two turns in a container of their own, from the call to the end',
      measured: `${ROUNDS} of each`,
      reference: shownPeers(peers),
      value: peers.ours,
      unit: 'ms',
      peers,
    },
  ] satisfies Figure[]);
});
