/** Finds the first NaN or infinity, in the order of computation, after a loss or gradient was not finite. */

import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Tape } from '../core/tape.js';
import { UnspoolError } from '../errors.js';

interface Finding {
  readonly tensor: string;
  readonly where: string;
  readonly value: number;
  readonly help?: string;
}

const badIndex = (values: FloatArray): number => values.findIndex((v: number) => !Number.isFinite(v));

/** `at` describes a row of the matrix for the message. */
async function inMatrix(
  k: Kernels,
  m: Matrix,
  tensor: string,
  at: (row: number) => string = (row) => `row ${row}`,
): Promise<Finding | null> {
  const values = await k.download(m);
  const index = badIndex(values);
  if (index < 0) return null;
  const where = `at ${at(Math.floor(index / m.cols))}, column ${index % m.cols}`;
  return { tensor, where, value: values[index]! };
}

/** Describes a row of a matrix with `rows` rows per time step. */
const stepAndRow =
  (rows: number) =>
  (row: number): string =>
    `time step ${Math.floor(row / rows)}, row ${row % rows}`;

/** The first parameter (or gradient) that is not finite. */
export async function notFiniteIn(k: Kernels, arena: Arena, what: string): Promise<Finding | null> {
  for (const { name } of arena.layout.entries) {
    const found = await inMatrix(k, arena.handle(name), `${what}${name}`);
    if (found) return found;
  }
  return null;
}

const GATES = ['input gate i', 'forget gate f', 'candidate g', 'output gate o'];

/** The first number of a forward pass that is not finite: of the input, then by layer, time step and equation F2-F4. */
async function notFiniteOnTape(k: Kernels, tape: Tape): Promise<Finding | null> {
  if (tape.input.kind === 'values') {
    const found = await inMatrix(k, tape.input.x, 'the input', stepAndRow(tape.shape.batchSize));
    if (found) return { ...found, help: 'Check the data: all inputs must be finite.' };
  }
  const parts = tape.layers.flatMap((l) => (l.kind === 'bidirectional' ? [l.forwards, l.backwards] : [l]));
  for (const layer of parts) {
    if (layer.kind !== 'lstm') {
      const what = `output of layer ${layer.name}`;
      const single = layer.outputSteps === 1; // one row per sequence, without a time step
      const found = await inMatrix(k, layer.y, what, single ? undefined : stepAndRow(tape.shape.batchSize));
      if (found) return found;
      continue;
    }
    const steps = [...layer.steps.entries()];
    for (const [t, { y }] of layer.reverse ? steps.reverse() : steps) {
      const gates = await k.download(y.gates);
      const bad = badIndex(gates);
      if (bad >= 0) {
        const column = bad % y.gates.cols;
        const gate = GATES[Math.floor(column / layer.hiddenSize)]!;
        const where = `row ${Math.floor(bad / y.gates.cols)}, unit ${column % layer.hiddenSize}`;
        return { tensor: `${gate} of layer ${layer.name}`, where: `at time step ${t}, ${where}`, value: gates[bad]! };
      }
      const at = (row: number): string => `time step ${t}, row ${row}`;
      const found =
        (await inMatrix(k, y.c, `cell state c of layer ${layer.name}`, at)) ??
        (await inMatrix(k, y.h, `output h of layer ${layer.name}`, at));
      if (found) return found;
    }
  }
  return null;
}

/** The error for the first bad number: of the parameters, then of the forward pass, then of the gradients. */
export async function notFiniteError(
  k: Kernels,
  update: number,
  loss: number,
  parts: { readonly parameters: Arena; readonly tape: Tape; readonly gradients: Arena },
): Promise<UnspoolError> {
  const found = (await notFiniteIn(k, parts.parameters, 'parameter ')) ??
    (await notFiniteOnTape(k, parts.tape)) ??
    (Number.isFinite(loss) ? await notFiniteIn(k, parts.gradients, 'gradient of ') : null) ?? {
      tensor: Number.isFinite(loss) ? 'gradient norm' : 'loss',
      where: 'although parameters, input and outputs are finite',
      value: Number.isFinite(loss) ? Number.POSITIVE_INFINITY : loss,
      help: 'Lower the learning rate or scale the data down, and check that all targets are finite.',
    };
  return notFinite(update, found);
}

/** The error for a loss of data that are not trained on. */
export async function notFiniteLoss(
  k: Kernels,
  parameters: Arena,
  tape: Tape,
  loss: number,
  batch: number,
): Promise<UnspoolError> {
  const found = (await notFiniteIn(k, parameters, 'parameter ')) ?? (await notFiniteOnTape(k, tape));
  const where = `in batch ${batch}`;
  return notFinite(
    null,
    found ? { ...found, where: `${found.where}, ${where}` } : { tensor: 'loss', where, value: loss },
  );
}

export function notFinite(update: number | null, found: Finding): UnspoolError {
  const help = 'Lower the learning rate, or clip the gradient norm (often to 1).';
  return new UnspoolError({ code: 'NOT_FINITE', update, help, ...found });
}
