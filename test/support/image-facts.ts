import type { ImageFacts } from '../../src/core/orchestration/docker/image-probe.js';

/** What a probe finds out about an image whose user `node` has uid 1000 and a home folder, and whose Claude Code works. */
export function imageFacts(change: Partial<ImageFacts> = {}): ImageFacts {
  return {
    entrypoint: [],
    uid: 1000,
    gid: 1000,
    gids: [1000],
    home: '/home/node',
    configDir: '/home/node/.claude',
    works: true,
    name: 'node',
    shell: '/bin/bash',
    imageHome: '/home/node',
    setpriv: '/usr/bin/setpriv',
    programs: ['/usr/local/bin/claude', '/opt/claude/cli.js'],
    lacks: [],
    uidMap: '0 0 4294967295',
    gidMap: '0 0 4294967295',
    claudeVersion: '2.1.98',
    firstLine: '{"type":"system","subtype":"init","claude_code_version":"2.1.98"}',
    onboarded: true,
    env: {},
    ...change,
  };
}
