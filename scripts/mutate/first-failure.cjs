/**
 * A reporter for jest that prints nothing. It writes the first test file that failed, and at the end the processor time, to
 * files, and ends the process when it has used more processor time than allowed: a change may cause an endless loop.
 */
const { existsSync, writeFileSync } = require('node:fs');
const { Worker } = require('node:worker_threads');

const { UNSPOOL_MUTATE_FAILURE: failure, UNSPOOL_MUTATE_TIME: time, UNSPOOL_MUTATE_SECONDS: seconds } = process.env;

/** Runs in a thread, because an endless loop keeps the main one busy. */
const WATCH = `
setInterval(() => {
  const { user, system } = process.cpuUsage();
  if (user + system > 1e6 * ${Number(seconds)}) process.kill(process.pid, 'SIGKILL');
}, 500);`;

module.exports = class {
  constructor() {
    new Worker(WATCH, { eval: true }).unref();
  }

  onTestResult({ path }, { numFailingTests, testExecError }) {
    if ((numFailingTests > 0 || testExecError) && !existsSync(failure)) writeFileSync(failure, path);
  }

  onRunComplete() {
    const { user, system } = process.cpuUsage();
    writeFileSync(time, String((user + system) / 1e6));
  }
};
