/** A reporter for jest that prints nothing and writes the first test file that failed to a file. */
const { existsSync, writeFileSync } = require('node:fs');

module.exports = class {
  onTestResult({ path }, { numFailingTests, testExecError }) {
    const place = process.env.UNSPOOL_MUTATE_FAILURE;
    if ((numFailingTests > 0 || testExecError) && !existsSync(place)) writeFileSync(place, path);
  }
};
