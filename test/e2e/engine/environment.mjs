/**
 * The variables that make Claude Code talk to the scripted model and to no other server.
 *
 * @param {number} port
 * @returns {Record<string, string>}
 */
export const modelEnvironment = (port) => ({
  ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
  ANTHROPIC_API_KEY: 'sk-ant-scripted-model',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  // Without this, the terminal UI shows that it cannot reach the marketplace.
  CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: '1',
  DISABLE_AUTOUPDATER: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_ERROR_REPORTING: '1',
  // The caller's proxy must not be used for the model on the loopback device.
  NO_PROXY: '127.0.0.1',
  no_proxy: '127.0.0.1',
});
