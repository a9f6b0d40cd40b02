/**
 * Looks once for what some tests need: a Chromium, a GPU that Dawn (the npm package `webgpu`) can open, MPI, and OpenBLAS. jest.config.mjs
 * puts the answers into the environment, where test/support/machine.ts reads them. With UNSPOOL_TEST_HIDE=1 all are hidden,
 * as on a machine that has none of them.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** The software driver that Debian's chromium contains, for machines without a GPU. */
const SOFTWARE_DRIVER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const OPENS_A_GPU = `
const { create, globals } = await import('webgpu');
Object.assign(globalThis, globals);
process.exit((await create([]).requestAdapter()) === null ? 1 : 0);
`;

function opensGpu() {
  try {
    const options = { stdio: 'ignore', timeout: 60_000, cwd: new URL('.', import.meta.url) };
    execFileSync(process.execPath, ['--input-type=module', '--eval', OPENS_A_GPU], options);
    return true;
  } catch {
    return false;
  }
}

/** The path of koffi, or null. */
const koffi = (() => {
  try {
    return createRequire(import.meta.url).resolve('koffi');
  } catch {
    return null;
  }
})();

/** The programs of Open MPI and of MPICH that start ranks, if there is koffi. */
const mpiStarters = () =>
  ['mpirun.openmpi', 'mpiexec.mpich'].filter(
    (name) => koffi !== null && !spawnSync(name, ['--version'], { stdio: 'ignore' }).error,
  );

/** Whether koffi can load OpenBLAS, or the library in UNSPOOL_BLAS. In another process: here, it would then refuse the settings of a test. */
function hasBlas(env) {
  const program = `require(${JSON.stringify(koffi)}).load(process.env.UNSPOOL_BLAS ?? 'libopenblas.so.0')`;
  return koffi !== null && spawnSync(process.execPath, ['--eval', program], { stdio: 'ignore', env }).status === 0;
}

export function findMachine(env = process.env) {
  if (env.UNSPOOL_TEST_CHROMIUM !== undefined) return; // a worker of jest reads the configuration again
  const isHidden = env.UNSPOOL_TEST_HIDE === '1';
  // Tests see a copy of the environment, drivers do not: this must happen before a driver is loaded.
  if (isHidden) env.VK_DRIVER_FILES = 'hidden';
  else if (!env.VK_DRIVER_FILES && existsSync(SOFTWARE_DRIVER)) env.VK_DRIVER_FILES = SOFTWARE_DRIVER;
  const found = [env.CHROMIUM, ...BROWSERS].find((path) => path && existsSync(path));
  env.UNSPOOL_TEST_CHROMIUM = isHidden ? '' : (found ?? '');
  env.UNSPOOL_TEST_MPI = isHidden ? '' : mpiStarters().join(',');
  env.UNSPOOL_TEST_BLAS = !isHidden && hasBlas(env) ? 'yes' : '';
  env.UNSPOOL_TEST_WEBGPU = opensGpu() ? 'yes' : '';
}
