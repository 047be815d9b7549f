import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import { keepUser } from '../../../../src/core/orchestration/docker/kept-user.js';
import { AutonomousExecutor } from '../../../../src/core/orchestration/executors/autonomous.js';
import { ClaudeRuntime } from '../../../../src/core/orchestration/executors/claude-runtime.js';
import { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import { repository } from '../../../support/git.js';
import { tempFolder } from '../../../support/temp-folder.js';

it('a run gets the user who was chosen when the session was created, for the folder that is mounted, not for one in it', async () => {
  const stateDir = tempFolder();
  const runtime = new ClaudeRuntime({ stateDir });
  const { planner } = runtime.docker;
  const worksAs = { uid: 1234, gid: 5, groups: [] };
  vi.spyOn(planner, 'check').mockResolvedValue({ docker: { image: 'image' }, worksAs });
  const ground = vi
    .spyOn(planner, 'ground')
    .mockRejectedValue(new OrchestrationError('DOCKER_UNAVAILABLE', 'No engine is needed here.'));
  const manager = new UnifiedSessionManager({ stateDir, executors: { autonomous: new AutonomousExecutor(runtime) } });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));

  const root = realpathSync(repository());
  mkdirSync(join(root, 'sub'));
  const { id } = await manager.create({ prompt: 'Go', cwd: join(root, 'sub'), docker: { image: 'image' } });
  await manager.waitFor(id);
  expect(ground.mock.calls).toMatchObject([[{ cwd: root, worksAs }]]);
});

it('a session of an earlier release, which chose no user, has that of its first run in all later ones', async () => {
  const stateDir = tempFolder();
  const runtime = new ClaudeRuntime({ stateDir });
  const { planner } = runtime.docker;
  vi.spyOn(planner, 'check').mockResolvedValue({ docker: { image: 'image' } });
  const ground = vi
    .spyOn(planner, 'ground')
    .mockRejectedValue(new OrchestrationError('DOCKER_UNAVAILABLE', 'No engine is needed here.'));
  const manager = new UnifiedSessionManager({ stateDir, executors: { autonomous: new AutonomousExecutor(runtime) } });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));

  const { id } = await manager.create({ prompt: 'Go', cwd: tempFolder(), docker: { image: 'image' } });
  await manager.waitFor(id);
  expect(ground.mock.lastCall?.[0].worksAs).toBeUndefined();
  const user = { uid: 1234, gid: 5, groups: [27] };
  const folder = new SessionFolder(stateDir, id);
  await keepUser({ docker: { image: 'image' } }, folder, user);
  await manager.continue(id, 'Go on', { fresh: true });
  await manager.waitFor(id);
  expect(ground.mock.lastCall?.[0].worksAs).toEqual(user);
  writeFileSync(folder.user, '{}');
  await manager.continue(id, 'Go on', { fresh: true });
  expect((await manager.waitFor(id)).result?.error).toContain(`"${folder.user}" cannot be used`);
  expect(ground).toHaveBeenCalledTimes(2);
});
