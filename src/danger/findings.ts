import type { Danger } from './danger.js';

/** Keeps the worst of the dangers that were found, and the first of equal ones. */
export class Findings {
  worst: Danger | undefined;

  add(danger: Danger | undefined): void {
    if (!danger || this.worst?.level === 'critical') return;
    if (!this.worst || danger.level === 'critical') this.worst = danger;
  }

  /** True when nothing worse can be found, so that the search may stop. */
  get settled(): boolean {
    return this.worst?.level === 'critical';
  }
}
