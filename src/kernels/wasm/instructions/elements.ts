/** Element-wise instructions. */
import type { Kernels } from '../../../contract/kernels.js';
import type { WasmContext } from '../context.js';
import { Command } from '../layout.js';

type Elements = Pick<Kernels, 'fill' | 'copy' | 'add' | 'multiply' | 'combine'>;

export function elements({ wasm, threads, thresholds, at, count, afterBarrier }: WasmContext): Elements {
  return {
    fill: (out, value) =>
      threads.dispatch(Command.fill, count(out) >= thresholds.elements, [at(out), count(out)], [value]),
    copy: (out, a) => afterBarrier(() => wasm.copyColumns(at(out), 0, at(a), 0, 1, count(a), false)),
    add(out, a, b) {
      threads.pass(at(out), count(out), at(a), at(b));
      threads.dispatch(Command.add, count(out) >= thresholds.elements);
    },
    multiply: (out, a, b, accumulate) =>
      afterBarrier(() => wasm.multiply(at(out), at(a), at(b), count(out), accumulate)),
    combine: (out, alpha, a, beta, b) =>
      afterBarrier(() => wasm.combine(at(out), alpha, at(a), beta, at(b), count(out))),
  };
}
