import { AutonomousExecutor, DEFAULT_POLICY, OrchestrationError } from 'autonomous-orchestration';

export const IMAGE = 'my-claude:authenticated';

/**
 * Says why sessions cannot run in Docker on this machine. Undefined if they can.
 *
 * @param stateDir the state folder of the manager
 * @param cwd a workspace of the sessions
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
    await executor.close();
  }
}
