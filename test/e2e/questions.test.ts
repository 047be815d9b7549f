import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionEvent, UnifiedSession, UnifiedSessionManager } from 'autonomous-orchestration';
import { expect, it, onTestFinished } from 'vitest';
import { killedWhen } from './hosts.js';
import { docker, type ModelTurn, RELEASES, scripted, stateFolder, tempFolder, testManager } from './support.js';

const DATABASE = {
  question: 'Which "database"? <b>ä</b>',
  header: 'Database',
  multiSelect: false,
  options: [
    { label: 'SQLite', description: 'One file' },
    { label: 'Postgres', description: 'A server' },
  ],
};
const PARTS = {
  question: 'Which parts?',
  header: 'Parts',
  multiSelect: true,
  options: [
    { label: 'Core', description: 'The core' },
    { label: 'Page', description: 'The page' },
  ],
};
const asking = (...questions: object[]): ModelTurn => ({ tool: 'AskUserQuestion', input: { questions } });
const write = (name: string): ModelTurn => ({
  tool: 'Write',
  input: { file_path: `/workspace/${name}`, content: 'x' },
});

/** What the agent got for its calls of a tool. */
const told = (events: readonly SessionEvent[], id: string, tool = 'AskUserQuestion'): string[] =>
  events.flatMap((event) =>
    event.type === 'session:tool-result' && event.sessionId === id && event.name === tool ? [event.output] : [],
  );

/** Resolves with the session when its agent asks. */
function asked(manager: UnifiedSessionManager, id: string): Promise<UnifiedSession> {
  return manager.waitFor(id, { status: 'waiting_feedback' });
}

const idOf = ({ pendingQuestions }: UnifiedSession): string => pendingQuestions?.[0]?.questionId ?? '';

it('questions are answered from outside, by a person or with the word to decide alone, in both releases', async () => {
  const { manager, events } = await testManager({ maxConcurrent: 6 });
  const answered = async (image: string): Promise<void> => {
    const { docker } = scripted(asking(DATABASE, PARTS), { text: 'Done' });
    const { id } = await manager.create({ prompt: 'x', cwd: await tempFolder(), docker: { ...docker, image } });
    const session = await asked(manager, id);
    expect(session.pendingQuestions).toMatchObject([
      {
        questions: [
          { header: 'Database', text: DATABASE.question, options: DATABASE.options, multiSelect: false },
          { header: 'Parts', text: 'Which parts?', multiSelect: true },
        ],
      },
    ]);
    await manager.answer(id, idOf(session), ['In "other" <words>\non two lines', ['Core', 'Page']]);
    const late = manager.answer(id, idOf(session), ['SQLite', 'Core']);
    await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/REQUEST_NOT_FOUND|ILLEGAL_TRANSITION/) });
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', answeredQuestions: [{ by: 'person' }] });
    expect(ended.metadata).toMatchObject({ toolsUsed: [{ outcome: 'ok' }], errors: [] });
    // The transcript of the conversation has what Claude Code gave to the model.
    const log = await readFile(ended.logFile ?? '', 'utf8');
    const given = log.split('\n').find((line) => line.includes('"tool_result"')) ?? '';
    expect(given).toContain(
      JSON.stringify('= "In "other" <words>\non two lines"\n"Which parts?" = "Core", "Page"').slice(1, -1),
    );
    expect(told(events, id)).toEqual([expect.stringMatching(/^This is not an error: the user was asked/)]);
  };
  const declined = async (image: string): Promise<void> => {
    const { docker } = scripted(asking(DATABASE), { text: 'Done' });
    const options = { prompt: 'x', cwd: await tempFolder(), questions: 'decline' } as const;
    const { id } = await manager.create({ ...options, docker: { ...docker, image } });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', answeredQuestions: [{ by: 'decline' }] });
    expect(told(events, id)).toEqual([expect.stringContaining('decide for yourself')]);
  };
  const planning = async (image: string): Promise<void> => {
    const { docker } = scripted(
      { tool: 'EnterPlanMode', input: {} },
      { tool: 'ExitPlanMode', input: { plan: 'x' } },
      write('after'),
      { text: 'Done' },
    );
    const cwd = await tempFolder();
    const { id } = await manager.create({ prompt: 'x', cwd, docker: { ...docker, image } });
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { text: 'Done' } });
    const init =
      (await readFile(ended.logFile ?? '', 'utf8')).split('\n').find((line) => line.includes('"init"')) ?? '';
    const { tools } = JSON.parse(init) as { tools: string[] };
    expect(tools).toContain('AskUserQuestion');
    expect(tools.filter((tool) => tool.includes('PlanMode'))).toEqual([]);
    expect(existsSync(join(cwd, 'after'))).toBe(true);
  };
  await Promise.all(RELEASES.flatMap(({ image }) => [answered(image), declined(image), planning(image)]));
});

it('a question waits on when its process is killed, and is answered through the next one, in both releases', async () => {
  const cases = RELEASES.map(async ({ image }) => {
    const stateDir = await stateFolder();
    const { docker: container } = scripted(asking(DATABASE), { text: 'Done' });
    const session = { prompt: 'x', cwd: await tempFolder(), docker: { ...container, image } };
    const id = await killedWhen('session:question', { stateDir, session });
    onTestFinished(async () => void (await docker('rm', '--force', `ao-${id}-1`)));
    const { manager, events } = await testManager({ stateDir });
    await manager.recover();
    const waiting = await asked(manager, id);
    await manager.answer(id, idOf(waiting), ['Postgres']);
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { text: 'Done' } });
    expect(told(events, id)).toEqual([expect.stringContaining('"Postgres"')]);
  });
  await Promise.all(cases);
});
