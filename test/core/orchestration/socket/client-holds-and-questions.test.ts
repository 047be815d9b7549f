import { openSessions, type SessionEvent, type Sessions, UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it, onTestFinished } from 'vitest';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { DONE, everyMode } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** A manager, a client of it in another connection, and the events that the listeners of both get. */
async function connected(script: SimulatedScript) {
  const stateDir = tempFolder();
  const executors = everyMode(new SimulatedExecutor(script));
  const manager = new UnifiedSessionManager({ stateDir, executors, maxConcurrent: 1 });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  await manager.recover();
  const client = await openSessions({ stateDir });
  expect(client).not.toBeInstanceOf(UnifiedSessionManager);
  onTestFinished(() => client.close());
  return { manager, client, there: eventsOf(manager), here: eventsOf(client) };
}

function eventsOf(sessions: Sessions): SessionEvent[] {
  const events: SessionEvent[] = [];
  sessions.on('event', (event) => events.push(event));
  return events;
}

it('a client holds and releases the queue of the owner, and its listeners hear of it', async () => {
  const { manager, client, there, here } = await connected(DONE);
  const named: string[] = [];
  client.on('queue:held', ({ type, reason }) => named.push(`${type} ${reason}`));
  client.on('queue:released', ({ type, reason }) => named.push(`${type} ${reason}`));
  const held = await client.holdQueue('the line is being repaired');
  expect(held).toMatchObject({ held: { reason: 'the line is being repaired' } });
  expect(manager.queueStatus()).toEqual(held);
  const { id, status } = await client.create({ prompt: 'x' });
  expect(status).toBe('queued');
  await errorOf(client.holdQueue(''), 'INVALID_OPTIONS');
  expect(await client.releaseQueue()).not.toHaveProperty('held');
  expect(await client.waitFor(id)).toMatchObject({ status: 'completed' });
  expect(named).toEqual(['queue:held the line is being repaired', 'queue:released the line is being repaired']);
  await eventually(() => expect(here).toEqual(there));
});

it('a client hears when the owner holds and releases the queue', async () => {
  const { manager, client } = await connected(DONE);
  const heard = new Promise<SessionEvent>((resolve) => client.once('queue:held', resolve));
  await manager.holdQueue('lunch');
  expect(await heard).toMatchObject({ type: 'queue:held', reason: 'lunch' });
  expect(client.queueStatus()).toEqual(manager.queueStatus());
  const released = new Promise<SessionEvent>((resolve) => client.once('queue:released', resolve));
  await manager.releaseQueue();
  expect(await released).toMatchObject({ type: 'queue:released', reason: 'lunch' });
  expect(client.queueStatus()).not.toHaveProperty('held');
});

it('a client answers the question of an agent, and hears of the question and of the answer', async () => {
  const questions = [
    { question: 'Which?', options: [{ label: 'A' }, { label: 'B' }] },
    { question: 'Which of these?', multiSelect: true, options: [{ label: 'C' }, { label: 'D' }] },
  ];
  const { client, manager, there, here } = await connected(({ conversationId }) =>
    scriptedRun([{ tool: 'AskUserQuestion', input: { questions } }, { text: 'Done.' }], { conversationId }),
  );
  const states: string[] = [];
  client.on('session:question', ({ state, question }) => states.push(`${state} ${question.questions.length}`));
  const { id } = await client.create({ prompt: 'x' });
  const { pendingQuestions } = await client.waitFor(id, { status: 'waiting_feedback' });
  const questionId = pendingQuestions?.[0]?.questionId ?? '';
  await errorOf(client.answer(id, questionId, ['A']), 'INVALID_OPTIONS');
  await errorOf(client.answer(id, 'nothing', ['A', ['C']]), 'REQUEST_NOT_FOUND');
  expect(await client.answer(id, questionId, ['A', ['C', 'E']])).not.toHaveProperty('pendingQuestions');
  const ended = await client.waitFor(id);
  expect(ended).toMatchObject({
    status: 'completed',
    answeredQuestions: [{ by: 'person', questions: [{ answer: 'A' }, { answer: ['C', 'E'] }] }],
  });
  expect(manager.get(id)).toEqual(ended);
  expect(states).toEqual(['asked 2', 'answered 2']);
  await eventually(() => expect(here).toEqual(there));
});
