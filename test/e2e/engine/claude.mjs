#!/usr/local/bin/node
// The image's `claude`: Claude Code itself, its model replaced by a script. Server and CLI share this one process: signals
// and the exit code are the CLI's own, the server cannot outlive it, and a start costs no second node.
import module from 'node:module';

const CLI = '/opt/claude-code/cli.js';

const asksForVersion = ['--version', '-v'].includes(process.argv[2] ?? '');
// Where the image has the folder. A node of the machine may be older, like the types.
const { enableCompileCache } = /** @type {{ enableCompileCache?: (folder: string) => void }} */ (module);
enableCompileCache?.('/opt/claude-code/compiled');
if (!asksForVersion) {
  const { modelEnvironment } = await import('./environment.mjs');
  const { startModel } = await import('./model.mjs');
  const port = await startModel(process.env).catch((/** @type {Error} */ error) => {
    console.error(`scripted model: ${error.message}`);
    process.exit(1);
  });
  Object.assign(process.env, modelEnvironment(port));
}
// The CLI takes its own path from here when it starts itself again.
process.argv[1] = CLI;
await import(CLI);
