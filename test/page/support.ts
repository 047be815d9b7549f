import { type SessionManagerOptions, UnifiedSessionManager } from 'autonomous-orchestration';
import { type AutonomousServer, type ServeOptions, serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { SimulatedExecutor, type SimulatedScript } from 'autonomous-orchestration/testing';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, expect, onTestFinished } from 'vitest';
import { everyMode } from '../support/simulate.js';
import { tempFolder } from '../support/temp-folder.js';
import { ensureChromium } from './chromium.mjs';

/** Where the page is tried; the token is a test's own. */
export const TOKEN = 'a-token-for-tests-0123456789';

let browser: Promise<Browser> | undefined;
afterAll(async () => (await browser)?.close());

async function launched(): Promise<Browser> {
  // Chromium's own sandbox does not run as root in a container.
  return chromium.launch({ executablePath: await ensureChromium(), args: ['--no-sandbox'] });
}

/** A server with simulated sessions. */
export async function serveSimulation(
  script: SimulatedScript,
  options: SessionManagerOptions = {},
  serving: Parameters<typeof serveManager>[2] = {},
) {
  const manager = new UnifiedSessionManager({
    stateDir: tempFolder(),
    executors: everyMode(new SimulatedExecutor(script)),
    ...options,
  });
  return serveManager(manager, tempFolder(), serving);
}

/** A server for a manager; both are closed after the test. */
export async function serveManager(
  manager: UnifiedSessionManager,
  workspace: string,
  options: Pick<ServeOptions, 'port' | 'token' | 'readWithoutToken'> = {},
) {
  const server = await serveAutonomousApp(manager, { port: 0, token: TOKEN, workspaces: [workspace], ...options });
  onTestFinished(async () => {
    await server.close().catch(() => {}); // A test may have closed it.
    await manager.close({ sessions: 'cancel' });
  });
  return { manager, server, workspace };
}

/** The page of a server in its own tab. Every error on its console fails the test, except those that match `complains`. */
export async function openPage(
  server: AutonomousServer,
  { path = '', complains, ...options }: BrowserContextOptions & { path?: string; complains?: RegExp } = {},
): Promise<Page> {
  browser ??= launched();
  const context = await (await browser).newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(60_000); // A machine may be busy.
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // A connection that a test cuts is reported by the browser itself.
    if (message.type() !== 'error' || message.text().includes('net::ERR_') || complains?.test(message.text())) return;
    complaints.push(message.text());
  });
  onTestFinished(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });
  await page.goto(path === '' ? server.dashboardUrl : `${server.url}/${path}`);
  return page;
}

/** The session's card on the board, or its row among those that wait or have ended. */
export function sessionOnBoard(page: Page, id: string) {
  return page.locator(`[data-session="${id}"]`);
}

/** The list of facts under a heading, as it is read: name → value. */
export async function factsUnder(page: Page, heading: string): Promise<Record<string, string>> {
  const section = page.locator('section.group').filter({ has: page.getByRole('heading', { name: heading }) });
  await section.locator('dl.facts').waitFor();
  const lines = await section.locator('dl.facts > div').all();
  const facts = lines.map(async (line) => [await line.locator('dt').innerText(), await line.locator('dd').innerText()]);
  return Object.fromEntries(await Promise.all(facts));
}
