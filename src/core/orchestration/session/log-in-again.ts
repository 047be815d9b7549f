/** What a person does about a login that the provider refuses. */
export const LOG_IN_AGAIN =
  "Log in again (sessions in Docker: 'npx autonomous-orchestration image login'), or give the session a valid key. " +
  'A login inside an image works only for some hours.';
