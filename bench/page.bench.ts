import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { type AutonomousServer, serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { SimulatedExecutor, type SimulatedStep, scriptedRun } from 'autonomous-orchestration/testing';
import { type Browser, chromium, type Page } from 'playwright-core';
import { ensureChromium } from '../test/page/chromium.mjs';
import { answer } from './support/child.js';
import { type Figure, withUnit } from './support/figure.js';
import { inScratch } from './support/scratch.js';
import { median, percentile } from './support/stats.js';

const MESSAGES = 300;
const STREAMING = 12;
const SESSIONS = 1_000;
const EVENTS = 99_000;
const PAINTS = 5;

/** A script that runs before the page loads. It notes long tasks, the time of the first row, and when each message is painted. */
const NOTES = `
  window.notes = { longTasks: [], firstRow: undefined, seen: {} };
  new PerformanceObserver((list) => window.notes.longTasks.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: 'longtask', buffered: true });
  new MutationObserver(() => {
    const now = () => performance.timeOrigin + performance.now();
    if (window.notes.firstRow === undefined && document.querySelector('.row')) {
      window.notes.firstRow = 0;
      requestAnimationFrame(() => setTimeout(() => { window.notes.firstRow = performance.now(); }));
    }
    for (const { textContent } of document.querySelectorAll('.item.message .text')) {
      if (!/^tick \\d+$/.test(textContent) || textContent in window.notes.seen) continue;
      window.notes.seen[textContent] = 0;
      requestAnimationFrame(() => setTimeout(() => { window.notes.seen[textContent] = now(); }));
    }
  }).observe(document, { childList: true, subtree: true });
`;

interface Notes {
  longTasks: number[];
  firstRow: number;
  seen: Record<string, number>;
}

const wallClock = (): number => performance.timeOrigin + performance.now();

/** For each text: when it was written to the log. */
const said = new Map<string, number>();

/** The script of a session, by its task id: `tick` and `talk …` write without end, `done` and `long` end. */
function script({ session }: { session: { taskId?: string } }) {
  const { taskId = '' } = session;
  if (taskId === 'done') return scriptedRun([{ text: 'Done.' }]);
  if (taskId === 'long') return scriptedRun(Array.from({ length: EVENTS }, (_, index) => ({ text: `line ${index}` })));
  async function* steps(): AsyncGenerator<SimulatedStep> {
    for await (const step of scriptedRun([]).steps) {
      yield step;
      break; // Only the first step, which begins the conversation. This conversation does not end.
    }
    for (let number = 0; ; number++) {
      await delay(taskId === 'tick' ? 20 + Math.random() * 30 : 100);
      const text = `${taskId} ${number}`;
      if (taskId === 'tick') said.set(text, wallClock());
      const message = { id: `msg_${number}`, model: 'simulated', content: [{ type: 'text', text }] };
      yield { line: { type: 'assistant', message } };
    }
  }
  return { steps: steps() };
}

async function openPage(browser: Browser, server: AutonomousServer): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(NOTES);
  await page.goto(server.dashboardUrl);
  return page;
}

const notesOf = (page: Page): Promise<Notes> => page.evaluate('window.notes');

/** Scrolls a list up and down for some seconds. Returns the longest task of that time, or 0 if no task took over 50 ms. */
async function longestTaskOfScrolling(page: Page, list: string): Promise<number> {
  await page.locator(list).hover();
  await page.evaluate('window.notes.longTasks = []');
  for (let step = 0; step < 150; step++) {
    await page.mouse.wheel(0, step < 75 ? -1_500 : 1_500);
    await delay(16);
  }
  return Math.max(0, ...(await notesOf(page)).longTasks);
}

