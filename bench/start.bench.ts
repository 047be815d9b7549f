import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { answer, ask } from './support/child.js';
import { AGENT_UID, requireEngine } from './support/engine.js';
import { type Figure, withUnit } from './support/figure.js';
import type { CreateTimes } from './support/first-creates.js';
import type { ImportCost } from './support/imported.js';
import { inScratch } from './support/scratch.js';
import { median } from './support/stats.js';

const IMPORTS = 9;
const PROCESSES = 3;

const imports: ImportCost[] = [];
for (let count = 0; count < IMPORTS; count++) {
  imports.push(await ask<ImportCost>(new URL('./support/imported.js', import.meta.url)));
}

const { quickImage } = await requireEngine();
const creates: CreateTimes[] = [];
await inScratch(async (folder) => {
  const workspace = join(folder, 'workspace');
  await mkdir(workspace);
  await chown(workspace, AGENT_UID, AGENT_UID);
  const args = [join(folder, 'state'), workspace, quickImage];
  const times = (): Promise<CreateTimes> => ask(new URL('./support/first-creates.js', import.meta.url), args);
  await times(); // The first process probes the image.
  for (let count = 0; count < PROCESSES; count++) creates.push(await times());
});

const cpuMs = median(imports.map((cost) => cost.cpuMs));
const megabytes = median(imports.map((cost) => cost.megabytes));
const first = median(creates.map((times) => times.first));
const later = median(creates.map((times) => times.later));
answer([
  {
    what: 'start: CPU time of importing the package',
    measured: withUnit(cpuMs, 'ms'),
    reference: '',
    value: cpuMs,
    unit: 'ms',
    target: { most: 50 },
  },
  {
    what: 'start: memory of importing the package',
    measured: withUnit(megabytes, 'MB'),
    reference: '',
    value: megabytes,
    unit: 'MB',
    target: { most: 12 },
  },
  {
    what: 'start: first create() of a second process, beyond a later create()',
    measured: withUnit(first, 'ms'),
    reference: `a later create() ${withUnit(later, 'ms')}`,
    value: first - later,
    unit: 'ms',
    target: { most: 10 },
  },
] satisfies Figure[]);
