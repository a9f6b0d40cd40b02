/** A jest reporter that says what to install where tests were skipped because this machine lacks a browser, a GPU, MPI or a BLAS. */
export default class SkippedReporter {
  onRunComplete() {
    const { UNSPOOL_TEST_CHROMIUM: chromium, UNSPOOL_TEST_WEBGPU: gpu } = process.env;
    const { UNSPOOL_TEST_MPI: mpi, UNSPOOL_TEST_BLAS: blas } = process.env;
    if (!chromium) {
      console.log(
        'Skipped: tests in a browser. Install Chromium (on Debian: apt-get install chromium), or set CHROMIUM to its path.',
      );
    }
    if (!mpi) {
      console.log(
        'Skipped: tests with MPI. Install it (on Debian: apt-get install openmpi-bin mpich) and koffi (npm ci).',
      );
    }
    if (!blas) {
      console.log(
        'Skipped: tests with a native BLAS. Install it (on Debian: apt-get install libopenblas0) and koffi (npm ci).',
      );
    }
    if (!gpu) {
      console.log(
        'Skipped: tests on WebGPU. Install a Vulkan driver (on Debian: apt-get install chromium libvulkan1).',
      );
    }
  }
}
