/** A person at the terminal decides about dangerous commands and pushes before they run, and answers the agent's questions. */
import { createInterface } from 'node:readline/promises';
import { type ToolPolicy, UnifiedSessionManager } from 'autonomous-orchestration';

const [cwd = '.', prompt = 'Tidy up this repository'] = process.argv.slice(2);

const policy: ToolPolicy = {
  rules: [
    { tool: 'Bash', matches: /\bgit push\b/, decision: 'ask', reason: 'A push leaves this machine.' },
    { tool: 'WebFetch', decision: 'deny', reason: 'Work with what is in the repository.' },
    { tool: 'Bash', matches: /^rm -rf lib\/legacy$/, decision: 'allow' },
  ],
  dangerous: 'ask',
};
const manager = new UnifiedSessionManager({ policy });

const terminal = createInterface({ input: process.stdin, output: process.stdout });
/** The agent chose every character of these texts. No character may control the terminal. */
const plain = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?');
const shown = (input: unknown): string => plain(JSON.stringify(input));
let asking = Promise.resolve();
manager.on('session:approval', ({ sessionId, state, request }) => {
  if (state !== 'asked') return;
  asking = asking.then(async () => {
    const why = plain(request.danger?.reason ?? 'The policy wants to know.');
    const answer = await terminal.question(`${plain(request.tool)} ${shown(request.input)}\n${why} Run it? [y/N] `);
    if (answer === 'y') await manager.approve(sessionId, request.requestId);
    else await manager.deny(sessionId, request.requestId, 'Leave that to me.');
  });
});
manager.on('session:question', ({ sessionId, state, question }) => {
  if (state !== 'asked') return;
  asking = asking.then(async () => {
    const answers: string[] = [];
    for (const { text, options } of question.questions) {
      const labels = options.map(({ label }) => plain(label)).join(', ');
      answers.push(await terminal.question(`${plain(text)} [${labels}] `));
    }
    // The question may be over by now: answered on the page, or too late.
    await manager.answer(sessionId, question.questionId, answers).catch((error: Error) => console.log(error.message));
  });
});
manager.on('session:denied', ({ denial }) => console.log('denied:', shown(denial.input)));

const { id } = await manager.create({ prompt, cwd });
const { status, result } = await manager.waitFor(id);
console.log(status, plain(result?.text ?? ''));
terminal.close();
await manager.close();
