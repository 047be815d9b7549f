import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnifiedSession, UnifiedSessionManager } from 'autonomous-orchestration';
import { expect, it } from 'vitest';
import { type ModelTurn, nextEvent, RELEASES, scripted, tempFolder, testManager } from './support.js';

const DATABASE = {
  question: 'Which "database"? <b>äöü</b>',
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

/** The results that the agent got for its questions. */
const told = (events: readonly { type: string }[], id: string): string[] =>
  events.flatMap((event) =>
    event.type === 'session:tool-result' && 'sessionId' in event && event.sessionId === id && 'output' in event
      ? [String(event.output)]
      : [],
  );

async function asked(manager: UnifiedSessionManager, id: string): Promise<UnifiedSession> {
  const event = await nextEvent(manager, (one) => one.type === 'session:question' && one.sessionId === id);
  return 'session' in event ? event.session : Promise.reject(new Error('no session'));
}

it.each(RELEASES)('a question is answered from outside, and its agent goes on with the answer: $version', async ({ image }) => {
  const { manager, events } = await testManager();
  const { docker } = scripted(asking(DATABASE, PARTS), asking(DATABASE), { text: 'Done' });
  const cwd = await tempFolder();
  const session = await manager.create({ prompt: 'Ask', cwd, docker: { ...docker, image } });
  const { id } = session;
  const first = await asked(manager, id);
  expect(first.status).toBe('waiting_feedback');
  console.log(JSON.stringify(first.pendingQuestions));
  const [question] = first.pendingQuestions ?? [];
  const questionId = question?.questionId ?? '';
  await manager.answer(id, questionId, ['Something "else" <i>\nnew line', ['Core', 'Page']]);
  await expect(manager.answer(id, questionId, ['SQLite', 'Core'])).rejects.toMatchObject({ code: 'REQUEST_NOT_FOUND' });
  const second = await asked(manager, id);
  await manager.answer(id, second.pendingQuestions?.[0]?.questionId ?? '', ['SQLite']);
  const ended = await manager.waitFor(id);
  console.log(JSON.stringify(told(events, id)), JSON.stringify(ended.result), JSON.stringify(ended.metadata.toolsUsed), JSON.stringify(ended.metadata.errors), JSON.stringify(ended.answeredQuestions));
  expect(ended.status).toBe('completed');
}, 60_000);
