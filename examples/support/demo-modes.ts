import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BaseExecutor, CreateSessionOptions, SessionMode, SessionResult } from 'autonomous-orchestration';
import {
  type ScriptedTurn,
  SimulatedExecutor,
  type SimulatedRun,
  type SimulatedScript,
  type SimulatedStep,
  scriptedRun,
} from 'autonomous-orchestration/testing';
import { demoScript } from './demo-sessions.js';

type Request = Parameters<SimulatedScript>[0];
type Ended = Parameters<BaseExecutor['finalResult']>[0];

/** One session of each mode except `autonomous`, for {@link demoExecutors}. */
export const MODE_SESSIONS = [
  {
    mode: 'orchestration',
    taskId: 'Ship version 2.5',
    prompt: 'Get version 2.5 ready: French mails, and a faster start.',
  },
  { mode: 'interactive', taskId: 'Redesign the sign-up form', prompt: 'Redesign the sign-up form with me.' },
  { mode: 'planning', taskId: 'Move to the new queue', prompt: 'How do we move to the new queue without a pause?' },
  {
    mode: 'worktree',
    taskId: 'Drop support for Node 18',
    prompt: 'Drop support for Node 18.',
    worktree: 'chore/drop-node-18',
  },
] as const satisfies readonly CreateSessionOptions[];

const PLAN = `# Moving to the new queue

1. Write to both queues, read from the old one.
2. Compare their lengths for a day; \`npm run queue:compare\` says where they differ.
3. Read from the new one, one consumer at a time.
4. Stop writing to the old one, and delete it a week later.

Nothing has to stand still. Until step 4 the way back is to read from the old queue again.
`;

const orchestrate = (command: string): ScriptedTurn => ({ tool: 'Bash', input: { command: `orchestrate ${command}` } });

/** What the agents of these sessions do, and the agents of the child sessions. By task id. */
export const MODE_TURNS: Readonly<Record<string, readonly ScriptedTurn[]>> = {
  'Ship version 2.5': [
    { text: 'Two things can be done side by side. I start a session for each.', afterMs: 300 },
    orchestrate('create --task-id "Translate the mails" "Translate the mails to French."'),
    orchestrate('create --mode worktree --branch perf/start --task-id "Start faster" "Make it start twice as fast."'),
    orchestrate('wait --timeout 3600'),
    { text: 'Both are done: 2.5 is ready.', afterMs: 500 },
  ],
  'Translate the mails': [
    { tool: 'Read', input: { file_path: 'locales/en.json' }, output: '{ … }', afterMs: 300, takesMs: 80 },
    { text: 'All 12 mails are in French.', afterMs: 300 },
  ],
  'Start faster': Array.from({ length: 60 }, (_, index): ScriptedTurn[] => [
    { tool: 'Bash', input: { command: 'npm run bench -- start' }, output: `${900 - 8 * index} ms`, takesMs: 2_000 },
    { text: `Round ${index + 1}: a little faster. I look at what is loaded next.`, afterMs: 800 },
  ]).flat(),
  'Move to the new queue': [
    { text: 'I look at who writes to the queue.', afterMs: 300 },
    {
      tool: 'Grep',
      input: { pattern: 'queue.push' },
      output: 'src/orders.ts\nsrc/mail.ts',
      afterMs: 300,
      takesMs: 100,
    },
    { text: PLAN, afterMs: 500 },
  ],
  'Drop support for Node 18': [
    { tool: 'Edit', input: { file_path: 'package.json' }, output: 'updated', afterMs: 300, takesMs: 100 },
    { tool: 'Bash', input: { command: 'git commit -am "Need Node 20"' }, output: '1 file changed', takesMs: 200 },
    { text: 'Node 20 is the oldest that is supported; two work-arounds are gone.', afterMs: 300 },
  ],
};

/** Simulated executors for every mode. Sessions with an entry in MODE_TURNS play that entry. All others play the script. */
export function demoExecutors(script: SimulatedScript = demoScript): Record<SessionMode, BaseExecutor> {
  const playing: SimulatedScript = (request) => {
    const turns = request.feedback === undefined ? MODE_TURNS[request.session.taskId ?? ''] : undefined;
    return turns ? scriptedRun(turns) : script(request);
  };
  return {
    autonomous: new SimulatedExecutor(playing),
    planning: new DemoPlanning(playing),
    worktree: new DemoWorktree(playing),
    orchestration: new DemoLeading((request) => led(playing(request), request)),
    interactive: new DemoTerminal(),
  };
}

/** A simulated leader, which uses the command `orchestrate` like a real agent. */
class DemoLeading extends SimulatedExecutor {
  override readonly leads = true;
}

