/** Where the first NaN or infinity stands, once a loss or a gradient is not finite: in the order things are computed. */

import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import { inOrder } from '../core/pass.js';
import type { Tape } from '../core/tape.js';
import { UnspoolError } from '../errors.js';

interface Finding {
  readonly tensor: string;
  readonly where: string;
  readonly value: number;
  readonly help?: string;
}

const badIndex = (values: FloatArray): number => values.findIndex((v: number) => !Number.isFinite(v));

/** `at`: what to call a row of the matrix. */
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

/** The name of a row where there are `rows` of them a time step. */
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

/** The first number of a forward pass that is not finite: the input, then by layer, time step and the order F2-F4. */
async function notFiniteOnTape(k: Kernels, tape: Tape): Promise<Finding | null> {
  if (tape.input.kind === 'values') {
    const found = await inMatrix(k, tape.input.x, 'the input', stepAndRow(tape.shape.batchSize));
    if (found) return { ...found, help: 'Only finite numbers can be learnt from: look at the data.' };
  }
  const parts = tape.layers.flatMap((l) => (l.kind === 'bidirectional' ? [l.forwards, l.backwards] : [l]));
  for (const layer of parts) {
    if (layer.kind !== 'lstm') {
      const what = `output of layer ${layer.name}`;
      const single = layer.outputSteps === 1; // one row a sequence: there is no step to name
      const found = await inMatrix(k, layer.y, what, single ? undefined : stepAndRow(tape.shape.batchSize));
      if (found) return found;
      continue;
    }
    for (const [t, { y }] of inOrder([...layer.steps.entries()], layer.reverse)) {
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

/** The error that says what went bad first: a parameter, then something of the forward pass, then a gradient. */
export async function notFiniteError(
  k: Kernels,
  step: number,
  loss: number,
  parts: { readonly parameters: Arena; readonly tape: Tape; readonly gradients: Arena },
): Promise<UnspoolError> {
  const found = (await notFiniteIn(k, parts.parameters, 'parameter ')) ??
    (await notFiniteOnTape(k, parts.tape)) ??
    (Number.isFinite(loss) ? await notFiniteIn(k, parts.gradients, 'gradient of ') : null) ?? {
      tensor: Number.isFinite(loss) ? 'gradient norm' : 'loss',
      where: 'though parameters, input and outputs are finite',
      value: Number.isFinite(loss) ? Number.POSITIVE_INFINITY : loss,
      help: 'Lower the learning rate, or scale the data: numbers this large overflow. Are all targets finite?',
    };
  return notFinite(step, found);
}

export function notFinite(update: number, found: Finding): UnspoolError {
  const help = 'Lower the learning rate, or clip the gradient norm (1 is usual).';
  return new UnspoolError({ code: 'NOT_FINITE', update, help, ...found });
}
