import type { Launcher } from '../shell/command.js';
import { carriers } from './carriers.js';
import { copies } from './copies.js';
import { editors } from './editors.js';
import { git } from './git.js';
import { interpreters } from './interpreters.js';
import { runners } from './runners.js';
import { shells } from './shells.js';

/** Programs that run code or commands which they are given, by name. */
export const launchers: ReadonlyMap<string, Launcher> = new Map([
  ...shells,
  ...runners,
  ...carriers,
  ...copies,
  ...editors,
  ...interpreters,
  ['git', git] as const,
]);