/** Really runs the agent's allowed calls of `orchestrate`, and replaces their scripted results by the real answers. */
function led(run: SimulatedRun, { hooks }: Request): SimulatedRun {
  async function* steps(): AsyncGenerator<SimulatedStep> {
    let args: string[] | undefined;
    for await (const step of run.steps) {
      const [block] = blocksOf(step.line);
      if (block?.type === 'tool_result' && args) {
        const { exitCode, text } = await hooks.command(randomUUID(), args, new AbortController().signal);
        const answer = { ...block, content: text, is_error: exitCode !== 0 };
        yield { ...step, line: { ...(step.line as object), message: { role: 'user', content: [answer] } } };
        args = undefined;
        continue;
      }
      const command = block?.type === 'tool_use' ? block.input?.command : undefined;
      if (command?.startsWith('orchestrate ')) args = wordsOf(command).slice(1);
      yield step;
    }
  }
  return { ...run, steps: steps() };
}

interface Block {
  type: string;
  input?: { command?: string };
}

function blocksOf(line: object | string): Block[] {
  const { content } = (line as { message?: { content?: unknown } }).message ?? {};
  return Array.isArray(content) ? content : [];
}

function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

class DemoPlanning extends SimulatedExecutor {
  override async finalResult({ folder, status, result }: Ended): Promise<Partial<SessionResult>> {
    if (status !== 'completed' || result.text === undefined) return {};
    const planFile = join(folder.path, 'plan.md');
    await writeFile(planFile, result.text);
    return { planFile };
  }
}

class DemoWorktree extends SimulatedExecutor {
  override async finalResult({ session }: Ended): Promise<Partial<SessionResult>> {
    const { branch = `session/${session.id}` } = session.environment;
    const base = '8c0f4e7d2a915b36c0d1e2f3a4b5c6d7e8f90a1b';
    return { changes: { branch, base, commits: 3, files: 7, insertions: 84, deletions: 132, uncommitted: 1 } };
  }
}

/** Takes turns with a person. The person's messages come from `steer()`, because a simulation has no terminal to type into. */
class DemoTerminal extends SimulatedExecutor {
  readonly #conversations = new Map<string, string>();

  constructor() {
    super((request) => ({ steps: talk(request, this.#conversationOf(request)) }));
  }

  override async launch(request: Request) {
    const attachCommand = `tmux -L autonomous-orchestration attach -t ao-${request.spec.id}-${request.run}`;
    const onPlaced: Request['onPlaced'] = (placement) => request.onPlaced({ ...placement, attachCommand });
    const handle = await super.launch({ ...request, onPlaced });
    return { ...handle, transcript: { copy: { conversationId: this.#conversationOf(request) } } };
  }

  #conversationOf({ spec: { id } }: Request): string {
    const known = this.#conversations.get(id) ?? randomUUID();
    this.#conversations.set(id, known);
    return known;
  }
}

/** An endless conversation in the form of Claude's transcript: a prompt, an answer, a prompt, and so on. */
async function* talk({ spec, feedback, hooks }: Request, sessionId: string): AsyncGenerator<SimulatedStep> {
  const said = (content: string): SimulatedStep => ({
    line: { type: 'user', sessionId, message: { role: 'user', content } },
  });
  const answers = (text: string): SimulatedStep => {
    const content = [{ type: 'text', text }];
    const usage = { input_tokens: 900, output_tokens: 150 };
    return {
      line: { type: 'assistant', sessionId, message: { id: randomUUID(), model: 'simulated', content, usage } },
    };
  };
  const first = 'text' in spec.prompt ? spec.prompt.text : 'As the file says.';
  yield said(feedback ?? first);
  yield answers('The form asks for nine things before anybody has seen the product. Which of them do we need at once?');
  while (true) {
    await hooks.afterTurn();
    yield said(await nextMessage(hooks, sessionId));
    yield answers(
      'Then I ask for the e-mail address first, and for the rest later. Shall I show it on the start page, too?',
    );
  }
}

/** Resolves with the person's next message. The session works again from then on. */
function nextMessage(hooks: Request['hooks'], conversationId: string): Promise<string> {
  return new Promise((resolve) => {
    const take = async (): Promise<void> => {
      const messages = await hooks.takeMessages(conversationId, `demo-${randomUUID()}`);
      if (!messages) return;
      await hooks.beforeTurn();
      messages.given();
      resolve(messages.texts.join('\n\n'));
    };
    hooks.onMessages((waiting) => {
      if (waiting) void take();
    });
  });
}
