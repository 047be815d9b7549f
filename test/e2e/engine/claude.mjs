#!/usr/local/bin/node
// The image's `claude`: Claude Code itself, with a script instead of its model. Server and CLI share this process. So signals
// and the exit code are the CLI's own, the server cannot outlive the CLI, and a start costs no second node.
import module from 'node:module';

const CLI = '/opt/claude-code/cli.js';

const asksForVersion = ['--version', '-v'].includes(process.argv[2] ?? '');
// Only if the image has the folder. The machine's node may be older and lack this function, like the types.
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
// When the CLI starts itself again, it reads its own path from here.
process.argv[1] = CLI;
await import(CLI);
