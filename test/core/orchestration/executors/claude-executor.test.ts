import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { expect, it, onTestFinished, vi } from 'vitest';
import { AutonomousExecutor } from '../../../../src/core/orchestration/executors/autonomous.js';
import { ClaudeRuntime } from '../../../../src/core/orchestration/executors/claude-runtime.js';
import { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import { repository } from '../../../support/git.js';
import { tempFolder } from '../../../support/temp-folder.js';

it('the user of a run depends on the folder that is mounted, not on a folder in it, which an agent can replace', async () => {
  const stateDir = tempFolder();
  const runtime = new ClaudeRuntime({ stateDir });
  const { planner } = runtime.docker;
  vi.spyOn(planner, 'check').mockResolvedValue({ image: 'image' });
  const ground = vi
    .spyOn(planner, 'ground')
    .mockRejectedValue(new OrchestrationError('DOCKER_UNAVAILABLE', 'No engine is needed here.'));
  const manager = new UnifiedSessionManager({ stateDir, executors: { autonomous: new AutonomousExecutor(runtime) } });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));

  const root = realpathSync(repository());
  mkdirSync(join(root, 'sub'));
  const { id } = await manager.create({ prompt: 'Go', cwd: join(root, 'sub'), docker: { image: 'image' } });
  await manager.waitFor(id);
  expect(ground.mock.calls.map(([{ cwd }]) => cwd)).toEqual([root]);
});
