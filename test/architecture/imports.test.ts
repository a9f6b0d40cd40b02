/** Imports point downwards, as docs/architecture.md draws it. Run with UPDATE_DOCS=1 to redraw the diagram there. */
import { writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { filesIn, ROOT, read, resolved, sourceOf } from '../support/source.js';
import { diagramOf, floorsOf, partOf, RULES } from './rules.js';

/** AssemblyScript is a language with its own compiler and runtime: its files import only each other. */
const FILES = filesIn('src', ['.ts']).filter((file) => !file.includes('/assembly/') && !file.endsWith('.d.ts'));

const IMPORTS = FILES.flatMap((from) =>
  sourceOf(from).imports.map(({ to, typeOnly }) => ({ from, to: resolved(from, to), typeOnly })),
);
const INSIDE = IMPORTS.filter(({ to }) => to.startsWith('src/'));
const OUTSIDE = IMPORTS.filter(({ to }) => !to.startsWith('src/'));

const isBuiltin = (name: string): boolean => name.startsWith('node:') || builtinModules.includes(name.split('/')[0]!);

describe('imports inside src', () => {
  test('are all found by the parser', () => {
    const found = INSIDE.filter(({ from }) => from === 'src/core/lstm/step-view.ts').map(({ to }) => to);
    expect(found).toContain('src/contract/kernels.ts');
    expect(
      INSIDE.filter(({ to }) => !FILES.includes(to) && !to.includes('/generated/')).map(
        ({ from, to }) => `${from} -> ${to}`,
      ),
    ).toEqual([]);
    process.stdout.write(`${FILES.length} files, ${INSIDE.length} imports between them\n`);
  });

  test('every file belongs to a part that the rules name', () => {
    expect(FILES.filter((file) => !RULES[partOf(file)])).toEqual([]);
  });

  test('no import is forbidden by the rules', () => {
    const wrong = INSIDE.filter(({ from, to }) => {
      const [here, there] = [partOf(from), partOf(to)];
      return here !== there && !RULES[here]?.includes(there);
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test('no rule allows an import that does not exist', () => {
    const used = new Set(INSIDE.map(({ from, to }) => `${partOf(from)} -> ${partOf(to)}`));
    const allowed = Object.entries(RULES).flatMap(([part, imports]) => imports.map((below) => `${part} -> ${below}`));
    expect(allowed.filter((rule) => !used.has(rule))).toEqual([]);
  });

  test('no part imports a part above it', () => {
    const floors = floorsOf(RULES); // throws where parts import each other
    for (const [part, imports] of Object.entries(RULES))
      for (const below of imports) expect(floors.get(below)!).toBeLessThan(floors.get(part)!);
  });

  test('no file imports itself through others, types included', () => {
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (path.includes(file) || done.has(file)) return;
      for (const { from, to } of INSIDE) if (from === file) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of FILES) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

test('unspool/infer has nothing of the engine but types', () => {
  const used = INSIDE.filter(
    ({ from, to, typeOnly }) => partOf(from) === 'infer' && partOf(to) !== 'infer' && !typeOnly,
  );
  expect(used).toEqual([]);
});

describe('imports from outside', () => {
  test('Node modules are imported by src/node and src/cli only, with their node: prefix', () => {
    const builtins = OUTSIDE.filter(({ to }) => isBuiltin(to));
    expect(builtins.filter(({ from }) => !/^src\/(node|cli)\//.test(from))).toEqual([]);
    expect(builtins.filter(({ to }) => !to.startsWith('node:'))).toEqual([]);
  });

  test('a global that only Node has is used by src/node and src/cli only', () => {
    const inCode = (file: string): string => read(file).replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '');
    const portable = FILES.filter((file) => !/^src\/(node|cli)\//.test(file));
    expect(portable.filter((file) => /\b(process\.|Buffer\b|require\(|__dirname\b)/.test(inCode(file)))).toEqual([]);
  });

  test('the library needs ndarray and seedrandom; optional packages are loaded on demand', () => {
    const packages = OUTSIDE.filter(({ to }) => !isBuiltin(to));
    const nameOf = (to: string): string => to.split('/')[0]!;
    expect([...new Set(packages.map(({ to }) => nameOf(to)))].sort()).toEqual([
      '@observablehq',
      '@resvg',
      'hyparquet',
      'linkedom',
      'ndarray',
      'seedrandom',
    ]);
    const drawing = packages.filter(({ to }) => /^(@observablehq|@resvg|linkedom)/.test(to));
    expect([...new Set(drawing.map(({ from }) => from))]).toEqual(['src/cli/inspect/run.ts', 'src/cli/report/plot.ts']);
    const manifest = JSON.parse(read('package.json')) as { dependencies?: object };
    expect(manifest.dependencies).toBeUndefined(); // the bundle contains ndarray and seedrandom
  });
});

describe('docs/architecture.md', () => {
  const page = 'docs/architecture.md';
  const BLOCK = /```mermaid\n[\s\S]*?```/;

  test('shows the diagram of these rules (UPDATE_DOCS=1 npx jest test/architecture redraws it)', () => {
    const wanted = diagramOf(RULES);
    if (process.env.UPDATE_DOCS) writeFileSync(join(ROOT, page), read(page).replace(BLOCK, wanted));
    expect(read(page).match(BLOCK)?.[0]).toBe(wanted);
  });

  test('describes every folder of src', () => {
    const folders = new Set(FILES.map(partOf).filter((part) => !FILES.includes(`src/${part}.ts`)));
    expect([...folders].filter((folder) => !read(page).includes(`src/${folder}/`))).toEqual([]);
  });

  test('src/index.ts contains nothing but re-exports by name', () => {
    const kinds = sourceOf('src/index.ts').body.map(({ type, source }) => (source ? type : `${type} without a source`));
    expect(new Set(kinds)).toEqual(new Set(['ExportNamedDeclaration']));
  });
});
