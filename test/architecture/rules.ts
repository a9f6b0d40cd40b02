/**
 * Which part of the program may import which. This table is the only statement of it: imports.test.ts holds the code to it
 * and draws the diagram in docs/architecture.md from it.
 *
 * A part is a folder of src, a backend, or a file at the top of src. Every entry of a list is an import that exists today: a
 * new one is added here first, and an old one that is gone is removed.
 */
export const RULES: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  errors: [],
  native: [],
  checks: ['errors'],
  core: ['contract', 'errors', 'checks'],
  infer: ['core', 'errors'], // types only
  'kernels/shared': ['contract'],
  metrics: ['errors', 'checks'],
  data: ['errors', 'checks', 'core'],
  'kernels/gpu': ['contract', 'errors', 'checks', 'kernels/shared'],
  'kernels/reference': ['contract', 'errors', 'kernels/shared'],
  'kernels/wasm': ['contract', 'errors', 'kernels/shared'],
  'kernels/blas': ['contract', 'errors', 'native', 'kernels/shared', 'kernels/wasm'],
  optim: ['contract', 'errors', 'checks', 'core'],
  kernels: [
    'contract',
    'errors',
    'checks',
    'kernels/shared',
    'kernels/gpu',
    'kernels/reference',
    'kernels/wasm',
    'kernels/blas',
  ],
  train: ['contract', 'errors', 'checks', 'core', 'data', 'optim'],
  estimators: ['contract', 'errors', 'checks', 'core', 'train'],
  distributed: ['contract', 'errors', 'native', 'checks', 'core', 'data', 'optim', 'train'],
  gpu: ['contract', 'errors', 'checks', 'core', 'kernels/gpu', 'optim', 'kernels', 'train'],
  interop: ['contract', 'errors', 'checks', 'core', 'data', 'train'],
  create: ['contract', 'errors', 'checks', 'core', 'kernels', 'train', 'interop'],
  tasks: ['errors', 'checks', 'core', 'metrics', 'data', 'train', 'interop', 'kernels', 'create'],
  lab: ['contract', 'errors', 'checks', 'core', 'metrics', 'optim', 'kernels', 'train', 'estimators'],
  index: ['contract', 'errors', 'core', 'metrics', 'data', 'optim', 'kernels', 'train', 'interop', 'create'],
  inspect: ['contract', 'errors', 'checks', 'core', 'kernels/reference', 'estimators', 'lab'],
  node: ['contract', 'errors', 'checks', 'core', 'data', 'kernels', 'interop', 'create'],
  tune: ['errors', 'checks', 'core', 'train'],
  worker: ['contract', 'errors', 'checks', 'core', 'data', 'optim', 'kernels', 'train', 'interop', 'create'],
  cli: [
    'errors',
    'checks',
    'optim',
    'distributed',
    'gpu',
    'interop',
    'lab',
    'index',
    'inspect',
    'node',
    'tasks',
    'tune',
  ],
};

/** The part that a file of src belongs to; `file` is its path from the root of the repository. */
export function partOf(file: string): string {
  const [, top = '', second = '', third] = file.split('/');
  if (second === '') return top.replace(/\.ts$/, '');
  return top === 'kernels' && third !== undefined ? `kernels/${second}` : top;
}

/** How high each part is: 0 for one that imports nothing, else one more than the highest part that it may import. */
export function floorsOf(rules: typeof RULES): Map<string, number> {
  const floors = new Map<string, number>();
  const floorOf = (part: string, above: readonly string[]): number => {
    if (above.includes(part)) throw new Error(`Parts import each other: ${[...above, part].join(' -> ')}`);
    const known = floors.get(part);
    if (known !== undefined) return known;
    const floor = Math.max(-1, ...rules[part]!.map((below) => floorOf(below, [...above, part]))) + 1;
    floors.set(part, floor);
    return floor;
  };
  for (const part of Object.keys(rules)) floorOf(part, []);
  return floors;
}

/** Mermaid source: an arrow from each part to those it imports, leaving out arrows that others imply. */
export function diagramOf(rules: typeof RULES): string {
  const reach = (part: string): Set<string> => new Set(rules[part]!.flatMap((below) => [below, ...reach(below)]));
  const id = (part: string): string => part.replace(/\W/g, '_');
  const floors = floorsOf(rules);
  const rows: string[] = [];
  for (let floor = Math.max(...floors.values()); floor >= 0; floor--) {
    const parts = Object.keys(rules).filter((part) => floors.get(part) === floor);
    rows.push(`  subgraph floor${floor}[ ]`, ...parts.map((part) => `    ${id(part)}["${part}"]`), '  end');
  }
  for (const [part, imports] of Object.entries(rules)) {
    const implied = new Set(imports.flatMap((below) => [...reach(below)]));
    for (const below of imports.filter((b) => !implied.has(b))) rows.push(`  ${id(part)} --> ${id(below)}`);
  }
  return ['```mermaid', 'flowchart TD', ...rows, '```'].join('\n');
}
