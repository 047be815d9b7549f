import { type ChannelCoder, loadChannelCoder } from './load-channelcoder.js';

/** Functions of the real module. A mock that was written by hand has few of them. */
const FUNCTIONS = ['session', 'monitorLog', 'loadPromptFile', 'parseLogFile', 'detached', 'claude'] as const;

/**
 * The ChannelCoder that takes the place of the real one.
 *
 * A mocked module is recognized in a process of a test runner only. Elsewhere, a release that lacks a function would turn off the
 * container and the guard.
 *
 * @param given an object that the user gave to the manager
 * @param env the environment of this process
 * @returns the given one, or the module `channelcoder` if a test runner has mocked it; undefined for the real module
 */
export async function injectedChannelCoder<Given extends object>(
  given: Given | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Given | ChannelCoder | undefined> {
  if (given === undefined && !isTestRunner(env)) return undefined; // So that the module is not loaded for this.
  const module = await loadChannelCoder();
  if (given !== undefined && !isRealModule(given, module)) return given;
  return isTestRunner(env) && FUNCTIONS.some((name) => isMocked(name, module)) ? module : undefined;
}

/** The part of ChannelCoder that reports a session's events. A `ChannelCoderModule` has it. */
export interface MonitorLogModule {
  monitorLog(logFile: string, onEvent: (event: object) => void, options?: object): unknown;
}

/** Vitest, Jest and `bun test` set these variables. */
export function isTestRunner({ VITEST, JEST_WORKER_ID, NODE_ENV }: NodeJS.ProcessEnv): boolean {
  return VITEST !== undefined || JEST_WORKER_ID !== undefined || NODE_ENV === 'test';
}

/** True if an object that was given has the real module's `monitorLog`, which follows a log file. */
export async function hasRealMonitorLog(given: Pick<ChannelCoder, 'monitorLog'> | MonitorLogModule): Promise<boolean> {
  const module = await loadChannelCoder();
  return given !== module && given.monitorLog === read('monitorLog', module) && !isMocked('monitorLog', module);
}

function isRealModule(given: object, module: ChannelCoder): boolean {
  return FUNCTIONS.every((name) => Reflect.get(given, name) === read(name, module));
}

/** True if a function of the module is missing, or is a mock function of Vitest, Jest or Bun. */
function isMocked(name: (typeof FUNCTIONS)[number], module: ChannelCoder): boolean {
  const value = read(name, module);
  return typeof value !== 'function' || 'mock' in value;
}

/** Vitest throws if a mocked module does not have what is read. */
function read(name: (typeof FUNCTIONS)[number], module: ChannelCoder): unknown {
  const functions: Partial<Record<string, unknown>> = module;
  try {
    return functions[name];
  } catch {
    return undefined;
  }
}
