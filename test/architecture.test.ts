/** Imports go one way, as docs/architecture.md draws it; the public entry only re-exports; files stay readable. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix, sep } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOT = join(__dirname, '..', 'src');

interface Import {
  readonly from: string;
  readonly to: string;
  /** True for `import type` and `export type`: nothing is left of it in the program. */
  readonly typeOnly: boolean;
}

const ALL = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(sep).join('/'))
  .filter((name) => name.endsWith('.ts'))
  .sort();

/** AssemblyScript is another language with a compiler of its own: its folder is no part of the program's imports. */
const FILES = ALL.filter((name) => !name.startsWith('kernels/wasm/assembly/'));

const source = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** Comments out, so that a word in one is not taken for code. */
const code = (file: string): string =>
  source(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '');

/** Paths inside src come back as `core/model.ts`, packages as they are written. */
function importsOf(file: string): Import[] {
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g;
  return [...code(file).matchAll(pattern)].map((match) => {
    const target = (match[2] ?? match[3])!;
    const inside = target.startsWith('.');
    const path = inside ? posix.normalize(posix.join(posix.dirname(file), target)).replace(/\.js$/, '.ts') : target;
    return { from: file, to: path, typeOnly: match[1] !== undefined };
  });
}

const IMPORTS = FILES.flatMap(importsOf);
const isInside = (i: Import): boolean => i.to.endsWith('.ts');

/** Where a file belongs: `kernels/NAME` for a backend, the folder, or the file itself at the top. */
function areaOf(file: string): string {
  const [top, second] = file.split('/');
  if (!file.includes('/')) return file;
  return top === 'kernels' && file.split('/').length > 2
    ? `kernels/${second}`
    : file.startsWith('kernels/')
      ? file
      : top!;
}

