import { type Plan, planRun } from '../channelcoder/plan.js';
import type { PlannedContainer } from '../docker/docker-environment.js';
import { GUARDED_ENV } from '../intervention/hook-files.js';
import { adoptRun } from './adopted-run.js';
import type { RunHandle, RunRequest, SessionSpec } from './base-executor.js';
import { ClaudeExecutor, type PlacedRun } from './claude-executor.js';
import { runOnHost } from './host-run.js';
import { launchDetached } from './launcher.js';

/** Runs Claude Code without anybody at the keyboard: it gets its prompt, writes stream-json to the log, and ends. */
export abstract class UnattendedExecutor extends ClaudeExecutor {
  protected override async launchOnHost({ request, workspace, environment, files }: PlacedRun): Promise<RunHandle> {
    const plan = await this.#plan(request, request.spec.claude);
    await request.onPlaced({ environment });
    if (plan.kind === 'started') return adoptRun(plan, this.runtime.docker.engine);
    const [command = 'claude', ...args] = [
      ...plan.command,
      '--settings',
      await files.hostSettings(),
      ...budget(request),
    ];
    const { folder } = request;
    const inputFile = await this.#writeInput(request, plan.stdin);
    const { env } = await this.equipment(files, false);
    const launched = await launchDetached(this.runtime.spawn, {
      command,
      args,
      cwd: workspace,
      env: { ...GUARDED_ENV, ...this.runtime.env, ...env },
      folder,
      inputFile,
    });
    return this.watched(runOnHost(launched), request, workspace);
  }

  protected override async launchInContainer(
    { request, workspace, environment }: PlacedRun,
    container: PlannedContainer,
  ): Promise<RunHandle> {
    const { options, env, mountStrings } = container;
    const docker = { image: options.image, cwd: workspace, env, mounts: mountStrings };
    const plan = await this.#plan(request, container.claude, docker);
    await request.onPlaced({ containerName: container.name, environment });
    if (plan.kind === 'started') return adoptRun(plan, this.runtime.docker.engine);
    const { folder } = request;
    const inputFile = await this.#writeInput(request, plan.stdin);
    const command = [...plan.command, ...budget(request)];
    const handle = await this.runtime.docker.run(container, command, { folder, inputFile });
    return this.watched(handle, request, workspace);
  }

  #plan(
    request: RunRequest,
    claude: SessionSpec['claude'],
    docker?: Parameters<typeof planRun>[0]['docker'],
  ): Promise<Plan> {
    return planRun({
      prompt: request.feedback === undefined ? request.spec.prompt : { text: request.feedback },
      ...(request.resume !== undefined && { resume: request.resume }),
      ...(docker && { docker }),
      logFile: request.folder.log,
      claude,
    });
  }

  async #writeInput({ folder, run }: RunRequest, text: string): Promise<string> {
    const file = folder.input(run);
    await folder.write(file, text);
    return file;
  }
}

/** Claude Code takes no budget of nothing. */
const LEAST_BUDGET_USD = 0.000_001;

/** Claude Code stops itself at its budget, which holds while no host is there; it knows of this run only. */
function budget({ spec, session }: RunRequest): string[] {
  const { costUsd } = spec.limits;
  return costUsd === undefined
    ? []
    : ['--max-budget-usd', String(Math.max(LEAST_BUDGET_USD, costUsd - (session.metadata.costUsd ?? 0)))];
}
