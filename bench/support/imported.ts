import { answer, collectGarbage } from './child.js';

/** What it costs to import the package in a fresh process. */
export interface ImportCost {
  readonly cpuMs: number;
  readonly megabytes: number;
}

// The first import() of a process costs more than others.
await import('node:os');
collectGarbage();
const [cpu, memory] = [process.cpuUsage(), process.memoryUsage.rss()];
await import('autonomous-orchestration');
const { user, system } = process.cpuUsage(cpu);
const megabytes = (process.memoryUsage.rss() - memory) / 2 ** 20;
answer({ cpuMs: (user + system) / 1_000, megabytes } satisfies ImportCost);
