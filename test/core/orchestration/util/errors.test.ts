import { describe, expect, it } from 'vitest';
import { OrchestrationError, type OrchestrationErrorCode } from '../../../../src/core/orchestration/util/errors.js';

const DOCTOR = 'npx autonomous-orchestration doctor';

describe('an error about what doctor examines', () => {
  it.each<OrchestrationErrorCode>([
    'DOCKER_UNAVAILABLE',
    'IMAGE_NOT_FOUND',
    'CLAUDE_NOT_FOUND',
    'ONBOARDING_NEEDED',
    'WORKSPACE_NOT_WRITABLE',
  ])('%s names the command', (code) => {
    expect(new OrchestrationError(code, 'Why.').message).toMatch(/^Why\. '.*doctor' checks what a session needs\.$/);
  });

  it('names the command once if it repeats another message', () => {
    const inner = new OrchestrationError('DOCKER_UNAVAILABLE', 'Why.');
    const outer = new OrchestrationError('CLAUDE_NOT_FOUND', `It cannot start: ${inner.message}`);
    expect(outer.message.split(DOCTOR)).toHaveLength(2);
  });

  it('other errors do not name it', () => {
    expect(new OrchestrationError('QUEUE_FULL', 'Why.').message).toBe('Why.');
  });
});
