/** What the name of a driver implies. */
import { GPU_THREADS, SOFTWARE_THREADS } from '../thresholds.js';

/** Drivers that compute on the CPU. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render/i;

/**
 * Whether a dispatch costs more than some arithmetic, so that the cell's kernel should compute the product that it
 * reads.
 */
export const fusesSumsOn = (adapter: string): boolean => !SOFTWARE.test(adapter);

/** The threads that keep an adapter busy. */
export const saturatingThreadsOf = (adapter: string): number =>
  SOFTWARE.test(adapter) ? SOFTWARE_THREADS : GPU_THREADS;
