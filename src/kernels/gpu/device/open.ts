/** Opens a mode of gpu.js. */
import { invalidSetting, type UnspoolError } from '../../../errors.js';
import { copyOf } from '../shaders/indexing.js';
import type { Device } from './device.js';
import { reasonOf, settled } from './faults.js';
import { type GpuJs, loadGpuJs, provideWebGpu } from './gpu-js.js';
import type { GpuMode } from './modes.js';
import { plainDevice } from './plain.js';
import { webGlContext, webGlDevice } from './webgl.js';
import { webGpuDevice } from './webgpu.js';

const impossible = (mode: GpuMode, problem: string, help: string): UnspoolError =>
  invalidSetting(`backend gpu:${mode}`, problem, help);

async function library(mode: GpuMode): Promise<GpuJs> {
  const found = await loadGpuJs();
  if (!found) throw impossible(mode, 'the package gpu.js is not installed.', 'npm install gpu.js@2.24');
  return found;
}

/** Opens a mode. Throws `INVALID_SETTING`, saying why, where it is not to be had here; never takes another one. */
export async function openDevice(mode: GpuMode): Promise<Device> {
  if (mode === 'webgpu') await provideWebGpu();
  const gpuJs = await library(mode);
  if (mode === 'webgpu') {
    const help = 'In Node, install the package webgpu and a Vulkan driver; in a browser, see chrome://gpu.';
    if (!(await gpuJs.GPU.isWebGPUAvailable())) throw impossible(mode, 'there is no WebGPU adapter here.', help);
    const context = await settled(() => gpuJs.WebGPUContext.acquire());
    if ('error' in context) throw impossible(mode, `there is no WebGPU device here: ${reasonOf(context.error)}.`, help);
    return webGpuDevice(gpuJs, context.value);
  }
  if (mode === 'webgl2') {
    const gl = webGlContext();
    if (!gl) {
      const help = 'Use a browser that has both, or gpu:webgpu.';
      throw impossible(mode, 'there is no WebGL 2 here, or it cannot write floats (EXT_color_buffer_float).', help);
    }
    return webGlDevice(gpuJs, gl);
  }
  const device = plainDevice(mode, gpuJs);
  try {
    await device.compile(copyOf(1), { stays: true, fromHere: true, kinds: '' }).run([new Float32Array(1), 0]);
  } catch (error) {
    device.dispose();
    const help = 'A content-security policy must allow it to make code, or use backend: wasm.';
    throw impossible(mode, `gpu.js cannot run its kernels here: ${reasonOf(error)}.`, help);
  }
  return device;
}

/** The better of the two modes that are a GPU. Throws `INVALID_SETTING` where there is neither, with both reasons. */
export async function openGpu(): Promise<Device> {
  const reasons: string[] = [];
  for (const mode of ['webgpu', 'webgl2'] as const) {
    try {
      return await openDevice(mode);
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  const problem = `there is no GPU here. ${reasons.join(' ')}`;
  throw invalidSetting('backend', problem, 'Use auto, wasm or reference.');
}
