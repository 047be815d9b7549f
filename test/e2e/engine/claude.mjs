#!/usr/local/bin/node
// The image's `claude`: Claude Code itself, its model replaced by a script. Server and CLI share this one process: signals
// and the exit code are the CLI's own, the server cannot outlive it, and a start costs no second node.
const CLI = '/opt/claude-code/cli.js';

const asksForVersion = ['--version', '-v'].includes(process.argv[2] ?? '');
if (!asksForVersion) {
  const { startModel } = await import('./model.mjs');
  const port = await startModel(process.env).catch((/** @type {Error} */ error) => {
    console.error(`scripted model: ${error.message}`);
    process.exit(1);
  });
  Object.assign(process.env, {
    ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
    ANTHROPIC_API_KEY: 'sk-ant-scripted-model',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    // The terminal UI would say that it could not reach it.
    CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: '1',
    DISABLE_AUTOUPDATER: '1',
    DISABLE_TELEMETRY: '1',
    DISABLE_ERROR_REPORTING: '1',
    // A proxy of the caller's would get between the CLI and its loopback model.
    NO_PROXY: '127.0.0.1',
    no_proxy: '127.0.0.1',
  });
}
// The CLI takes its own path from here when it starts itself again.
process.argv[1] = CLI;
await import(CLI);
