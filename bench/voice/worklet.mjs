/** Sends every 512 samples to the page. */
class Samples extends AudioWorkletProcessor {
  chunk = new Float32Array(512);
  filled = 0;

  process(inputs) {
    const samples = inputs[0][0];
    if (!samples) return true;
    this.chunk.set(samples, this.filled);
    this.filled += samples.length;
    if (this.filled < 512) return true;
    this.filled = 0;
    this.port.postMessage(this.chunk);
    return true;
  }
}
registerProcessor('samples', Samples);
