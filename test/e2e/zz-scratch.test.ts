import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'vitest';
import { attempt, bash, nextEvent, scripted, tempFolder, testManager } from './support.js';
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms));
it('scratch', async () => {
  const cwd = await tempFolder();
  const { manager, stateDir } = await testManager();
  const t0 = Date.now();
  manager.on('event', (e) =>
    console.log(Date.now() - t0, e.type, 'text' in e ? e.text : '', 'tool' in e ? JSON.stringify(e.tool) : '', 'session' in e ? e.session.status + ' ' + e.session.waitingFor : ''),
  );
  const { id } = await manager.create({
    mode: 'interactive', prompt: 'Do it', cwd,
    ...scripted(bash('sleep 30'), {text: 'slow', delayMs: 3000}, { text: 'after steer', delayMs: 1500 }, {text: 'after clear'}, { text: 'more' }),
  });
  const keys = async (...k: string[]) => { await attempt('tmux', ['-L', 'autonomous-orchestration', 'send-keys', '-t', `=ao-${id}-1:`, ...k]); await sleep(400); };
  const screen = async () => console.log((await attempt('tmux', ['-L', 'autonomous-orchestration', 'capture-pane', '-p', '-t', `=ao-${id}-1:`])).stdout.replace(/\n\n+/g, '\n'));
  await nextEvent(manager, (e) => e.type === 'session:tool');
  console.log('ESC');
  await keys('Escape'); await sleep(1500); await screen();
  await keys('-l', 'next prompt'); await keys('Enter'); await sleep(800);
  console.log('STEER at stop');
  void manager.steer(id, 'steer at stop').catch((e) => console.log(String(e)));
  await sleep(5000); await screen();
  console.log('CLEAR');
  await keys('-l', '/clear'); await keys('Enter'); await sleep(800); 
  await keys('-l', 'prompt after clear'); await keys('Enter'); await sleep(2000); await screen();
  await cp(join(stateDir, 'sessions', id), '/tmp/scratch-session', { recursive: true });
}, 120_000);
