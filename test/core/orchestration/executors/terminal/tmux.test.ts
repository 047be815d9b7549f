import { describe, expect, it } from 'vitest';
import { Tmux } from '../../../../../src/core/orchestration/executors/terminal/tmux.js';
import { errorOf } from '../../../../support/errors.js';
import { executables } from '../../../../support/executables.js';

/** Terminals whose tmux says nothing but this, and fails. */
function tmuxThatSays(text: string): Tmux {
  const path = executables({ tmux: `cat >/dev/null; echo "${text}" >&2; exit 1` });
  return new Tmux({ env: { PATH: `${path}:/usr/bin:/bin` }, patienceMs: 100 });
}

describe('a terminal whose tmux server is ending', () => {
  // Measured with tmux 3.3a, on a server whose last session ends.
  it.each([
    'no server running on /tmp/tmux-0/x',
    'server exited unexpectedly',
    'lost server',
    'no current target',
    "can't find session: x",
    'error connecting to /tmp/tmux-0/x (No such file or directory)',
  ])('counts as gone: %s', async (text) => {
    const tmux = tmuxThatSays(text);
    expect(await tmux.has('x')).toBe(false);
    expect(await tmux.pid('x')).toBeUndefined();
    expect(await tmux.screen('x')).toBe('');
    await tmux.close('x');
    expect((await errorOf(tmux.type('x', 'Hello'), 'ILLEGAL_TRANSITION')).message).toContain('It is gone.');
  });

  it('reports any other error of tmux', async () => {
    const error = await errorOf(tmuxThatSays('protocol version mismatch').has('x'), 'LAUNCH_FAILED');
    expect(error.message).toContain('protocol version mismatch');
  });
});
