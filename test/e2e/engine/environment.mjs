/**
 * The variables with which Claude Code talks to the scripted model, and to nobody else.
 *
 * @param {number} port
 * @returns {Record<string, string>}
 */
export const modelEnvironment = (port) => ({
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
