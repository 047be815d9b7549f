import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { enginePaths } from '../e2e/engine/daemon.mjs';
import { inNetwork } from '../e2e/engine/network.mjs';
import { attempt, docker, engine } from './support.js';

/** The namespace in which another engine works; here it stands for that of the machine. */
const NETWORK = enginePaths().network;

test('a private engine changes neither interfaces nor firewall of its namespace and cuts off no container', async () => {
  const server = "require('node:http').createServer((_, answer) => answer.end('here')).listen(80)";
  const container = await docker(
    'run',
    '--detach',
    '--network',
    'bridge',
    '--entrypoint',
    'node',
    engine.quickImage,
    '-e',
    server,
  );
  onTestFinished(() => void docker('rm', '--force', container));
  const address = await docker('inspect', '--format', '{{.NetworkSettings.IPAddress}}', container);
  const ask = async (): Promise<string> => {
    const program = `fetch('http://${address}').then((answer) => answer.text()).then(console.log)`;
    return inside('node', '-e', program);
  };
  const look = async () => ({
    // Only names, and the bridges that they belong to: other properties, such as whether a link is up, change by themselves. The
    // links of containers are left out, because other tests start and end containers in this namespace.
    links: (await inside('ip', '-oneline', 'link'))
      .split('\n')
      .filter((line) => !/^\d+: veth/.test(line))
      .map((line) => line.match(/^\d+: \S+|master \S+/g)),
    // Without the counters of packets and the time of day.
    firewall: (await inside('iptables-save')).split('\n').filter((line) => !/^[#:]/.test(line)),
  });
  await expect.poll(ask).toBe('here');
  const before = await look();
  expect(before.links.flat().join()).toContain('docker0');

  expect(await inside('node', join(import.meta.dirname, 'fixtures/engine-beside.mjs'), `beside-${process.pid}`)).toBe(
    'works',
  );

  expect(await look()).toEqual(before);
  expect(await ask()).toBe('here');
});

/** Runs a command in that namespace and returns its output. */
async function inside(...command: string[]): Promise<string> {
  const [program = '', ...args] = inNetwork(NETWORK, command);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const { code, stdout, stderr } = await attempt(program, args, { env });
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}