/** What each area may import besides itself. `kernels/*` stands for any backend. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  core: ['errors.ts'],
  'kernels/*': ['contract/kernels.ts', 'errors.ts', 'kernels/shared/philox.ts', 'kernels/shared/ctc.ts'],
  'kernels/shared/ctc.ts': ['contract/kernels.ts'],
  'kernels/shared/philox.ts': ['contract/kernels.ts'],
  'kernels/select.ts': ['contract/kernels.ts', 'errors.ts', 'kernels/*'],
  estimators: ['core', 'errors.ts'],
  optim: ['core', 'errors.ts'],
  data: ['core', 'errors.ts'],
  metrics: ['errors.ts'],
  inspect: ['core', 'errors.ts', 'estimators', 'lab'],
  interop: ['core', 'errors.ts', 'data/vocabulary.ts'],
  infer: [],
  'create.ts': ['core', 'errors.ts', 'interop', 'kernels/select.ts'],
  'index.ts': [
    'core',
    'create.ts',
    'data',
    'errors.ts',
    'estimators',
    'inspect',
    'interop',
    'kernels/select.ts',
    'metrics',
    'optim',
  ],
  worker: ['core', 'create.ts', 'data', 'errors.ts', 'interop', 'kernels/select.ts', 'optim'],
  gpu: ['core', 'errors.ts', 'kernels/select.ts', 'kernels/*', 'optim'],
  node: ['core', 'create.ts', 'errors.ts', 'index.ts', 'interop', 'kernels/select.ts'],
  lab: ['core', 'errors.ts', 'estimators', 'kernels/select.ts', 'metrics', 'optim'],
  cli: ['errors.ts', 'gpu', 'index.ts', 'inspect', 'lab', 'node'],
};

const ruleOf = (area: string): string => (area.startsWith('kernels/') && !area.endsWith('.ts') ? 'kernels/*' : area);

describe('imports', () => {
  test('all of them are found', () => {
    expect(FILES.length).toBeGreaterThan(30);
    const found = IMPORTS.filter((i) => i.from === 'core/lstm/step-view.ts').map((i) => i.to);
    expect(found.sort()).toEqual(
      [
        'contract/kernels.ts',
        'core/lstm/gate-gradients.ts',
        'core/lstm/program.ts',
        'core/lstm/spec.ts',
        'core/memory/views.ts',
        'errors.ts',
      ].sort(),
    );
    for (const { from, to } of IMPORTS.filter(isInside))
      expect({ from, there: FILES.includes(to), to }).toMatchObject({ there: true });
  });

  test('every file belongs to a known area', () => {
    expect(FILES.map(areaOf).filter((area) => !ALLOWED[ruleOf(area)])).toEqual([]);
  });

  test('go one way', () => {
    const wrong = IMPORTS.filter(isInside).filter(({ from, to }) => {
      const [here, there] = [areaOf(from), areaOf(to)];
      if (here === there) return false;
      return !ALLOWED[ruleOf(here)]!.some((a) => a === to || a === there || a === ruleOf(there));
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test('core never imports a backend, and backends never each other', () => {
    const backends = IMPORTS.filter((i) => i.to.startsWith('kernels/'));
    expect(backends.filter((i) => i.from.startsWith('core/'))).toEqual([]);
    // What every backend on this side computes in the same way: the generator and the lattice.
    const shared = ['kernels/shared/philox.ts', 'kernels/shared/ctc.ts'];
    const across = backends.filter(
      (i) => i.from.startsWith('kernels/') && areaOf(i.from) !== areaOf(i.to) && !shared.includes(i.to),
    );
    expect(new Set(across.map((i) => i.from))).toEqual(new Set(['kernels/select.ts']));
  });

  test('of files that lead back to themselves are of types only', () => {
    const graph = new Map(FILES.map((f) => [f, IMPORTS.filter((i) => i.from === f && isInside(i) && !i.typeOnly)]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (path.includes(file) || done.has(file)) return;
      for (const next of graph.get(file)!) visit(next.to, [...path, file]);
      done.add(file);
    };
    for (const file of FILES) visit(file, []);
    expect(cycles).toEqual([]);
  });

  test('packages: ndarray and seedrandom, and what draws reports; what belongs to Node only in src/node and src/cli', () => {
    const isBuiltin = (name: string): boolean =>
      name.startsWith('node:') || builtinModules.includes(name.split('/')[0]!);
    const outside = IMPORTS.filter((i) => !isInside(i));
    const nodes = outside.filter((i) => isBuiltin(i.to));
    expect(nodes.filter((i) => !/^(node|cli)\//.test(i.from))).toEqual([]);
    expect(nodes.every((i) => i.to.startsWith('node:'))).toBe(true);
    const packages = outside.filter((i) => !isBuiltin(i.to));
    expect([...new Set(packages.map((i) => i.to.split('/')[0]))].sort()).toEqual([
      '@observablehq',
      '@resvg',
      'd3-dsv',
      'linkedom',
      'ndarray',
      'seedrandom',
    ]);
    // What draws reports is loaded by the command line alone, where it is installed.
    const drawing = packages.filter((i) => /^(@observablehq|@resvg|linkedom)/.test(i.to)).map((i) => i.from);
    expect([...new Set(drawing)]).toEqual(['cli/inspect/run.ts', 'cli/report/plot.ts']);
    const manifest = JSON.parse(readFileSync(join(ROOT, '..', 'package.json'), 'utf8')) as { dependencies?: object };
    expect(manifest.dependencies).toBeUndefined(); // all are packed along
  });

  test('a name that only Node has is used nowhere else', () => {
    const users = FILES.filter(
      (f) => !/^(node|cli)\//.test(f) && /\b(process\.|Buffer\b|require\(|__dirname\b)/.test(code(f)),
    );
    expect(users).toEqual([]);
  });
});

describe('files', () => {
  test('have at most 300 lines, unless a program made them', () => {
    const written = ALL.filter((f) => !/^(\/\/|\/\*\*) Made by /.test(source(f)));
    const lengths = written.map((f) => ({ file: f, lines: source(f).trimEnd().split('\n').length }));
    expect(lengths.filter(({ lines }) => lines > 300)).toEqual([]);
  });

  test('index.ts holds nothing but re-exports, each by its name', () => {
    const rest = code('index.ts').replace(/export\s+(type\s+)?\{[^}]*\}\s+from\s+'[^']+';/g, '');
    expect(rest.trim()).toBe('');
    expect(code('index.ts')).not.toContain('*');
  });

  test('in docs/architecture.md, every folder of src and every backend has its line', () => {
    const text = readFileSync(join(ROOT, '..', 'docs', 'architecture.md'), 'utf8');
    const areas = new Set(FILES.map(areaOf).map((area) => (area.endsWith('.ts') ? `src/${area}` : `src/${area}/`)));
    expect([...areas].filter((area) => !text.includes(area))).toEqual([]);
  });
});
