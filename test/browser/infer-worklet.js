/** Runs on the audio thread: one step of the model for each sample. */
import { compute, stream } from './infer-compute.js';

class Stream extends AudioWorkletProcessor {
  constructor() {
    super();
    this.next = stream();
    this.port.postMessage(compute());
  }

  process([[input]], [[output]]) {
    for (let i = 0; i < output.length; i++) output[i] = this.next(input?.[i] ?? 0);
    return true;
  }
}
registerProcessor('stream', Stream);
