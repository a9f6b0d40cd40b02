/** What this machine has for tests: find-machine.mjs has looked for it. What needs more is skipped. */
import { describe, test } from '@jest/globals';

/** The path of a Chromium; empty if there was none. */
export const CHROMIUM = process.env.UNSPOOL_TEST_CHROMIUM ?? '';

/** Whether WebGPU has an adapter in Node. */
export const HAS_WEBGPU = process.env.UNSPOOL_TEST_WEBGPU === 'yes';

/** The programs that start ranks: of Open MPI and of MPICH; empty if there was none. */
export const MPI_STARTERS = (process.env.UNSPOOL_TEST_MPI ?? '').split(',').filter((name) => name !== '');

/** Whether there are koffi and a native BLAS. */
export const HAS_BLAS = process.env.UNSPOOL_TEST_BLAS === 'yes';

export const describeInChromium = CHROMIUM ? describe : describe.skip;
export const testInChromium = CHROMIUM ? test : test.skip;
export const describeOnWebGpu = HAS_WEBGPU ? describe : describe.skip;
export const describeWithBlas = HAS_BLAS ? describe : describe.skip;
export const describeWithMpi = MPI_STARTERS.length > 0 ? describe : describe.skip;
export const testOnWebGpu = HAS_WEBGPU ? test : test.skip;
