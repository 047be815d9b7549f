import { expect, it } from 'vitest';
import { refusalInWords } from '../../../../src/core/orchestration/docker/engine-refusals.js';

const PORT = 'driver failed programming external connectivity on endpoint ao-1 (e5)';

it.each([
  [`${PORT}: Bind for 127.0.0.1:80 failed: port is already allocated`, 'docker.ports'],
  [`${PORT}: Error starting userland proxy: listen tcp4 127.0.0.1:80: bind: address already in use`, 'is taken'],
  [`${PORT}: listen tcp4 203.0.113.9:80: bind: cannot assign requested address`, "'address'"],
  ['could not select device driver "" with capabilities: [[gpu]]', 'docker.gpus'],
  ['network nope not found', 'docker.network'],
])('what the engine says gets words in front: %s', (said, words) => {
  const text = refusalInWords(said);
  expect(text).toContain(words);
  expect(text).toContain(said);
});

it('what is not known stays as it is', () => {
  expect(refusalInWords('no space left on device')).toBe('no space left on device');
  expect(refusalInWords('')).toBe('');
});
