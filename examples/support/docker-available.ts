import { AutonomousExecutor, DEFAULT_POLICY, OrchestrationError } from 'autonomous-orchestration';

export const IMAGE = 'my-claude:authenticated';

/**
 * Why sessions cannot run in Docker here; undefined where they can.
 *
 * @param stateDir the state folder of the manager that they would be for
 * @param cwd a workspace that they would have
 */
export async function whyNotDocker(stateDir: string, cwd: string): Promise<string | undefined> {
  const executor = new AutonomousExecutor({ stateDir });
  try {
    await executor.prepare({
      id: 'demo',
      mode: 'autonomous',
      prompt: { text: 'none' },
      cwd,
      worktree: undefined,
      docker: { image: IMAGE },
      claude: {},
      policy: DEFAULT_POLICY,
      limits: {},
    });
    return undefined;
  } catch (error) {
    if (error instanceof OrchestrationError) return error.message;
    throw error;
  } finally {
    executor.close();
  }
}
