/**
 * A reporter for jest that prints nothing. It writes the first test file that failed, and at the end the processor time, to
 * files, and ends the process at its limit of processor time.
 */
const { existsSync, writeFileSync } = require('node:fs');
const { limitProcessorTime } = require('./limit.cjs');

const { UNSPOOL_MUTATE_FAILURE: failure, UNSPOOL_MUTATE_TIME: time, UNSPOOL_MUTATE_SECONDS: seconds } = process.env;

module.exports = class {
  constructor() {
    limitProcessorTime()(Number(seconds));
  }

  onTestResult({ path }, { numFailingTests, testExecError }) {
    if ((numFailingTests > 0 || testExecError) && !existsSync(failure)) writeFileSync(failure, path);
  }

  onRunComplete() {
    const { user, system } = process.cpuUsage();
    writeFileSync(time, String((user + system) / 1e6));
  }
};
