import { scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { openPage, serveSimulation } from './support.js';

const DATABASE = {
  header: 'Database',
  question: 'Which database?',
  multiSelect: false,
  options: [{ label: 'SQLite', description: 'One file' }, { label: 'Postgres' }],
};
const PARTS = { question: 'Which parts?', multiSelect: true, options: [{ label: 'Core' }, { label: 'Page' }] };
const asks = (...questions: object[]) => ({ tool: 'AskUserQuestion', input: { questions } });

it('questions are answered on the board with the keyboard: an option, several options and other words', async () => {
  const { manager, server } = await serveSimulation(() =>
    scriptedRun([asks(DATABASE, PARTS), asks(DATABASE), { text: 'Done.' }]),
  );
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server);
  const box = page.getByRole('group', { name: 'Question of the agent' });
  const button = box.getByRole('button', { name: 'Answer' });
  const database = box.getByRole('group', { name: 'Which database?' });
  await database.getByRole('radio', { name: 'Postgres' }).press('ArrowUp');
  expect(await database.getByRole('radio', { name: 'SQLite' }).isChecked()).toBe(true);
  expect(await button.isDisabled()).toBe(true); // The second question has no answer yet.
  await box.getByRole('checkbox', { name: 'Core' }).press('Space');
  await box.getByRole('group', { name: 'Which parts?' }).getByRole('textbox').fill('and the docs');
  await expect.poll(() => button.isEnabled()).toBe(true); // It is disabled for a moment.
  await button.press('Enter');

  await box.getByText('Which parts?').waitFor({ state: 'detached' });
  const words = box.getByRole('textbox', { name: 'Answer in other words' });
  await box.getByRole('radio', { name: 'SQLite' }).press('Space');
  await words.fill('MariaDB');
  expect(await box.getByRole('radio', { name: 'SQLite' }).isChecked()).toBe(false);
  await expect.poll(() => button.isEnabled()).toBe(true);
  await words.press('Enter');

  const { answeredQuestions } = await manager.waitFor(id);
  expect(answeredQuestions?.map(({ questions }) => questions.map(({ answer }) => answer))).toEqual([
    ['SQLite', ['Core', 'and the docs']],
    ['MariaDB'],
  ]);
});

it('the page of a session shows the question, and afterwards what was answered', async () => {
  const { manager, server } = await serveSimulation(() => scriptedRun([asks(DATABASE), { text: 'Done.' }]));
  const { id } = await manager.create({ prompt: 'x', taskId: 'mine' });
  const page = await openPage(server);
  await page.getByRole('link', { name: 'mine' }).click();
  const box = page.getByRole('group', { name: 'Question of the agent' });
  await box.getByText('One file').waitFor();
  await box.getByRole('radio', { name: 'Postgres' }).check();
  await box.getByRole('button', { name: 'Answer' }).click();
  await manager.waitFor(id);
  await page.getByText('Its question was answered').waitFor();
  await page.getByText('Which database? → Postgres').waitFor();
});

it('a question that is over says so', async () => {
  const { manager, server } = await serveSimulation(() =>
    scriptedRun([asks(DATABASE), { text: 'x', afterMs: 60_000 }]),
  );
  const { id } = await manager.create({ prompt: 'x' });
  const { pendingQuestions } = await manager.waitFor(id, { status: 'waiting_feedback' });
  const page = await openPage(server);
  const box = page.getByRole('group', { name: 'Question of the agent' });
  await box.getByRole('radio', { name: 'SQLite' }).check();
  await manager.answer(id, pendingQuestions?.[0]?.questionId ?? '', ['Postgres']);
  await box.waitFor({ state: 'detached' });
  expect(manager.get(id)?.status).toBe('running');
});
