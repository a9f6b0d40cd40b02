/** Updates by optimizers that may write NaN: an update that does is undone. */
import type { Matrix } from '../contract/kernels.js';
import type { UpdateContext } from './context.js';
import { notFinite, notFiniteIn } from './not-finite.js';

/** Runs the optimizer. Throws `NOT_FINITE` if a parameter is not finite afterwards; parameters and state are then as before. */
export async function applyOrUndo(context: UpdateContext, update: number, learningRate: number): Promise<void> {
  const { model, kernels: k, buffers } = context;
  const { gradients, norm, optimizer } = buffers;
  const arenas = [model.parameters, ...optimizer.state.values()];
  const copies: Matrix[] = [];
  const undo = (): void => {
    for (const [i, copy] of copies.entries()) k.copy(arenas[i]!.write(), copy);
  };
  try {
    for (const arena of arenas) {
      const matrix = arena.read();
      const copy = k.alloc(matrix.rows, matrix.cols);
      copies.push(copy);
      k.copy(copy, matrix);
    }
    try {
      optimizer.apply(gradients.write(), update, learningRate);
    } catch (error) {
      undo();
      throw error;
    }
    k.norm(norm, model.parameters.read());
    if (Number.isFinite((await k.download(norm))[0])) return;
    const found = await notFiniteIn(k, model.parameters, 'parameter ');
    if (!found) return; // only their norm is too large
    undo();
    const help = 'The optimizer computed it from finite gradients: check its rule, its eps and its learning rate.';
    throw notFinite(update, { ...found, where: `${found.where}, in the update`, help });
  } finally {
    for (const copy of copies) k.free(copy);
  }
}
