import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from './temp-folder.js';

/** A folder for the PATH with small shell scripts. `scripts`: file name → content. */
export function executables(scripts: Record<string, string>): string {
  const folder = join(tempFolder(), 'bin');
  mkdirSync(folder);
  for (const [name, script] of Object.entries(scripts)) {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }
  return folder;
}

/** A `claude` that writes its arguments, input, folder and environment into files beside it, and then prints a short session. */
export const FAKE_CLAUDE = [
  'here=$(dirname "$0")',
  'printf "%s\\n" "$@" > "$here/args"; cat > "$here/input"; pwd > "$here/cwd"; env > "$here/env"',
  `echo '{"type":"system","subtype":"init","session_id":"11111111-2222-4333-8444-555555555555","model":"fake"}'`,
  `echo '{"type":"assistant","message":{"id":"m1","content":[{"type":"text","text":"Hello."}]}}'`,
  '[ -e "$here/wait" ] && sleep 60',
  `echo '{"type":"result","subtype":"success","is_error":false,"result":"Hello.","num_turns":1,"total_cost_usd":0.01}'`,
].join('\n');
