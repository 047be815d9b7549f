/**
 * The program of the launch helper, for `node -e`. It is a text and not a file, so that it is there however the library is
 * bundled. It reads one request a line from its standard input and writes one answer a line to its standard output.
 *
 * - The files of a launch are opened through the file descriptors of the manager's process, so they are the very files that were
 *   checked there. If that process is gone, they cannot be opened, and nothing is launched.
 * - `begun` is written before the process is started. Without it, nothing was started.
 * - It also reads when the process began, because the manager's process may be unable to open a file for that. The pid cannot belong
 *   to another process by then, because the helper has not collected the end of its child yet.
 * - The end of the standard input means that the manager's process has ended, or needs the helper no longer. Then the helper ends.
 *   The processes that it has started lead sessions of their own and go on.
 */
export const HELPER_PROGRAM = `
'use strict';
const { spawn } = require('node:child_process');
const { closeSync, constants, openSync, readFileSync, writeSync } = require('node:fs');
const manager = process.ppid;
const say = (answer) => writeSync(1, JSON.stringify(answer) + '\\n');
const reasonOf = ({ message, code }) => ({ message, code });
function open({ input, log }) {
  const folder = '/proc/' + manager + '/fd/';
  const files = [openSync(folder + input, constants.O_RDONLY)];
  try {
    files.push(openSync(folder + log, constants.O_WRONLY | constants.O_APPEND));
    if (process.ppid !== manager) throw new Error('the manager is gone');
    return files;
  } catch (error) {
    closeSync(files[0]);
    throw error;
  }
}
function startOf(pid) {
  try {
    const line = readFileSync('/proc/' + pid + '/stat', 'latin1');
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
function launch({ id, command, args, cwd, env, files }) {
  let opened;
  try {
    opened = open(files);
  } catch (error) {
    return say({ id, unable: reasonOf(error) });
  }
  say({ id, begun: true });
  try {
    const [input, log] = opened;
    const child = spawn(command, args, { cwd, env, detached: true, stdio: [input, log, log] });
    child.once('error', (error) => say({ id, failed: reasonOf(error) }));
    child.once('exit', (code, signal) => say({ id, exit: { code, signal } }));
    if (child.pid !== undefined) say({ id, pid: child.pid, startedAt: startOf(child.pid) });
  } catch (error) {
    say({ id, failed: reasonOf(error) });
  } finally {
    for (const file of opened) closeSync(file);
  }
}
let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (text) => {
  const lines = (rest + text).split('\\n');
  rest = lines.pop();
  for (const line of lines) launch(JSON.parse(line));
});
process.stdin.on('end', () => process.exit(0));
say({ ready: true });
`;
