import * as module from 'channelcoder';
import type { ChannelCoderModule } from '../contract/channelcoder-module.js';

/** Functions of the real module. A mock that was written by hand has few of them. */
const FUNCTIONS = ['session', 'monitorLog', 'loadPromptFile', 'parseLogFile', 'detached', 'claude'] as const;

/**
 * The ChannelCoder that takes the place of the real one.
 *
 * @param given an object that the user gave to the manager
 * @returns the given one, or the module `channelcoder` if a test runner has mocked it; undefined for the real module
 */
export function injectedChannelCoder(given?: ChannelCoderModule): ChannelCoderModule | undefined {
  if (given !== undefined && !isRealModule(given)) return given;
  return FUNCTIONS.some((name) => isMocked(name)) ? module : undefined;
}

/** True if an object that was given has the real module's `monitorLog`, which follows a log file. */
export function hasRealMonitorLog(given: ChannelCoderModule): boolean {
  return given !== module && given.monitorLog === read('monitorLog') && !isMocked('monitorLog');
}

function isRealModule(given: ChannelCoderModule): boolean {
  return FUNCTIONS.every((name) => Reflect.get(given, name) === read(name));
}

/** True if a function of the module is missing, or is a mock function of Vitest, Jest or Bun. */
function isMocked(name: (typeof FUNCTIONS)[number]): boolean {
  const value = read(name);
  return typeof value !== 'function' || 'mock' in value;
}

/** Vitest throws if a mocked module does not have what is read. */
function read(name: (typeof FUNCTIONS)[number]): unknown {
  const functions: Partial<Record<string, unknown>> = module;
  try {
    return functions[name];
  } catch {
    return undefined;
  }
}
