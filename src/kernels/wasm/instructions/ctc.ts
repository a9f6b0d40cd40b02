/** The CTC loss, computed in JavaScript. */
import type { Kernels } from '../../../contract/kernels.js';
import { ctcLoss } from '../../shared/ctc.js';
import { solveScaled } from '../../shared/scaled-ctc.js';
import type { WasmContext } from '../context.js';

export function ctc({ host }: WasmContext): Pick<Kernels, 'ctc'> {
  return {
    ctc(loss, dlogits, logits, targets) {
      host(loss)[0] = ctcLoss(host(dlogits), host(logits), logits.cols, targets, solveScaled);
    },
  };
}
