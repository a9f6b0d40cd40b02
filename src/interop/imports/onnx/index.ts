/** Imports ONNX models. */
import { invalidFile } from '../../invalid.js';
import { importFrom, unknownNode } from '../finish.js';
import type { Draft, ForeignLayer, Imported, ImportSource } from '../imported.js';
import { type ImportOptions, type OpenOptions, requireImport } from '../options.js';
import { exportedModel } from './exported.js';
import { readOnnx } from './file.js';
import { Interpreter } from './interpret.js';
import { chain, isUsable, modelOf, reads, type UsableLayer } from './model.js';
import { type Flow, inputLabel, type Layer, type Other, type Source } from './value.js';
import type { Labels } from './views.js';

/** The operators without a layer that layers or outputs depend on. */
function relevantOthers(layers: Iterable<Layer>, outputs: readonly Flow[]): Set<Other> {
  const roots = [...layers].map(({ input }) => input.source).concat(outputs.map(({ source }) => source));
  const found = new Set<Source>(roots);
  for (const source of found) if (source.kind === 'other') for (const input of source.inputs) found.add(input);
  return new Set([...found].filter((source): source is Other => source.kind === 'other' && !source.quiet));
}

/** What is listed of a file: layers, and operators that no layer expresses, in the order of the file. */
function contentsOf(interpreter: Interpreter, outputs: readonly Flow[]): ForeignLayer[] {
  const { layers, others, claimed } = interpreter;
  const relevant = relevantOthers(layers.keys(), outputs);
  const listed: (readonly [number, ForeignLayer])[] = [];
  for (const [layer, at] of layers) {
    const { name, kind, size, content } = layer;
    listed.push([at, { name, kind, size, problem: typeof content === 'string' ? content : null }]);
  }
  const names = new Set(listed.map(([, { name }]) => name));
  for (const [other, at] of others) {
    const { node, problem } = other;
    if (!relevant.has(other) || claimed.has(node) || names.has(node.name)) continue;
    names.add(node.name);
    listed.push([at, { name: node.name, kind: node.op, size: '', problem }]);
  }
  return listed.sort(([a], [b]) => a - b).map(([, layer]) => layer);
}

/** The layers that `node` names: one, or several in order, separated by commas. */
function selected(
  node: string,
  layers: readonly Layer[],
  listed: readonly ForeignLayer[],
  file: string,
): UsableLayer[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const names = byName.has(node) ? [node] : node.split(',').map((name) => name.trim());
  const found = names.map((name) => {
    const layer = byName.get(name);
    const problem = listed.find((one) => one.name === name)?.problem;
    if (problem) throw invalidFile(file, `${name} cannot be imported: ${problem}`);
    if (!layer || !isUsable(layer))
      throw unknownNode(
        name,
        listed.filter((one) => one.problem === null),
      );
    return layer;
  });
  found.slice(1).forEach((layer, i) => {
    if (reads(layer, found[i]!)) return;
    throw invalidFile(
      file,
      `${layer.name} does not read the output of ${found[i]!.name}.`,
      'Name layers in their order.',
    );
  });
  return found;
}

/** A note if the file reads all steps of a sequence before those of the next. */
function batchNotes({ input: { source } }: Layer, labels: Labels): string[] {
  const label = (k: number): string => labels.of({ label: inputLabel(source, k), size: null });
  if (label(0) !== 'N' || label(1) !== 'T') return [];
  return ['The file reads batch first, [N, T, ...]; the model reads [T, N, ...] unless batchFirst is given.'];
}

/** Opens an ONNX model. */
export function openOnnx(bytes: Uint8Array, { file }: OpenOptions): ImportSource {
  const onnx = readOnnx(bytes, (problem, help) => {
    throw invalidFile(file, problem, help);
  });
  const interpreter = new Interpreter(bytes.length, (problem, help) => {
    throw invalidFile(file, problem, help);
  });
  const outputs = interpreter.run(onnx.graph);
  const listed = contentsOf(interpreter, outputs);
  const layers = [...interpreter.layers].sort(([, a], [, b]) => a - b).map(([layer]) => layer);
  return {
    format: 'an ONNX model',
    layers: listed,
    read(node): Draft {
      if (node !== undefined) return modelOf(selected(node, layers, listed, file), [], file);
      const order = chain(layers.filter(isUsable), file);
      const used = order.map(({ name }) => name);
      const exported = exportedModel(bytes, onnx, order);
      if (exported) return { ...exported, used };
      const draft = modelOf(order, outputs, file);
      return { ...draft, notes: [...draft.notes, ...batchNotes(order[0]!, interpreter.labels)] };
    },
  };
}

/**
 * Imports an ONNX model. Its layers are LSTM operators, also in the bodies of `If`, `Loop` and `Scan`, one step of an LSTM as single
 * operators, MatMul or Gemm with constant weights, and Gather from a constant table. Throws `INVALID_FILE`, and `INVALID_SETTING`
 * for an unknown `node`.
 */
export function fromOnnx(bytes: Uint8Array, options: ImportOptions = {}): Imported {
  requireImport(bytes, options);
  const { file = 'ONNX file' } = options;
  return importFrom(openOnnx(bytes, { file, part: null }), { ...options, file });
}
