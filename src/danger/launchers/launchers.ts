import type { Launcher } from '../shell/command.js';
import { archives } from './archives.js';
import { carriers } from './carriers.js';
import { copies } from './copies.js';
import { editors } from './editors.js';
import { git } from './git.js';
import { indirect } from './indirect.js';
import { interpreters } from './interpreters.js';
import { multiplexers } from './multiplexers.js';
import { runners } from './runners.js';
import { shells } from './shells.js';

/** Programs that run code or commands from their arguments or input, by name. A program may do so in several ways. */
export const launchers: ReadonlyMap<string, Launcher> = combined([
  ...shells,
  ...runners,
  ...carriers,
  ...copies,
  ...editors,
  ...interpreters,
  ...multiplexers,
  ...indirect,
  ['git', git],
  ...archives,
]);

function combined(list: readonly (readonly [string, Launcher])[]): ReadonlyMap<string, Launcher> {
  const byName = new Map<string, Launcher>();
  for (const [name, launcher] of list) {
    const before = byName.get(name);
    byName.set(
      name,
      before
        ? (command, shell) => {
            const output = before(command, shell);
            return launcher(command, shell) ?? output;
          }
        : launcher,
    );
  }
  return byName;
}
