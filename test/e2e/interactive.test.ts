import { expect, it } from 'vitest';
import { attempt, bash, scripted, tempFolder, testManager } from './support.js';

it('interactive', async () => {
  const cwd = await tempFolder();
  const { manager, events } = await testManager();
  manager.on('event', (e) =>
    console.log(
      e.type,
      'text' in e ? e.text : '',
      'tool' in e ? JSON.stringify(e.tool) : '',
      'session' in e ? e.session.status + ' ' + e.session.waitingFor : '',
    ),
  );
  const { id } = await manager.create({
    mode: 'interactive',
    prompt: 'Do it',
    cwd,
    ...scripted(bash('echo x > made'), { text: 'First done.' }, { history: true }, bash('echo y'), { text: 'last' }),
  });
  await manager.waitFor(id, { status: 'waiting_feedback' });
  const s = manager.get(id);
  console.log(s?.runs[0]?.attachCommand, manager.queueStatus());
  await manager.steer(id, '/steered {x} "q"\nsecond line');
  await manager.waitFor(id, { status: 'running' });
  await manager.waitFor(id, { status: 'waiting_feedback' });
  console.log(JSON.stringify(manager.get(id)?.metadata, null, 1));
  await attempt('tmux', ['-L', 'autonomous-orchestration', 'kill-session', '-t', `=ao-${id}-1`]);
  const done = await manager.waitFor(id);
  console.log(JSON.stringify([done.status, done.result, done.runs], null, 1));
  void events;
  void expect;
}, 120_000);