async function measure(server: AutonomousServer, manager: UnifiedSessionManager, browser: Browser): Promise<Figure[]> {
  const first = await openPage(browser, server);
  await first.getByText('No sessions yet.').waitFor();
  const bytes: number = await first.evaluate(
    `[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
      .filter(({ name }) => !name.endsWith('/events')).reduce((sum, { transferSize }) => sum + transferSize, 0)`,
  );
  await first.close();

  const ticking = await manager.create({ prompt: 'x', taskId: 'tick' });
  for (let count = 0; count < STREAMING; count++) await manager.create({ prompt: 'x', taskId: `talk ${count}` });
  const page = await openPage(browser, server);
  await page.getByRole('link', { name: 'tick', exact: true }).click();
  await page.locator('.item.message').first().waitFor();
  // Messages from before the page was loaded do not count.
  const from = wallClock();
  let lateness: number[] = [];
  while (lateness.length < MESSAGES) {
    await delay(200);
    const seen = Object.entries((await notesOf(page)).seen).map(([text, at]) => ({ at, saidAt: said.get(text) ?? 0 }));
    lateness = seen.filter(({ at, saidAt }) => at > 0 && saidAt > from).map(({ at, saidAt }) => at - saidAt);
  }
  await page.close();
  for (const { id, taskId } of manager.list({ status: 'running' })) if (taskId !== 'tick') await manager.cancel(id);

  const long = await manager.create({ prompt: 'x', taskId: 'long' });
  await manager.waitFor(long.id);
  const session = await openPage(browser, server);
  await session.evaluate(`location.hash = '#/sessions/${long.id}'`);
  await session.locator('.item').first().waitFor();
  const scrolledEvents = await longestTaskOfScrolling(session, '.list.activity');
  await session.close();
  await manager.cancel(ticking.id);

  const ended = [];
  for (let count = 0; count < SESSIONS; count++) ended.push(await manager.create({ prompt: 'x', taskId: 'done' }));
  await Promise.all(ended.map(({ id }) => manager.waitFor(id)));
  const paints: number[] = [];
  let scrolledSessions = 0;
  for (let round = 0; round < PAINTS; round++) {
    const board = await openPage(browser, server);
    await board.locator('.row').first().waitFor();
    while (!((await notesOf(board)).firstRow > 0)) await delay(10);
    paints.push((await notesOf(board)).firstRow);
    if (round === PAINTS - 1) scrolledSessions = await longestTaskOfScrolling(board, '.list.ended');
    await board.close();
  }

  const task = (longest: number): string => (longest === 0 ? 'none over 50 ms' : withUnit(longest, 'ms'));
  return [
    {
      what: 'page: first load, compressed',
      measured: withUnit(bytes / 1_000, 'kB'),
      reference: '',
      value: bytes / 1_000,
      unit: 'kB',
      target: { most: 150 },
    },
    {
      what: `page: log line → painted, ${STREAMING + 1} sessions streaming, p95`,
      measured: `${lateness.length} messages, median ${withUnit(median(lateness), 'ms')}`,
      reference: 'a frame takes 17 ms',
      value: percentile(lateness, 0.95),
      unit: 'ms',
      target: { most: 100 },
    },
    {
      what: `page: first paint of ${SESSIONS} sessions, median of ${PAINTS} loads`,
      measured: `slowest ${withUnit(Math.max(...paints), 'ms')}`,
      reference: '',
      value: median(paints),
      unit: 'ms',
      target: { most: 1_000 },
    },
    {
      what: `page: longest task while ${SESSIONS} sessions are scrolled through`,
      measured: task(scrolledSessions),
      reference: '',
      value: scrolledSessions,
      unit: 'ms',
      target: { most: 50 },
    },
    {
      what: 'page: longest task while the events that the server keeps of one session are scrolled through',
      measured: task(scrolledEvents),
      reference: '',
      value: scrolledEvents,
      unit: 'ms',
      target: { most: 50 },
    },
  ];
}

await promisify(execFile)('npm', ['run', '--silent', 'build:dashboard']);
await inScratch(async (folder) => {
  const manager = new UnifiedSessionManager({
    stateDir: join(folder, 'state'),
    maxConcurrent: STREAMING + 2,
    maxQueued: SESSIONS,
    executors: { autonomous: new SimulatedExecutor(script) },
  });
  const server = await serveAutonomousApp(manager, { port: 0, workspaces: [folder] });
  const browser = await chromium.launch({ executablePath: await ensureChromium(), args: ['--no-sandbox'] });
  try {
    answer(await measure(server, manager, browser));
  } finally {
    await browser.close();
    await server.close();
    await manager.close({ sessions: 'cancel' });
  }
});
