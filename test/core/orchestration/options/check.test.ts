import { describe, expect, it } from 'vitest';
import { check } from '../../../../src/core/orchestration/options/check.js';
import { optionSchemas } from '../../../../src/core/orchestration/options/schemas.js';
import { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';

const { createSchema, managerSchema } = optionSchemas();

function messageOf(options: unknown, schema = createSchema as Parameters<typeof check>[0]): string {
  try {
    check(schema, options);
  } catch (error) {
    expect(error).toBeInstanceOf(OrchestrationError);
    expect(error).toMatchObject({ code: 'INVALID_OPTIONS' });
    return (error as Error).message;
  }
  return 'accepted';
}

describe('an unknown option', () => {
  it.each([
    [{ promt: 'x' }, "Option 'promt': is unknown; perhaps 'prompt' is meant. Received \"x\"."],
    [{ MaxTurns: 3 }, "Option 'MaxTurns': is unknown; perhaps 'maxTurns' is meant. Received 3."],
    [{ docker: { imagee: 'x' } }, "Option 'docker.imagee': is unknown; perhaps 'image' is meant. Received \"x\"."],
    [{ limits: { duration: 5 } }, "Option 'limits.duration': is unknown; perhaps 'durationMs' is meant. Received 5."],
    [{ policy: { rules: [{ tool: 'Bash', decision: 'deny', match: /x/ }] } }, "perhaps 'matches' is meant"],
  ])('names the nearest known one: %j', (options, message) => {
    expect(messageOf(options)).toContain(message);
  });

  it('names all known ones if none is near', () => {
    expect(messageOf({ limits: { zzzz: 1 } })).toContain('known are durationMs, idleMs,');
    expect(messageOf({ xyzzy: 1 }, managerSchema)).toContain('known are stateDir, maxConcurrent');
  });

  it('does not show a value that may be a secret', () => {
    expect(messageOf({ docker: { evn: { TOKEN: 'hush' } } })).not.toContain('hush');
  });
});

describe('a value of the wrong kind', () => {
  it.each([
    [{ prompt: 5 }, "Option 'prompt': must be a string. Received 5."],
    [{ maxTurns: 'three' }, 'Option \'maxTurns\': must be a whole number. Received "three".'],
    [
      { mode: 'autonomus' },
      "Option 'mode': must be 'autonomous', 'interactive', 'planning', 'orchestration', 'worktree'.",
    ],
    [{ docker: 'yes' }, "Option 'docker': must be true or false, or an object with image, env, mounts"],
    [
      { worktree: 3 },
      "Option 'worktree': must be a string, or an object with branch, base, path, copy, include, submodules. Received 3.",
    ],
    [{ tools: 'Read' }, 'Option \'tools\': must be an array. Received "Read".'],
    [{ docker: { ssh: 'all' } }, "Option 'docker.ssh': must be false, or 'agent', 'keys', or an object with keyFile."],
    [{ docker: { env: { A: 1 } } }, "Option 'docker.env.A': must be a string."],
    [{ policy: { dangerous: 'no' } }, "Option 'policy.dangerous': must be 'allow', 'ask', 'deny'. Received \"no\"."],
  ])('says what is accepted: %j', (options, message) => {
    expect(messageOf(options)).toContain(message);
  });
});
