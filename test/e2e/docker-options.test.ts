import { mkdir, readFile, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import { describe, expect, it, onTestFinished } from 'vitest';
import { enginePaths } from './engine/daemon.mjs';
import { inNetwork } from './engine/network.mjs';
import { attempt, bash, docker, engine, nextEvent, scripted, tempFolder, testManager } from './support.js';

const PORT = 8080;
const image = engine.newestImage;
const SERVE = `node -e "require('http').createServer((q, r) => r.end('here')).listen(${PORT}, '0.0.0.0', () => require('fs').writeFileSync('listening', ''))"`;
const FACTS = [
  'df -k /dev/shm /scratch | awk \'{print "size", $6, $2}\' > facts',
  'for folder in /scratch /workspace/scratch /tmp; do echo "mode $folder $(stat -c "%u %a" $folder) $(touch $folder/x && echo mine)"; done >> facts',
  'echo "nofile $(ulimit -Hn)" >> facts',
  'grep machine.test /etc/hosts >> facts',
  'grep fixed.test /etc/hosts >> facts',
  'echo "kept $(cat /kept/from-first 2>&1)" >> facts',
  'echo one > /kept/from-first && echo wrote >> facts',
  'echo two > /workspace/deps/file && echo wrote-deps >> facts',
];

/** The name of a volume of this test, which is removed after it. */
function volumeName(): string {
  const name = `ao-test-${nanoid(8).replaceAll(/[-_]/g, '0')}`;
  onTestFinished(async () => void (await attempt('docker', ['volume', 'rm', '--force', name], { env: process.env })));
  return name;
}

/** What a program on the engine's machine gets from a port. The engine of the tests has a network of its own. */
async function reached(address: string, port: number): Promise<string> {
  const ask = `fetch('http://${address}:${port}', { signal: AbortSignal.timeout(2000) }).then((r) => r.text()).catch(() => 'refused').then(console.log)`;
  return (await onMachine(process.execPath, '-e', ask)).trim();
}

async function onMachine(...command: string[]): Promise<string> {
  const [program = '', ...args] = inNetwork(enginePaths().network, command);
  return (await attempt(program, args)).stdout;
}

describe('the options of a container', () => {
  it('volumes, tmpfs, ports, hosts, /dev/shm, limits and labels reach the container, and the run says its ports', async () => {
    const { manager } = await testManager({ policy: { dangerous: 'allow' } });
    const cwd = await tempFolder();
    const [kept, deps] = [volumeName(), volumeName()];
    const serve = bash(
      `${FACTS.join('; ')}; (${SERVE} >/dev/null 2>&1 &) ; until [ -e listening ]; do sleep 0.05; done; echo up; sleep 300`,
    );
    const call = nextEvent(manager, ({ type }) => type === 'session:tool');
    const options = {
      image,
      volumes: [
        { name: kept, target: '/kept' },
        { name: deps, target: '/workspace/deps' },
      ],
      tmpfs: [
        { target: '/scratch', size: '16m', mode: '700' },
        { target: '/workspace/scratch' },
        // The image has the folder, with another mode.
        { target: '/tmp', mode: '700' },
      ],
      ports: [{ container: PORT }],
      extraHosts: { 'machine.test': 'host-gateway', 'fixed.test': '10.9.8.7' },
      shmSize: '128m',
      ulimits: { nofile: { soft: 4_096, hard: 8_192 } },
      labels: { 'com.example.team': 'tools' },
    };
    const { id } = await manager.create({ prompt: 'Go', cwd, docker: { ...options, ...scripted(serve).docker } });
    await call;
    await expect
      .poll(() => docker('exec', `ao-${id}-1`, 'ls', '/workspace'), { timeout: 60_000 })
      .toContain('listening');

    const ports = manager.get(id)?.runs[0]?.ports ?? [];
    expect(ports).toEqual([{ container: PORT, host: expect.any(Number), protocol: 'tcp', address: '127.0.0.1' }]);
    const host = ports[0]?.host ?? 0;
    expect(await reached('127.0.0.1', host)).toBe('here');
    const others = [...(await onMachine('ip', '-4', '-o', 'address')).matchAll(/inet (?!127\.)([\d.]+)/g)].map(
      ([, ip = '']) => ip,
    );
    expect(others.length).toBeGreaterThan(0);
    for (const address of others) expect(await reached(address, host)).toBe('refused');

    const facts = await readFile(join(cwd, 'facts'), 'utf8');
    expect(facts).toContain('size /dev/shm 131072\n');
    expect(facts).toContain('size /scratch 16384\n');
    const { uid } = await stat(cwd);
    for (const folder of ['/scratch 700', '/workspace/scratch 1777', '/tmp 700'])
      expect(facts).toContain(`mode ${folder.replace(' ', ` ${uid} `)} mine\n`);
    expect(facts).toContain('nofile 8192\n');
    expect(facts).toMatch(/^\d+\.\d+\.\d+\.\d+\s+machine\.test$/m);
    expect(facts).toMatch(/^10\.9\.8\.7\s+fixed\.test$/m);
    expect(facts).toContain('wrote\n');
    expect(facts).toContain('wrote-deps\n');
    const labels = JSON.parse(await docker('inspect', '--format', '{{json .Config.Labels}}', `ao-${id}-1`));
    expect(labels).toMatchObject({ 'com.example.team': 'tools', 'autonomous-orchestration.session': id });
    // The folder under the volume is the owner's and not root's.
    expect(await stat(join(cwd, 'deps'))).toMatchObject({ uid: 1000, gid: 1000 });
    await manager.cancel(id);

    const look = bash('cat /kept/from-first > seen; touch /kept/x 2>/dev/null || echo read-only >> seen');
    const second = await manager.create({
      prompt: 'Go',
      cwd,
      docker: { image, volumes: [{ name: kept, target: '/kept', readonly: true }], ...scripted(look).docker },
    });
    expect(await manager.waitFor(second.id)).toMatchObject({ status: 'completed' });
    expect(await readFile(join(cwd, 'seen'), 'utf8')).toBe('one\nread-only\n');
    expect(await docker('volume', 'ls', '--format', '{{.Name}}')).toContain(kept);
  });

  it('a volume that binds a folder of the machine is refused, also if it takes the place of a harmless one while the session waits', async () => {
    const { manager } = await testManager({ maxConcurrent: 1 });
    const cwd = await tempFolder();
    const name = volumeName();
    const bound = [
      'volume',
      'create',
      '--driver',
      'local',
      '--opt',
      'type=none',
      '--opt',
      'o=bind',
      '--opt',
      'device=/',
      name,
    ];
    await docker(...bound);
    const volumes = [{ name, target: '/data' }];
    const look = scripted(bash('ls /data > seen')).docker;
    await expect(manager.create({ prompt: 'Go', cwd, docker: { image, volumes, ...look } })).rejects.toMatchObject({
      code: 'UNSAFE_MOUNT',
      message: expect.stringContaining(name),
    });

    await docker('volume', 'rm', name);
    const first = await manager.create({ prompt: 'Go', cwd, docker: { image, ...scripted(bash('sleep 300')).docker } });
    const waiting = await manager.create({ prompt: 'Go', cwd, docker: { image, volumes, ...look } });
    await docker(...bound);
    await manager.cancel(first.id);
    expect(await manager.waitFor(waiting.id)).toMatchObject({ status: 'failed', result: { reason: 'UNSAFE_MOUNT' } });
    await expect(readFile(join(cwd, 'seen'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('a link in the workspace is not followed to the place of a volume', async () => {
    const { manager } = await testManager();
    const cwd = await tempFolder();
    await mkdir(join(cwd, 'a'));
    await symlink('/etc/claude-code', join(cwd, 'a', 'deps'));
    const docker = { image, volumes: [{ name: volumeName(), target: '/workspace/a/deps' }] };
    await expect(manager.create({ prompt: 'Go', cwd, docker })).rejects.toMatchObject({ code: 'UNSAFE_MOUNT' });
  });
});
