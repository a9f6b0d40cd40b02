/** What one dispatch costs on this adapter, without a kernel worth the name: microseconds in the host and in all. */
const DISPATCHES = 1000;
const SHADER = `
@group(0) @binding(0) var<storage, read_write> x : array<f32>;
@compute @workgroup_size(1) fn main() { x[0] = x[0] + 1.0; }`;

export async function dispatchMicroseconds() {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter.requestDevice();
  const buffer = device.createBuffer({ size: 16, usage: 0x80 });
  const module = device.createShaderModule({ code: SHADER });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  const layout = pipeline.getBindGroupLayout(0);
  const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
  const times = [];
  for (let round = 0; round < 7; round++) {
    const begin = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    for (let i = 0; i < DISPATCHES; i++) {
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(1); // each reads what the one before wrote
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    const host = performance.now() - begin;
    await device.queue.onSubmittedWorkDone();
    times.push([host, performance.now() - begin]);
  }
  device.destroy();
  const best = (i) => (1000 * Math.min(...times.map((time) => time[i]))) / DISPATCHES;
  return { host: best(0), total: best(1) };
}
