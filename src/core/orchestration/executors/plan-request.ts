import type { PlanRequest } from '../channelcoder/plan.js';
import type { PlannedContainer } from '../docker/container-planner.js';
import type { MountOption } from '../session/docker-options.js';
import { defined } from '../util/defined.js';
import type { PlacedRun } from './placed-run.js';

/** What an injected ChannelCoder is asked about a run: the options of the session as they were given. */
export function injectedRequest(placed: PlacedRun): PlanRequest {
  const { docker } = placed.request.spec;
  const request = planRequest(placed);
  if (docker === false) return request;
  const { image, env = {}, mounts = [] } = docker;
  return { ...request, docker: { image, cwd: placed.workspace, env, mounts: mounts.map(written) } };
}

/** A mount in the form that ChannelCoder takes. */
const written = (mount: string | MountOption): string =>
  typeof mount === 'string' ? mount : `${mount.source}:${mount.target}${mount.readonly === true ? ':ro' : ''}`;

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
    added: defined({
      models: spec.models,
      output: spec.output?.forClaude,
      claudeVersion: container?.claudeVersion,
    }),
  };
}
