import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Danger, rateDanger } from '../../src/danger/index.js';
import { RECOVERABLE } from '../../src/danger/levels.js';
import { CATALOGUE } from '../../src/danger/rules/catalogue.js';
import type { Example, Rule, Rules } from '../../src/danger/rules/rule.js';

const FOLDER = join(import.meta.dirname, '../../src/danger/rules');
const entries = Object.values(CATALOGUE).flatMap((files) => files.flatMap((rules) => Object.entries<Rule>(rules)));

function rated(example: Example, container: boolean): Danger | undefined {
  const call = typeof example === 'string' ? { tool: 'Bash', input: { command: example } } : example;
  return rateDanger(call, { workspace: '/workspace', home: '/home/node', mounts: ['/data'], container });
}

describe.each(entries)('%s', (name, rule) => {
  it.each([...rule.matches])('the rule finds %j', (example) => {
    const inContainer = rule.level === 'critical' ? 'critical' : 'warning';
    const onMachine = rule.level === 'warning' ? 'warning' : 'critical';
    expect(rated(example, true)).toMatchObject({ rule: name, level: inContainer });
    expect(rated(example, false)).toMatchObject({ rule: name, level: onMachine });
  });

  it.each([...(rule.warns ?? [])])('the rule only warns of %j', (example) => {
    expect(rated(example, true)).toMatchObject({ rule: name, level: 'warning' });
  });

  it.each([...rule.spares])('the rule does not find %j', (example) => {
    expect(rated(example, true)?.rule).not.toBe(name);
    expect(rated(example, false)?.rule).not.toBe(name);
  });
});

describe('the catalogue', () => {
  it('the catalogue has every rule once, with examples that match and that do not match', () => {
    const names = entries.map(([name]) => name);
    expect(names).toEqual([...new Set(names)]);
    expect(names.length).toBeGreaterThan(100);
    for (const [name, { matches, spares, about }] of entries) {
      expect(matches.length, name).toBeGreaterThan(0);
      expect(spares.length, name).toBeGreaterThan(0);
      expect(about, name).toMatch(/^[a-z].*[^.]$/);
    }
  });

  it('the catalogue has the rules of every file in the folder', () => {
    const declared = readdirSync(FOLDER).flatMap((file) =>
      [...readFileSync(join(FOLDER, file), 'utf8').matchAll(/^export const (\w+Rules) = \{/gm)].map(([, name]) => name),
    );
    const imported = readFileSync(join(FOLDER, 'catalogue.ts'), 'utf8').match(/\b\w+Rules\b(?= \})/g);
    expect(imported?.sort()).toEqual(declared.sort());
    const files: readonly Rules[] = Object.values(CATALOGUE).flat();
    expect(files.length).toBe(declared.length);
  });

  it('a rule is called recoverable if its dangers are only warnings in a container', () => {
    const recoverable = entries.flatMap(([name, { level }]) => (level === 'recoverable' ? [name] : []));
    expect(recoverable.sort()).toEqual([...RECOVERABLE].sort());
  });
});
