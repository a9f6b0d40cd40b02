/** The layers of a spec, forward only. */
import type { ModelSpec } from '../core/spec.js';
import { type Content, type Floats, invalidFile } from './file.js';
import { type Columns, type Lstm, makeLstm } from './lstm.js';
import type { Block, Machine, Weights } from './machine.js';

/** The size of a pass: T time steps of N rows. `lengths`: the steps of each row, if they differ. */
export interface Pass {
  readonly steps: number;
  readonly rows: number;
  lengths: ArrayLike<number> | null;
}

/** What a layer reads: numbers, [T, N, D], or token numbers, [T, N]. */
export interface Source {
  readonly block: Block;
  readonly steps: number;
  /** The rows have different lengths. */
  readonly ragged: boolean;
}

export interface Layer {
  /** Its LSTMs, bottom first. */
  readonly lstms: readonly Lstm[];
  /** Why a stream cannot compute it step by step; null if it can. */
  readonly whole: string | null;
  /** Allocates for a pass; the returned block receives the output. */
  allocate(from: Source, pass: Pass): Source;
  run(): void;
}

type Spec = ModelSpec['layers'][number];
type Reader = Content['read'];

interface Context {
  readonly machine: Machine;
  readonly read: Reader;
  /** Names in use, as in the engine: a second layer of a name gets a number, a second LSTM a level. */
  readonly unique: (name: string) => string;
  readonly level: (prefix: string) => number;
}

function lstmLayer({ machine, read, level }: Context, spec: Spec & { kind: 'lstm' }, inputSize: number): Layer {
  const { name = 'lstm', direction = 'forward', returns = 'all' } = spec;
  const number = level(name);
  const one = (reverse: boolean): Lstm =>
    makeLstm(machine, spec, inputSize, reverse, (part, shape) =>
      read(`${name}.${part}_l${number}${reverse ? '_reverse' : ''}`, shape),
    );
  const lstms = direction === 'bidirectional' ? [one(false), one(true)] : [one(direction === 'reverse')];
  const last = returns === 'last';
  const width = lstms.reduce((sum, lstm) => sum + lstm.width, 0);
  let from!: Source;
  let pass!: Pass;
  let columns: Columns[] = [];
  return {
    lstms,
    whole:
      direction !== 'forward'
        ? 'reads from the last step to the first'
        : spec.cell?.gateRecurrence
          ? 'needs the gates of the previous step, which a state does not contain'
          : null,
    allocate(source, size) {
      [from, pass] = [source, size];
      const block = machine.allocate((last ? 1 : source.steps) * size.rows * width);
      let column = 0;
      columns = lstms.map((lstm) => {
        lstm.allocate(size.rows);
        column += lstm.width;
        return { block, column: column - lstm.width, width, last };
      });
      return { block, steps: last ? 1 : source.steps, ragged: source.ragged && !last };
    },
    run() {
      for (let i = 0; i < lstms.length; i++) {
        lstms[i]!.run(from.block, from.steps, from.ragged ? pass.lengths : null, columns[i]!);
      }
    },
  };
}

/** (A1) y = x W' + b */
function linearLayer({ machine, read, unique }: Context, spec: Spec & { kind: 'linear' }, inputs: number): Layer {
  const { size: outputs, tied } = spec;
  const name = unique(spec.name ?? 'head');
  const w: Weights = { block: machine.keep(read(`${tied ?? name}.weight`, [outputs, inputs])), outputs, inputs };
  const bias = spec.bias === false ? new Float32Array(outputs) : read(`${name}.bias`, [outputs]);
  let [x, y, rows]: [Block?, Block?, number?] = [];
  return stateless(
    (from, pass) => {
      rows = from.steps * pass.rows;
      [x, y] = [from.block, machine.allocate(rows * outputs)];
      return { ...from, block: y };
    },
    () => {
      for (let row = 0; row < rows!; row++) y!.data.set(bias, row * outputs);
      machine.product(y!, x!, 0, rows!, w);
    },
  );
}

