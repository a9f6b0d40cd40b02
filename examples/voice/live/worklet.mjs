/** Runs on the audio thread: collects samples, and posts the probability of speech in every 512. */
import { CHUNK, createDetector } from '../detector.mjs';

class Detector extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.detector = createDetector(processorOptions);
    this.state = this.detector.initialState();
    this.chunk = new Float32Array(CHUNK);
    this.filled = 0;
  }

  process([[samples]]) {
    if (!samples) return true;
    this.chunk.set(samples, this.filled);
    this.filled += samples.length; // 128, a divisor of 512
    if (this.filled < CHUNK) return true;
    this.filled = 0;
    this.port.postMessage(this.detector.probability(this.state, this.chunk));
    return true;
  }
}
registerProcessor('detector', Detector);
