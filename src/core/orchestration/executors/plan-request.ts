import type { PlanRequest } from '../channelcoder/plan.js';
import type { PlannedContainer } from '../docker/container-planner.js';
import type { PlacedRun } from './claude-executor.js';

/**
 * The request for ChannelCoder to plan a run.
 *
 * @param container absent without Docker
 */
export function planRequest({ request, workspace }: PlacedRun, container?: PlannedContainer): PlanRequest {
  const { spec, feedback, conversationId, folder } = request;
  const docker = container && {
    image: container.options.image,
    cwd: workspace,
    env: container.env,
    mounts: container.mountStrings,
  };
  return {
    prompt: feedback === undefined ? spec.prompt : { text: feedback },
    ...(conversationId !== undefined && { resume: conversationId }),
    ...(docker && { docker }),
    logFile: folder.log,
    claude: container?.claude ?? spec.claude,
  };
}
