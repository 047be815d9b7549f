import type { SessionEnvironment } from './record.js';

/** The likely causes of a run that ends with exit code 0 and has an empty log (measured with Claude Code 2.1.98). */
export function silentStart({ docker, dockerImage }: Pick<SessionEnvironment, 'docker' | 'dockerImage'>): string {
  const found = 'It ended with exit code 0, but Claude Code wrote nothing, so it probably did not run.';
  if (!docker) {
    const cause = "Likely cause: the 'claude' on the PATH is a wrapper that does not pass its arguments on.";
    return `${found} ${cause} Try: claude -p 'Say hello' (it has to print an answer).`;
  }
  const causes = [
    `the entrypoint of the image '${dockerImage}' does not execute its arguments (exec "$@")`,
    "'claude' in the image is a wrapper that does not pass its arguments on",
  ];
  const test = `docker run --rm -e DISABLE_FIREWALL=true ${dockerImage} claude -p 'Say hello'`;
  return `${found} Likely causes: ${causes.join('; ')}. Try: ${test} (it has to print an answer; if docker.user is set, add --user).`;
}