/** One row of the table per token. */
function embeddingLayer({ machine, read, unique }: Context, spec: Spec & { kind: 'embedding' }): Layer {
  const { size, width } = spec;
  const table: Floats = read(`${unique(spec.name ?? 'embedding')}.weight`, [size, width]);
  let [tokens, y]: [Block?, Block?] = [];
  return stateless(
    (from, pass) => {
      [tokens, y] = [from.block, machine.allocate(from.steps * pass.rows * width)];
      return { ...from, block: y };
    },
    () => {
      const { data } = y!;
      for (let k = 0; k < data.length; k++) {
        data[k] = table[tokens!.data[Math.floor(k / width)]! * width + (k % width)]!;
      }
    },
  );
}

/** (S1) One step becomes T equal steps. */
function repeatLayer({ machine }: Context, { steps }: Spec & { kind: 'repeat' }, inputs: number): Layer {
  let [x, y]: [Block?, Block?] = [];
  return {
    lstms: [],
    whole: 'makes many steps of one',
    allocate(from, pass) {
      [x, y] = [from.block, machine.allocate(steps * pass.rows * inputs)];
      return { block: y, steps, ragged: false };
    },
    run() {
      for (let t = 0; t < steps; t++) y!.data.set(x!.data, t * x!.data.length);
    },
  };
}

/** A layer without LSTMs, which a stream computes step by step. */
const stateless = (allocate: Layer['allocate'], run: Layer['run']): Layer => ({
  lstms: [],
  whole: null,
  allocate,
  run,
});

/** Dropout and activity regularization, which act in training only. */
const passed = stateless(
  (from) => from,
  () => {},
);

/** Gives names and levels as the engine does (core/build.ts). */
function namesOf(): Pick<Context, 'unique' | 'level'> {
  const [used, levels] = [new Set<string>(), new Map<string, number>()];
  return {
    unique(wanted) {
      let [name, n] = [wanted, 1];
      while (used.has(name)) name = `${wanted}${++n}`;
      used.add(name);
      return name;
    },
    level(prefix) {
      const level = levels.get(prefix) ?? 0;
      levels.set(prefix, level + 1);
      return level;
    },
  };
}

const isSize = (size: unknown): boolean =>
  Number.isInteger(size) && (size as number) > 0 && (size as number) <= 1 << 24;

/** The sizes in a layer's spec. */
const SIZES: Readonly<Record<string, readonly string[]>> = {
  lstm: ['hiddenSize'],
  linear: ['size'],
  embedding: ['size', 'width'],
  repeat: ['steps'],
  dropout: [],
  activity: [],
};

/** The layers of a model file, and the widths of its input and output. Throws `INVALID_FILE`. */
export function buildLayers({ spec, read }: Pick<Content, 'spec' | 'read'>, machine: Machine) {
  const context: Context = { machine, read, ...namesOf() };
  const { inputSize = 0 } = spec;
  const first = spec.layers[0];
  const tokens = first?.kind === 'embedding' ? first.size : 0;
  let width = inputSize;
  const layers = spec.layers.map((layer, i): Layer => {
    const sizes = Object.hasOwn(SIZES, layer?.kind) ? SIZES[layer.kind]! : ['kind'];
    const known = layer as unknown as Readonly<Record<string, unknown>> | null;
    const ok = sizes.every((key) => isSize(known?.[key])) && (isSize(width) || (tokens > 0 && i === 0));
    if (!ok) throw invalidFile(`has an invalid or unknown layer, layers[${i}]`);
    const inputs = width;
    switch (layer.kind) {
      case 'embedding':
        width = layer.width;
        return embeddingLayer(context, layer);
      case 'lstm':
        width = (layer.projectionSize ?? layer.hiddenSize) * (layer.direction === 'bidirectional' ? 2 : 1);
        return lstmLayer(context, layer, inputs);
      case 'linear':
        width = layer.size;
        return linearLayer(context, layer, inputs);
      case 'repeat':
        return repeatLayer(context, layer, inputs);
      default:
        context.unique(layer.name ?? layer.kind);
        return passed;
    }
  });
  if (!layers.some(({ lstms }) => lstms.length > 0)) throw invalidFile('has no LSTM');
  return { layers, inputSize: tokens > 0 ? 0 : inputSize, tokens, outputSize: width };
}
