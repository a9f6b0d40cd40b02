/** A jest reporter that says what to install where tests were skipped because this machine lacks a browser or a GPU. */
export default class SkippedReporter {
  onRunComplete() {
    const { UNSPOOL_TEST_CHROMIUM: chromium, UNSPOOL_TEST_WEBGPU: gpu } = process.env;
    if (!chromium) {
      console.log(
        'Skipped: tests in a browser. Install Chromium (on Debian: apt-get install chromium), or set CHROMIUM to its path.',
      );
    }
    if (!gpu) {
      console.log(
        'Skipped: tests on WebGPU. Install a Vulkan driver (on Debian: apt-get install chromium libvulkan1).',
      );
    }
  }
}
