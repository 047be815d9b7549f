import { describe, expect, it } from 'vitest';
import { rateDanger } from '../../src/danger/index.js';

const levelOf = (tool: string, input: unknown): string =>
  rateDanger({ tool, input }, { workspace: '/workspace', home: '/home/node' })?.level ?? 'none';

describe('a call with dangerous input', () => {
  it.each<[string, string, unknown]>([
    [
      'a command of Monitor',
      'Monitor',
      { command: 'rm -rf /workspace/src; echo ran', description: 'x', timeout_ms: 1 },
    ],
    ['a command of an MCP server', 'mcp__shell__run', { command: 'git push --force origin main' }],
    ['a command under another name', 'mcp__x__y', { cmd: 'rm -rf ~' }],
    ['a command line', 'mcp__x__y', { commandLine: 'rm -rf /' }],
    ['a command as a list of words', 'mcp__x__y', { command: ['rm', '-rf', '/workspace/src'] }],
    ['one of several commands', 'mcp__x__y', { commands: ['ls', 'rm -rf src'] }],
    ['a program beside its arguments', 'mcp__x__y', { command: 'rm', args: ['-rf', '/workspace/src'] }],
    ['a command deep inside', 'mcp__x__y', { steps: [{ run: { command: 'rm -rf src' } }] }],
    ['code in JavaScript', 'REPL', { code: "require('child_process').execSync('rm -rf /workspace/src')" }],
    ['code in Python', 'mcp__python__run', { code: "import shutil\nshutil.rmtree('/workspace/src')" }],
    ['a script that is shell', 'mcp__x__run', { script: 'cd /workspace\nrm -rf src' }],
    ['PowerShell', 'PowerShell', { command: 'Remove-Item -Recurse -Force C:\\src' }],
    ['PowerShell in abbreviated words', 'PowerShell', { command: 'ri ./src -r -fo' }],
    ['SQL', 'mcp__postgres__query', { sql: 'DROP TABLE users' }],
    ['a key that is read', 'mcp__fs__read_file', { path: '/home/node/.ssh/id_rsa' }],
    ['a key by its address', 'ReadMcpResourceTool', { server: 'fs', uri: 'file:///home/node/.ssh/id_rsa' }],
    ['a key among several files', 'mcp__fs__read_multiple_files', { paths: ['a.md', '/root/.ssh/id_ed25519'] }],
    ['a file for a person', 'SendUserFile', { files: ['/home/node/.ssh/id_rsa'] }],
    ['a file of the system that is written', 'mcp__fs__write_file', { path: '/etc/passwd', content: 'x' }],
    ['a file of the system that is moved', 'mcp__fs__move_file', { source: 'a', destination: '/usr/bin/git' }],
    ["the guard's folder", 'mcp__fs__delete', { filePath: '/etc/claude-code/managed-settings.json' }],
    ['more than the rules read', 'mcp__x__y', { items: Array.from({ length: 1_000 }, (_, at) => ({ path: `${at}` })) }],
  ])('a call with dangerous input is critical whatever its tool is called: %s', (_, tool, input) => {
    expect(levelOf(tool, input)).toBe('critical');
  });
});

describe('a call that only looks dangerous', () => {
  it.each<[string, string, unknown]>([
    ['a command that is harmless', 'Monitor', { command: 'tail -f build.log', description: 'rm -rf /', timeout_ms: 1 }],
    ['an issue that quotes a command', 'mcp__github__create_issue', { title: 'rm -rf /', body: 'Do not run rm -rf /' }],
    ['a file of a repository', 'mcp__github__get_file_contents', { owner: 'a', repo: 'b', path: 'src/index.ts' }],
    ['a file that is made in a repository', 'mcp__github__create_or_update_file', { path: 'docs/a.md', content: 'x' }],
    ['code that counts', 'REPL', { code: 'const sum = [1, 2].reduce((a, b) => a + b, 0); sum;' }],
    ['code that prints', 'mcp__python__run', { code: 'for x in range(3):\n  print(x)' }],
    ['a query', 'mcp__postgres__query', { sql: 'select * from users where id = 1' }],
    ['a search', 'mcp__search__web', { query: 'how to drop table in postgres' }],
    ['a web page', 'WebFetch', { url: 'https://example.com/.ssh/id_rsa', prompt: 'rm -rf /' }],
    ['a task for an agent', 'Agent', { description: 'x', prompt: 'rm -rf /', subagent_type: 'general-purpose' }],
    ['a search for a tool', 'ToolSearch', { query: 'select:Monitor' }],
    ['a large table', 'mcp__sheets__update', { values: Array.from({ length: 3_000 }, (_, at) => [`${at}`, 'x']) }],
    ['nothing at all', 'mcp__x__y', undefined],
    ['a list', 'mcp__x__y', ['rm', '-rf', '/']],
  ])('a call that only looks dangerous is harmless: %s', (_, tool, input) => {
    expect(levelOf(tool, input)).toBe('none');
  });
});
