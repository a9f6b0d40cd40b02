/** Runs on the audio thread: collects samples, and writes the probability of speech in every 512 into memory that the page reads. */
import { CHUNK, createDetector } from '../detector.mjs';

class Detector extends AudioWorkletProcessor {
  constructor({ processorOptions: { file, count, probabilities } }) {
    super();
    this.detector = createDetector(file);
    this.state = this.detector.initialState();
    this.chunk = new Float32Array(CHUNK);
    this.filled = 0;
    this.count = count;
    this.probabilities = probabilities;
  }

  process(inputs) {
    const samples = inputs[0][0];
    if (!samples) return true;
    this.chunk.set(samples, this.filled);
    this.filled += samples.length; // 128, a divisor of 512
    if (this.filled < CHUNK) return true;
    this.filled = 0;
    const at = this.count[0] % this.probabilities.length;
    this.detector.listen(this.state, this.chunk, this.probabilities, at);
    Atomics.add(this.count, 0, 1);
    return true;
  }
}
registerProcessor('detector', Detector);
