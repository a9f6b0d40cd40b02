/** The page of infer.test.ts: computes here, in a worker, in a service worker and in an AudioWorklet. */
import { compute, stream } from './infer-compute.js';

const answer = (target) => new Promise((done) => target.addEventListener('message', ({ data }) => done(data)));

function inWorker() {
  const worker = new Worker('infer-worker.js');
  const answered = answer(worker);
  worker.postMessage(null);
  return answered;
}

async function inServiceWorker() {
  await navigator.serviceWorker.register('infer-worker.js');
  const { active } = await navigator.serviceWorker.ready;
  const { port1, port2 } = new MessageChannel();
  const answered = answer(port1);
  port1.start();
  active.postMessage(null, [port2]);
  return answered;
}

/** 300 samples through a model that runs on the audio thread, one step for each sample, and the same here. */
async function inAudio() {
  const context = new OfflineAudioContext(1, 300, 8000);
  await context.audioWorklet.addModule('infer-worklet.js');
  const samples = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i / 3));
  const source = context.createBufferSource();
  source.buffer = context.createBuffer(1, 300, 8000);
  source.buffer.copyToChannel(samples, 0);
  const node = new AudioWorkletNode(context, 'stream');
  const answered = answer(node.port);
  node.port.start();
  source.connect(node).connect(context.destination);
  source.start();
  const rendered = (await context.startRendering()).getChannelData(0);
  return { computed: await answered, rendered: [...rendered], expected: [...samples.map(stream())] };
}

window.everywhere = async () => ({
  page: compute(),
  worker: await inWorker(),
  service: await inServiceWorker(),
  audio: await inAudio(),
});
window.ready = true;
