/** Times the training updates of one shape on one backend, within a time limit. */
import { adam, createModel, fit } from '../../dist/index.js';
import { ADAM, makeData } from '../peers/workloads.mjs';

/** Updates before those that are timed: engines optimize, and the gpu backend makes a replay of the second update. */
export const WARM = 4;

/**
 * Milliseconds of the first update and, as medians, of one after `warm` others: elapsed, and of processor time. `null` if
 * the limit came first.
 */
export async function measure(workload, backend, { steps, warm, seconds }) {
  const { I, hidden, O, B, T } = workload;
  const layers = [
    ...hidden.map((hiddenSize) => ({ kind: 'lstm', hiddenSize, bias: 'single' })),
    { kind: 'linear', size: O },
  ];
  const { inputs, targets, parameters } = makeData(workload);
  const model = await createModel({ inputSize: I, layers }, { backend });
  try {
    for (const [name, { data }] of Object.entries(parameters)) model.parameters.set(name, data);
    const batch = { steps: T, batchSize: B, inputs, targets };
    const train = { stateful: false, length: 1 + warm + steps, batch: () => batch };
    const { counts, device } = model.kernels;
    const begin = performance.now();
    const [times, processor] = [[], []];
    let [from, used, loss, dispatches, executor] = [begin, process.cpuUsage(), 0, null, ''];
    let before = counts?.dispatches ?? 0;
    for await (const event of fit(model, { train }, { optimizer: adam(ADAM) })) {
      if (event.kind !== 'update') continue;
      const { user, system } = process.cpuUsage(used);
      times.push(performance.now() - from);
      processor.push((user + system) / 1000);
      loss = event.loss;
      executor = model.kernels.executor ?? '';
      if (counts) dispatches = counts.dispatches - before;
      before = counts?.dispatches ?? 0;
      if (performance.now() - begin > 1000 * seconds) break;
      [from, used] = [performance.now(), process.cpuUsage()];
    }
    const median = (all) => {
      const rest = all.slice(Math.min(1 + warm, all.length - 1)).sort((a, b) => a - b);
      return rest[rest.length >> 1];
    };
    const [first] = times;
    const adapter = device?.adapter ?? null;
    return {
      first,
      update: median(times),
      processor: median(processor),
      updates: times.length,
      loss,
      dispatches,
      executor,
      adapter,
    };
  } finally {
    model.dispose();
  }
}
