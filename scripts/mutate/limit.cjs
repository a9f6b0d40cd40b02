/** Ends this process when it has used more processor time than allowed: a change may cause an endless loop. */
const { Worker } = require('node:worker_threads');

/** Runs in a thread, because an endless loop keeps the main one busy. */
const WATCH = `
const { workerData: limit } = require('node:worker_threads');
setInterval(() => {
  const { user, system } = process.cpuUsage();
  if (user + system > 1e6 * limit[0]) process.kill(process.pid, 'SIGKILL');
}, 250);`;

/** Starts watching. Returns a function that sets the limit, in seconds of processor time of the whole process. */
exports.limitProcessorTime = () => {
  const limit = new Float64Array(new SharedArrayBuffer(8)).fill(Infinity);
  new Worker(WATCH, { eval: true, workerData: limit }).unref();
  return (seconds) => {
    limit[0] = seconds;
  };
};
