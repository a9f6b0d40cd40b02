/**
 * The JavaScript heap does not grow during a training. Each case is a separate process that writes a heap snapshot early
 * and again many updates later. A snapshot gives the size of every object, so a leak is known to the byte; `heapUsed` varies
 * by 200 KB with the memory that V8 reserves. V8's code and feedback vectors are not counted: V8 drops and recreates them,
 * and they grow for thousands of updates.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

const folder = mkdtempSync(join(tmpdir(), 'unspool-heap-'));
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * The updates after which the early snapshots are written: by then all one-time allocations are done, also those at the end of
 * the first epoch, which has 252 updates. The first snapshot is not compared, because writing it allocates, too.
 */
const EARLY = [700, 750];

/** What may be there late that was not there early, in bytes: less than an object for each update, which has at least 12. */
const SLACK = 4_000;

interface Measured {
  readonly snapshot: string;
  readonly arrayBuffers: number;
  readonly inUse: number;
}

/** How updates are made. Runs in the process, as text: it sees `engine` (the package) and `settings`. */
const WAYS = {
  fit: `
    const options = { optimizer: engine.adam(), clipNorm: 1, epochs: 1e6, maxUpdates: settings.last, validateEvery: 25 };
    for await (const event of engine.fit(model, data, options)) if (event.kind === 'update') await updated(event.update);`,
  'by hand': `
    const optimizer = new engine.OptimizerRun(model.kernels, engine.adam(), model.parameters);
    const [tape, gradients] = [model.tape({ steps: settings.steps, batchSize: settings.batchSize }), model.arena()];
    for (let step = 1; step <= settings.last; step++) {
      const batch = data.train.batch(step % data.train.length);
      await model.gradients(batch, { tape, gradients, from: tape });
      optimizer.apply(gradients.matrix, step, 0.001);
      if (!Number.isFinite(tape.steps[2].gates.f.get(0, 1))) throw new Error('not finite');
      await updated(step);
    }`,
  'tapes freed': `
    for (let step = 1; step <= settings.last; step++) {
      const { tape, gradients } = await model.gradients(data.train.batch(step % data.train.length));
      if (!Number.isFinite(tape.steps[2].grad.gates.f.get(0, 1))) throw new Error('not finite');
      const prediction = await model.predict([1, 2, 3]);
      if (!Number.isFinite(prediction.output.get(0, 0, 0))) throw new Error('not finite');
      for (const done of [tape, gradients]) done.free();
      await updated(step);
    }`,
} as const;

const PROGRAM = (way: string, settings: object): string => `
  const settings = ${JSON.stringify(settings)};
  const engine = await import(${JSON.stringify(join(ROOT, 'dist/index.js'))});
  const { batchSize, steps, validationSplit, backend, threads } = settings;
  const text = 'it was the best of times, it was the worst of times. '.repeat(40);
  const data = engine.textStreams(text, { batchSize, steps, validationSplit });
  const { size } = data.vocabulary;
  const lstm = { kind: 'lstm', hiddenSize: settings.hidden };
  const layers = [{ kind: 'embedding', size, width: 5 }, lstm, { kind: 'linear', size }];
  const model = await engine.createModel({ layers }, { backend, threads });
  const { writeHeapSnapshot } = await import('node:v8');
  const updated = async (step) => {
    if (step % 50 === 0) gc(); // tables of weak references are as large as what was not yet collected
    if (!settings.looks.includes(step)) return;
    for (let i = 0; i < 3; i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 20)); // what finalizers do comes between tasks
    }
    const { arrayBuffers } = process.memoryUsage();
    const snapshot = writeHeapSnapshot(settings.file + step);
    console.log(JSON.stringify({ snapshot, arrayBuffers, inUse: model.kernels.memory.inUse() }));
  };
  ${way}
  if ((model.kernels.threads ?? 1) !== settings.threads) throw new Error(model.kernels.threads + ' threads ran');
  process.exit(0);`;

