/** Layer normalization (N1). */
import type { Kernels } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { pieceOf } from '../record/values.js';
import * as shaders from '../shaders/norm.js';

export function layerNorms(rec: Recorder): Pick<Kernels, 'layerNorm' | 'layerNormGrad'> {
  return {
    layerNorm(out, { a, stats, gain, bias }, accumulate) {
      const { rows: R, cols: C } = a;
      const input = rec.read(a);
      const moments = pieceOf(rec.call(shaders.normMoments(R, C), [input]));
      rec.write(stats, rec.call(shaders.normStatistics(R), [moments]));
      const inputs = [input, moments, rec.read(gain), rec.read(bias), ...(accumulate ? [rec.read(out)] : [])];
      rec.write(out, rec.call(shaders.norm(R, C, accumulate), inputs));
    },
    layerNormGrad(d, dout, { a, stats, gain }, accumulate) {
      const { rows: R, cols: C } = a;
      const read = rec.readAll([dout, stats, a, gain]);
      const [dy, s, input] = read;
      const moments = pieceOf(rec.call(shaders.normGradMoments(R, C), read));
      const old = accumulate ? [rec.read(d.a)] : [];
      const da = rec.call(shaders.normGrad(R, C, accumulate), [...read, moments, ...old]);
      const dGain = rec.call(shaders.normGainGrad(R, C), [rec.read(d.gain), dy!, input!, moments, s!]);
      const dBias = rec.call(shaders.normBiasGrad(R, C), [rec.read(d.bias), dy!]);
      rec.write(d.a, da);
      rec.write(d.gain, dGain);
      rec.write(d.bias, dBias);
    },
  };
}
