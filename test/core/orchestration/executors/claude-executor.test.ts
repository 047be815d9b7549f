import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { expect, it, onTestFinished, vi } from 'vitest';
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