function measure(way: string, settings: object): Promise<Measured[]> {
  const newer = Number(process.versions.node.split('.')[0]) >= 22;
  const flags = ['--expose-gc', '--no-opt', '--no-sparkplug', ...(newer ? ['--no-maglev'] : [])];
  const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', PROGRAM(way, settings)]);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
  return new Promise((done, fail) => {
    child.on('error', fail).on('close', (code) => {
      const lines = stdout.split('\n').filter((line) => line !== '');
      if (code !== 0 || lines.length === 0) fail(new Error(`exit code ${code}, ${lines.length} snapshots: ${stderr}`));
      else done(lines.map((line) => JSON.parse(line) as Measured));
    });
  });
}

interface Snapshot {
  readonly snapshot: {
    readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly [string[]] };
  };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

/** Bytes of each kind of object in a snapshot, without code; elements of array buffers are a separate kind. */
function sizes(file: string): Map<string, number> {
  const { snapshot, nodes, strings } = JSON.parse(readFileSync(file, 'utf8')) as Snapshot;
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [type, name, size] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field)) as [
    number,
    number,
    number,
  ];
  const bytes = new Map<string, number>();
  for (let node = 0; node < nodes.length; node += fields.length) {
    const kind = types[0][nodes[node + type]!]!;
    const key = kind === 'string' ? kind : `${kind}: ${strings[nodes[node + name]!]}`;
    if (kind === 'code' || key === 'native: system / JSArrayBufferData') continue;
    bytes.set(key, (bytes.get(key) ?? 0) + nodes[node + size]!);
  }
  return bytes;
}

/** What grew from one snapshot to the other, largest first, and by how many bytes all together (what shrank taken off). */
function growth([early, late]: readonly [Map<string, number>, Map<string, number>]) {
  const kinds = [...new Set([...early.keys(), ...late.keys()])];
  const grew = kinds.map((kind) => ({ kind, bytes: (late.get(kind) ?? 0) - (early.get(kind) ?? 0) }));
  const most = grew.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
  return { bytes: grew.reduce((sum, { bytes }) => sum + bytes, 0), most: most.slice(0, 10) };
}

/** `updates`: between the early look and the late one. */
const SMALL = { batchSize: 2, steps: 4, validationSplit: 0.05, hidden: 3, threads: 1, updates: 1000 };
/** For what happens in every update. `fit` also does some things rarely: it ends epochs and validates. */
const SHORT = { ...SMALL, updates: 400 };
const SHARED = { batchSize: 8, steps: 5, validationSplit: 0.05, hidden: 128, threads: 2, updates: 400 };
const CASES = [
  ...(['fit', 'by hand', 'tapes freed'] as const).flatMap((way) => [
    { way, backend: 'reference', settings: way === 'fit' ? SMALL : SHORT },
    { way, backend: 'wasm', settings: way === 'fit' ? SMALL : SHORT },
  ]),
  { way: 'fit' as const, backend: 'wasm', settings: SHARED },
];

test.each(CASES)('$way on $backend, threads: $settings.threads', async ({ way, backend, settings }) => {
  const looks = [...EARLY, EARLY.at(-1)! + settings.updates];
  const file = join(folder, `${way} ${backend} ${settings.threads} `);
  const [, ...measured] = await measure(WAYS[way], { ...settings, backend, looks, last: looks.at(-1), file });
  expect(measured).toHaveLength(2);
  expect(new Set(measured.map(({ arrayBuffers }) => arrayBuffers)).size).toBe(1);
  expect(new Set(measured.map(({ inUse }) => inUse)).size).toBe(1);
  const { bytes, most } = growth(
    measured.map(({ snapshot }) => sizes(snapshot)) as [Map<string, number>, Map<string, number>],
  );
  if (bytes >= SLACK)
    throw new Error(`${bytes} bytes are left of ${settings.updates} updates: ${JSON.stringify(most)}`);
});
