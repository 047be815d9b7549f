import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const CORE = 'src/core/orchestration';

/**
 * The layers, lowest first. A room is a folder with all that is in it, or a file. A file may import from its own room and from
 * rooms of lower layers, types included.
 */
const LAYERS: readonly (readonly string[])[] = [
  [`${CORE}/util`],
  [`${CORE}/process`, 'src/danger'],
  [`${CORE}/session`],
  [
    `${CORE}/contract`,
    `${CORE}/queue`,
    `${CORE}/monitoring`,
    `${CORE}/guard`,
    `${CORE}/workspace`,
    `${CORE}/output`,
    `${CORE}/login`,
  ],
  [`${CORE}/options`, `${CORE}/git`, `${CORE}/channelcoder`, `${CORE}/mailbox`],
  [`${CORE}/docker`, `${CORE}/store`],
  [`${CORE}/executors`, `${CORE}/socket`],
  [`${CORE}/run`],
  [`${CORE}/family`],
  [`${CORE}/manager`],
  [`${CORE}/session-manager.ts`],
  ['src/core/open-sessions.ts', `${CORE}/executors/autonomous.ts`],
  ['src/core/index.ts'],
  ['src/index.ts'],
  ['src/handlers', 'src/testing'],
  ['src/cli', 'src/dashboard'],
];

/** `types.ts` is the public face of the session's model. */
const FACES: Readonly<Record<string, string>> = { [`${CORE}/types.ts`]: `${CORE}/session` };

const LEVELS = new Map(LAYERS.flatMap((rooms, level) => rooms.map((room) => [room, level] as const)));

interface Import {
  readonly from: string;
  readonly to: string;
}

const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => `src/${path.split(sep).join('/')}`);
const known = new Set(files);
const imports = files.flatMap(importsOf);

function importsOf(from: string): Import[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, from), 'utf8'), true, true);
  return importedFiles.flatMap(({ fileName }) => {
    if (!fileName.startsWith('.')) return [];
    const path = relative(ROOT, resolve(ROOT, dirname(from), fileName))
      .split(sep)
      .join('/');
    const to = [path, path.replace(/\.js$/, '.ts'), path.replace(/\.js$/, '.tsx')].find((each) => known.has(each));
    return to === undefined ? [] : [{ from, to }];
  });
}

function roomOf(file: string): string {
  if (FACES[file] !== undefined) return FACES[file];
  for (let path = file; path !== '.'; path = dirname(path)) if (LEVELS.has(path)) return path;
  return '';
}

/** Groups of nodes in which each node reaches every other node. */
function cycles(edges: readonly Import[]): string[][] {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of edges) if (from !== to) next.set(from, (next.get(from) ?? new Set()).add(to));
  const reached = (start: string): Set<string> => {
    const seen = new Set<string>();
    const open = [...(next.get(start) ?? [])];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      open.push(...(next.get(node) ?? []));
    }
    return seen;
  };
  const reach = new Map([...next.keys()].map((node) => [node, reached(node)]));
  const groups = [...reach].flatMap(([node, seen]) =>
    seen.has(node) ? [[...seen].filter((other) => reach.get(other)?.has(node)).sort()] : [],
  );
  return [...new Map(groups.map((group) => [group.join(), group])).values()];
}

describe('the layers of src', () => {
  it('every file of src belongs to a layer', () => {
    expect(files.length).toBeGreaterThan(300);
    expect(imports.length).toBeGreaterThan(1_000);
    expect(files.filter((file) => roomOf(file) === '')).toEqual([]);
  });

  it('a layer imports only from lower layers', () => {
    const upward = imports.filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      return room !== other && (LEVELS.get(other) ?? 0) >= (LEVELS.get(room) ?? 0);
    });
    expect(upward.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  it('imports between files have no cycle', () => {
    expect(cycles(imports)).toEqual([]);
  });

  it('imports between folders have no cycle, except between a folder and its subfolders', () => {
    const folders = imports.map(({ from, to }) => ({ from: roomOf(from), to: roomOf(to) }));
    expect(cycles(folders)).toEqual([]);
  });

  it('the root of the core has only two files', () => {
    const inRoot = files.filter((file) => dirname(file) === CORE);
    expect(inRoot.sort()).toEqual([`${CORE}/session-manager.ts`, `${CORE}/types.ts`]);
  });

  it('docs/architecture.md shows the layers of src', () => {
    const text = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
    const rows = [...text.matchAll(/^\| (\d+) +\| (.+?) +\|/gm)].map(([, level, rooms = '']) => ({
      level: Number(level),
      rooms: [...rooms.matchAll(/`([^`]+)`/g)].map(([, room = '']) =>
        room.startsWith('src/') ? room.replace(/\/$/, '') : `${CORE}/${room.replace(/\/$/, '')}`,
      ),
    }));
    expect(rows).toEqual(LAYERS.map((rooms, index) => ({ level: index + 1, rooms })));
  });
});

describe('src/danger', () => {
  const isInner = (file: string): boolean => file.startsWith('src/danger/') && file !== 'src/danger/index.ts';

  it('src/danger is imported through its index, except by its own tests and the benchmarks', () => {
    const others = ['test', 'examples'].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => /\.tsx?$/.test(path))
        .map((path) => `${folder}/${path.split(sep).join('/')}`)
        .filter((path) => !path.startsWith('test/danger/')),
    );
    const all = [...imports, ...others.flatMap(importsOf)];
    const inner = all.filter(({ from, to }) => !from.startsWith('src/danger/') && isInner(to));
    expect(inner.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
    expect(all.filter(({ from, to }) => isInner(from) && isInner(to))).not.toEqual([]);
  });

  it('src/danger imports only its own files and the parser', () => {
    const foreign = files
      .filter((file) => file.startsWith('src/danger/'))
      .flatMap((from) => {
        const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, from), 'utf8'), true, true);
        const names = importedFiles.map(({ fileName }) =>
          fileName.startsWith('.')
            ? relative(ROOT, resolve(ROOT, dirname(from), fileName))
                .split(sep)
                .join('/')
            : fileName,
        );
        return names.filter((name) => name !== 'unbash' && !name.startsWith('src/danger/'));
      });
    expect(foreign).toEqual([]);
  });
});

describe('a file of src', () => {
  it('a file of src has at most 300 lines', () => {
    const lines = files.map(
      (file) => [file, readFileSync(join(ROOT, file), 'utf8').trimEnd().split('\n').length] as const,
    );
    expect(lines.filter(([, count]) => count > 300)).toEqual([]);
  });

  it('awaits nothing within a list of promises: if one of those before it is rejected meanwhile, nobody handles that', () => {
    const found = files.flatMap((file) =>
      listsOfPromises(file).flatMap((list) =>
        list.elements
          .slice(1)
          .filter(awaits)
          .map((item) => [file, item.getText()]),
      ),
    );
    expect(found).toEqual([]);
  });
});

/** The lists that are given to `Promise.all`, `allDone` and the like. */
function listsOfPromises(file: string): ts.ArrayLiteralExpression[] {
  const source = ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const lists: ts.ArrayLiteralExpression[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^(Promise\.\w+|allDone)$/.test(node.expression.getText())) {
      lists.push(...node.arguments.filter(ts.isArrayLiteralExpression));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return lists;
}

function awaits(node: ts.Node): boolean {
  if (ts.isFunctionLike(node)) return false;
  return ts.isAwaitExpression(node) || ts.forEachChild(node, (child) => awaits(child) || undefined) === true;
}
